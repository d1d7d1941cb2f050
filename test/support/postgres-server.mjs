import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, runQuietly } from '../../scripts/command.mjs';

/**
 * A PostgreSQL server for one test run, as a process of its own: started with the folder of
 * PostgreSQL's programs, it prints the server's address and serves until its standard input
 * closes. That happens however the test run ends, a SIGKILL included, so no server and no
 * folder outlives its run.
 */
const USER = 'whatisup';
const READY = 'database system is ready to accept connections';
const ATTEMPTS = 3;

const [programs] = process.argv.slice(2);
const account = unprivilegedAccount();
const folder = mkdtempSync(join(tmpdir(), 'whatisup-postgres-'));
const data = join(folder, 'data');
let server;

const abandoned = new Promise((resolve) => process.stdin.resume().once('close', resolve));
try {
	if (account.uid !== undefined) chownSync(folder, account.uid, account.gid);
	await initialise();
	const address = await serve();
	process.stdout.write(`${address}\n`);
	await abandoned;
} catch (error) {
	process.stderr.write(`PostgreSQL did not start. ${error.message}\n${error.output ?? ''}`);
	process.exitCode = 1;
} finally {
	await stop();
	rmSync(folder, { recursive: true, force: true });
}

function initialise() {
	const options = ['--username', USER, '--auth=trust', '--encoding=UTF8', '--locale=C'];
	return runQuietly(join(programs, 'initdb'), ['-D', data, '--no-sync', ...options], {
		...account,
		cwd: folder,
	});
}

/** Between finding a free port and taking it, another process may take it: then try the next. */
async function serve(attempt = 1) {
	const port = await freePort();
	try {
		await listen(port);
	} catch (error) {
		if (attempt === ATTEMPTS) throw error;
		return serve(attempt + 1);
	}
	return `postgres://${USER}@127.0.0.1:${port}/postgres`;
}

function listen(port) {
	const settings = {
		listen_addresses: '127.0.0.1',
		port,
		unix_socket_directories: '',
		max_connections: 200,
		// This data is thrown away: nothing here needs to survive a power cut.
		fsync: 'off',
		full_page_writes: 'off',
		shared_buffers: '32MB',
		jit: 'off',
	};
	const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
	server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], {
		...account,
		cwd: folder,
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	return new Promise((resolve, reject) => {
		let log = '';
		server.stderr.setEncoding('utf8').on('data', (text) => {
			if (log.includes(READY)) return;
			log += text;
			if (log.includes(READY)) resolve();
		});
		ended(server).then(({ reason }) => reject(new Error(`It ${reason}.\n${log}`)));
	});
}

/** SIGQUIT is PostgreSQL's way to stop at once, without tidying its files up first. */
async function stop() {
	if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
	const gone = ended(server);
	server.kill('SIGQUIT');
	await gone;
}

function freePort() {
	return new Promise((resolve, reject) => {
		const probe = createServer().once('error', reject);
		probe.listen(0, '127.0.0.1', () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

/** PostgreSQL refuses to run as root. Debian's package made it an account; nobody will do too. */
function unprivilegedAccount() {
	if (process.getuid?.() !== 0) return {};
	const accounts = readFileSync('/etc/passwd', 'utf8')
		.split('\n')
		.map((line) => line.split(':'));
	const [, , uid, gid] = ['postgres', 'nobody']
		.map((name) => accounts.find(([account]) => account === name))
		.find((account) => account !== undefined);
	return { uid: Number(uid), gid: Number(gid) };
}
