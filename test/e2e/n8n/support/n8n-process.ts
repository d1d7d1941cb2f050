import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { patiently } from './patiently.ts';

const END_WITH_PARENT = new URL('end-with-parent.mjs', import.meta.url).pathname;
const START_PATIENCE_MS = 100_000;
const STOP_PATIENCE_MS = 10_000;

/** Everything that n8n would do beside running workflows. */
const QUIET = {
	N8N_DIAGNOSTICS_ENABLED: 'false',
	N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
	N8N_TEMPLATES_ENABLED: 'false',
	N8N_PERSONALIZATION_ENABLED: 'false',
	N8N_HIRING_BANNER_ENABLED: 'false',
};

export interface N8nOptions {
	/** Holds n8n's database, settings and community packages. */
	readonly userFolder: string;
	readonly port: number;
	/** What n8n takes for its own address when it registers webhooks. */
	readonly webhookUrl: string;
}

/** A real n8n in a process of its own, with an environment of its own. */
export class N8nProcess {
	readonly #options: N8nOptions;
	#child: ChildProcess | undefined;
	/** Everything that it printed so far. */
	output = '';

	constructor(options: N8nOptions) {
		this.#options = options;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#options.port}`;
	}

	/** Returns once it serves. */
	async start(): Promise<this> {
		const child = spawn(process.execPath, ['--import', END_WITH_PARENT, n8nProgram(), 'start'], {
			stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
			env: await this.#environment(),
		});
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
		}
		this.#child = child;
		try {
			await patiently('its start', () => this.#isReady(), START_PATIENCE_MS);
		} catch (error) {
			await this.stop();
			throw new Error(`n8n did not start:\n${this.output}`, { cause: error });
		}
		return this;
	}

	/** As an operator stops it; what does not stop is killed. */
	async stop(): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const exited = once(child, 'exit');
		const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
		child.kill('SIGTERM');
		await exited;
		clearTimeout(deadline);
	}

	async #environment(): Promise<Record<string, string>> {
		const { userFolder, port, webhookUrl } = this.#options;
		return {
			// n8n starts its task runner as `node`, which must be the same one.
			PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
			HOME: userFolder,
			N8N_USER_FOLDER: userFolder,
			N8N_PORT: String(port),
			N8N_HOST: '127.0.0.1',
			N8N_LISTEN_ADDRESS: '127.0.0.1',
			N8N_WEBHOOK_URL: webhookUrl,
			N8N_RUNNERS_BROKER_PORT: String(await freePort()),
			N8N_SECURE_COOKIE: 'false',
			...QUIET,
		};
	}

	/** `/healthz` answers long before n8n can do anything; its settings come last. */
	async #isReady(): Promise<boolean> {
		const { exitCode } = this.#child ?? {};
		if (typeof exitCode === 'number') throw new Error(`n8n exited with ${exitCode}`);
		try {
			const response = await fetch(`${this.url}/rest/settings`);
			await response.body?.cancel();
			return response.ok && response.headers.get('content-type')?.includes('json') === true;
		} catch {
			return false;
		}
	}
}

/** A port that nothing listens on. n8n cannot choose one by itself. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}

function n8nProgram(): string {
	const folder = process.env['WHATISUP_TEST_N8N'];
	if (folder === undefined) throw new Error('These tests are run by: npm run test:n8n');
	return join(folder, 'node_modules', 'n8n', 'bin', 'n8n');
}
