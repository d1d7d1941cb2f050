import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = new URL('../../engine/dist/main.js', import.meta.url).pathname;
const START_PATIENCE_MS = 30_000;

export const LIVE_KEY = `zpk_live_${'l'.repeat(43)}`;
export const TEST_KEY = `zpk_test_${'t'.repeat(43)}`;

export interface EngineOptions {
	readonly dataDir: string;
	readonly env?: Readonly<Record<string, string>>;
	/** Modules that the process loads before the engine. */
	readonly preload?: readonly string[];
	readonly uid?: number;
}

/** The built engine in a process of its own, with an environment of its own. */
export class EngineProcess {
	readonly #child: ChildProcess;
	readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
	/** Everything that it printed so far. */
	output = '';
	url = '';

	constructor({ dataDir, env = {}, preload = [], uid }: EngineOptions) {
		const imports = preload.flatMap((file) => ['--import', file]);
		this.#child = spawn(process.execPath, [...imports, MAIN], {
			stdio: ['ignore', 'pipe', 'pipe'],
			...(uid === undefined ? {} : { uid, gid: uid }),
			env: {
				PATH: process.env['PATH'],
				WHATISUP_PORT: '0',
				WHATISUP_DATA_DIR: dataDir,
				WHATISUP_LIVE_KEY: LIVE_KEY,
				WHATISUP_TEST_KEY: TEST_KEY,
				LOG_LEVEL: 'warn',
				...env,
			},
		});
		for (const stream of [this.#child.stdout, this.#child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
		}
		this.exited = once(this.#child, 'exit').then(([code, signal]) => ({
			code: code as number | null,
			signal: signal as NodeJS.Signals | null,
		}));
	}

	/** Starts it and waits until it serves. */
	static async start(options: EngineOptions): Promise<EngineProcess> {
		const engine = new EngineProcess(options);
		const until = Date.now() + START_PATIENCE_MS;
		let gone = false;
		void engine.exited.then(() => (gone = true));
		while (!engine.#foundUrl()) {
			if (gone || Date.now() > until)
				throw new Error(`the engine did not start:\n${engine.output}`);
			await sleep(10);
		}
		return engine;
	}

	get pid(): number {
		if (this.#child.pid === undefined) throw new Error('the engine did not start');
		return this.#child.pid;
	}

	kill(signal: NodeJS.Signals): void {
		this.#child.kill(signal);
	}

	/** As an operator stops it; answers how it went. */
	async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
		this.kill('SIGTERM');
		return this.exited;
	}

	/** One API call; the answer's JSON. Throws for any status but those of success. */
	async call<T = Record<string, unknown>>(
		method: string,
		path: string,
		body?: unknown,
		key = TEST_KEY,
	): Promise<T> {
		const response = await fetch(this.url + path, {
			method,
			headers: {
				authorization: `Bearer ${key}`,
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
		return (text === '' ? undefined : JSON.parse(text)) as T;
	}

	#foundUrl(): boolean {
		this.url = /ready at (http:\S+)/.exec(this.output)?.[1] ?? '';
		return this.url !== '';
	}
}

/** An empty directory that is removed when `dispose` is called. */
export async function temporaryDir(): Promise<{ path: string; dispose: () => Promise<void> }> {
	const path = await mkdtemp(join(tmpdir(), 'whatisup-'));
	return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}
