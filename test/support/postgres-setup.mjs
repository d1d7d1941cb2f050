import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requireProgram } from './debian-package.mjs';
import { postgres } from './postgres-programs.mjs';

const SERVER = fileURLToPath(new URL('./postgres-server.mjs', import.meta.url));

/** One real PostgreSQL for the whole run. Workers learn its address from the environment. */
export default async function startPostgres() {
	const programs = await requireProgram(postgres, (text) => process.stderr.write(`${text}\n`));
	const server = spawn(process.execPath, [SERVER, programs], {
		stdio: ['pipe', 'pipe', 'inherit'],
		// Ctrl-C reaches every process of the terminal's group. This one must outlive the run by
		// a moment, to clean up.
		detached: true,
	});
	const [address] = await Promise.race([
		once(createInterface({ input: server.stdout }), 'line'),
		once(server, 'exit').then(() => []),
	]);
	if (address === undefined) throw new Error('The tests need PostgreSQL, and it did not start.');
	process.env.WHATISUP_TEST_POSTGRES = address;
	globalThis.testPostgres = server;
}
