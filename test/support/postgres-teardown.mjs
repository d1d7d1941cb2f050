import { once } from 'node:events';

/** The server's process stops and removes everything as soon as its standard input closes. */
export default async function stopPostgres() {
	const server = globalThis.testPostgres;
	if (server === undefined || server.exitCode !== null) return;
	const gone = once(server, 'exit');
	server.stdin.end();
	await gone;
}
