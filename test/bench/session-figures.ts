import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineProcess } from '../support/engine-process.ts';
import { eventually } from '../support/system.ts';
import type { BareOrder, BareReport } from './bare-sockets-main.ts';
import type { NetworkProcess } from './network-process.ts';
import type { ExportedAccount } from './paired-accounts.ts';
import { cpuMsOf, rssBytesOf } from './process-figures.ts';

const BARE_MAIN = new URL('./bare-sockets-main.ts', import.meta.url).pathname;

const IDLE_MS = 10_000;
/** The end of the idle time: what follows a login is over by then. */
const IDLE_CPU_MS = 5_000;
const CONNECT_PATIENCE_MS = 90_000;
const MOST_SESSIONS = 1_000;

export const SECRETS_KEY = 'k'.repeat(32);

/** What one start of a process came to. */
export interface Figures {
	/** From the start of the process until the last session was connected. */
	readonly startMs: number;
	/** The same from when the engine said that it was ready, or bare sockets had read their keys. */
	readonly readyMs: number;
	readonly cpuMs: number;
	/** What the network took meanwhile, from the same processors. */
	readonly networkCpuMs: number;
	readonly rssBytes: number;
	/** 1 is a whole processor. */
	readonly idleCpu: number;
}

interface Beginning {
	readonly at: number;
	readonly networkCpuMs: number;
}

/** Starts processes with sessions, and measures them until they have been idle for ten seconds. */
export class SessionFigures {
	readonly #network: NetworkProcess;
	readonly #folder: string;

	constructor(network: NetworkProcess, folder: string) {
		this.#network = network;
		this.#folder = folder;
	}

	/** The engine on this data directory, in which so many sessions are to come back. */
	async ofEngine(dataDir: string, expected: number): Promise<Figures> {
		const begun = this.#begin();
		const engine = await this.startEngine(dataDir);
		const readyAt = Date.now();
		try {
			const connectedAt = await this.#lastConnection(dataDir, expected, begun.at);
			return await this.#settle(engine.pid, begun, { readyAt, connectedAt });
		} finally {
			await engine.stop();
		}
	}

	async ofBareSockets(
		keys: BareOrder['keys'],
		accounts: readonly ExportedAccount[],
	): Promise<Figures> {
		const begun = this.#begin();
		const child = fork(BARE_MAIN);
		const exited = once(child, 'exit');
		try {
			child.send({ socketUrl: this.#network.url, keys, accounts } satisfies BareOrder);
			const signal = AbortSignal.timeout(CONNECT_PATIENCE_MS);
			const [{ readyAt, openAt }] = (await once(child, 'message', { signal })) as [BareReport];
			return await this.#settle(child.pid!, begun, { readyAt, connectedAt: openAt });
		} finally {
			child.kill();
			await exited;
		}
	}

	startEngine(dataDir: string): Promise<EngineProcess> {
		return EngineProcess.start({
			dataDir: join(this.#folder, dataDir),
			env: {
				SECRETS_KEY,
				WHATSAPP_SOCKET_URL: this.#network.url,
				MAX_SESSIONS_PER_WORKER: String(MOST_SESSIONS),
			},
		});
	}

	#begin(): Beginning {
		return { at: Date.now(), networkCpuMs: cpuMsOf(this.#network.pid) };
	}

	/** Read from the database, so that no request disturbs what is measured. */
	async #lastConnection(dataDir: string, expected: number, since: number): Promise<number> {
		if (expected === 0) return Date.now();
		const database = new DatabaseSync(join(this.#folder, dataDir, 'engine.sqlite'), {
			readOnly: true,
		});
		const connected = database.prepare(
			`select count(*) as count, max(status_since) as last from instances
			 where state = 'connected' and status_since >= ?`,
		);
		const answer = () => connected.get(since) as { count: number; last: number };
		try {
			await eventually(() => answer().count === expected, {
				withinMs: CONNECT_PATIENCE_MS,
				what: 'every session',
			});
			return answer().last;
		} finally {
			database.close();
		}
	}

	/** Called as soon as all are connected. */
	async #settle(
		pid: number,
		begun: Beginning,
		{ readyAt, connectedAt }: { readonly readyAt: number; readonly connectedAt: number },
	): Promise<Figures> {
		const cpuMs = cpuMsOf(pid);
		const networkCpuMs = cpuMsOf(this.#network.pid) - begun.networkCpuMs;
		await sleep(IDLE_MS - IDLE_CPU_MS);
		const cpuBeforeMs = cpuMsOf(pid);
		await sleep(IDLE_CPU_MS);
		return {
			startMs: connectedAt - begun.at,
			readyMs: connectedAt - readyAt,
			cpuMs,
			networkCpuMs,
			rssBytes: rssBytesOf(pid),
			idleCpu: (cpuMsOf(pid) - cpuBeforeMs) / IDLE_CPU_MS,
		};
	}
}
