import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { IDataObject } from 'n8n-workflow';

const MAIN = resolve(__dirname, '../../../engine/src/main.ts');
const START_PATIENCE_MS = 30_000;

/** The engine itself, from its sources, in a process of its own. */
export class RealEngine {
	/** Opens the simulated network. */
	readonly apiKey = `zpk_test_${'t'.repeat(43)}`;
	baseUrl = '';
	#child: ChildProcess | undefined;
	#dataDir = '';

	async start(): Promise<void> {
		this.#dataDir = await mkdtemp(join(tmpdir(), 'whatisup-nodes-'));
		const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], {
			stdio: ['ignore', 'pipe', 'pipe'],
			env: {
				PATH: process.env.PATH,
				WHATISUP_PORT: '0',
				WHATISUP_DATA_DIR: this.#dataDir,
				WHATISUP_TEST_KEY: this.apiKey,
				LOG_LEVEL: 'warn',
			},
		});
		this.#child = child;
		this.baseUrl = await addressOf(child);
	}

	async stop(): Promise<void> {
		const child = this.#child;
		if (child && child.exitCode === null && child.signalCode === null) {
			child.kill('SIGTERM');
			await once(child, 'exit');
		}
		await rm(this.#dataDir, { recursive: true, force: true });
	}

	/** A call of the API that no node makes, such as one that moves the simulated network. */
	async call(method: string, path: string, body?: IDataObject): Promise<IDataObject> {
		const response = await fetch(this.baseUrl + path, {
			method,
			headers: {
				authorization: `Bearer ${this.apiKey}`,
				...(body && { 'content-type': 'application/json' }),
			},
			...(body && { body: JSON.stringify(body) }),
		});
		if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
		return (await response.json()) as IDataObject;
	}
}

/** What the engine prints once it serves. */
async function addressOf(child: ChildProcess): Promise<string> {
	let output = '';
	const found = new Promise<string>((resolve, reject) => {
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text: string) => {
				output += text;
				const [, url] = /ready at (http:\S+)/.exec(output) ?? [];
				if (url !== undefined) resolve(url);
			});
		}
		const fail = () => reject(new Error(`the engine did not start:\n${output}`));
		child.once('exit', fail);
		setTimeout(fail, START_PATIENCE_MS).unref();
	});
	return await found;
}
