/**
 * `npm run bench:sessions`: how long a restarted engine takes to bring its sessions back, and what
 * a session costs, beside bare Baileys sockets with the same accounts against the same network.
 *
 * Options: `-- --count 50` accounts instead of 200, `--rounds 3` measurements of each instead of 2.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { EngineProcess, temporaryDir } from '../support/engine-process.ts';
import { eventually } from '../support/system.ts';
import type { BareOrder, BareReport } from './bare-sockets-main.ts';
import { NetworkProcess } from './network-process.ts';
import { exportAccounts, pairAccounts, type ExportedAccount } from './paired-accounts.ts';
import { cpuMsOf, rssBytesOf } from './process-figures.ts';
import { median, table } from './table.ts';

const BARE_MAIN = new URL('./bare-sockets-main.ts', import.meta.url).pathname;
const SECRETS_KEY = 'k'.repeat(32);

const IDLE_MS = 10_000;
/** The end of the idle time: what follows a login is over by then. */
const IDLE_CPU_MS = 5_000;
const CONNECT_PATIENCE_MS = 90_000;

/** The whole run; no round is begun that would not fit, but for the first. */
const LONGEST_RUN_MS = 4 * 60_000;

const MOST_TIME = 1.5;
const MOST_MEMORY = 1.3;

const SUBJECTS = ['engine', 'bare, keys in memory', 'bare, keys in files'] as const;
type Subject = (typeof SUBJECTS)[number];

interface Measured {
	readonly startMs: number;
	readonly readyMs: number;
	readonly cpuMs: number;
	/** What the network took meanwhile, from the same processors. */
	readonly networkCpuMs: number;
	readonly rssBytes: number;
	readonly idleCpu: number;
}

const { values } = parseArgs({
	options: {
		count: { type: 'string', default: '200' },
		rounds: { type: 'string', default: '2' },
	},
});
const count = Number(values.count);
const mostRounds = Number(values.rounds);
const begunAt = Date.now();

const folder = await temporaryDir();
const network = await NetworkProcess.start();
try {
	const exported = await prepare();
	const bases = await measureBases();
	const measured = await measureRounds(exported);
	report(bases, measured);
} finally {
	await network.stop();
	await folder.dispose();
}

async function prepare(): Promise<ExportedAccount[]> {
	const startedAt = Date.now();
	const engine = await startEngine('paired');
	const accounts = await pairAccounts(engine, network, count);
	await engine.stop();
	const exported = await exportAccounts({
		database: join(folder.path, 'paired', 'engine.sqlite'),
		secretsKey: SECRETS_KEY,
		accounts,
		into: join(folder.path, 'exported'),
	});
	console.log(`${count} accounts paired in ${seconds(Date.now() - startedAt)} s.`);
	return exported;
}

/** The same processes without any session. */
async function measureBases(): Promise<Record<Subject, number>> {
	const [engine, bare] = await Promise.all([measureEngine('empty', 0), measureBare('memory', [])]);
	return {
		engine: engine.rssBytes,
		'bare, keys in memory': bare.rssBytes,
		'bare, keys in files': bare.rssBytes,
	};
}

/** In turns, and every other round backwards: the machine has its moods. */
async function measureRounds(
	exported: readonly ExportedAccount[],
): Promise<Record<Subject, Measured[]>> {
	const measured: Record<Subject, Measured[]> = {
		engine: [],
		'bare, keys in memory': [],
		'bare, keys in files': [],
	};
	let longestMs = 0;
	for (let round = 0; round < mostRounds; round++) {
		const roundAt = Date.now();
		if (roundAt - begunAt + longestMs > LONGEST_RUN_MS) break;
		for (const subject of round % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
			const figures = await measure(subject, exported);
			measured[subject].push(figures);
			console.log(
				`round ${round + 1}, ${subject}: all connected after ${seconds(figures.startMs)} s, ` +
					`RSS ${megabytes(figures.rssBytes)} MB`,
			);
		}
		longestMs = Math.max(longestMs, Date.now() - roundAt);
	}
	return measured;
}

function measure(subject: Subject, exported: readonly ExportedAccount[]): Promise<Measured> {
	switch (subject) {
		case 'engine':
			return measureEngine('paired', exported.length);
		case 'bare, keys in memory':
			return measureBare('memory', exported);
		case 'bare, keys in files':
			return measureBare('files', exported);
	}
}

async function measureEngine(dataDir: string, expected: number): Promise<Measured> {
	const begun = beginning();
	const engine = await startEngine(dataDir);
	const readyAt = Date.now();
	try {
		const connectedAt = await lastConnection(dataDir, expected, begun.at);
		return await settled(engine.pid, begun, { readyAt, connectedAt });
	} finally {
		await engine.stop();
	}
}

/** Read from the database, so that no request disturbs what is measured. */
async function lastConnection(dataDir: string, expected: number, since: number): Promise<number> {
	if (expected === 0) return Date.now();
	const database = new DatabaseSync(join(folder.path, dataDir, 'engine.sqlite'), {
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

async function measureBare(
	keys: BareOrder['keys'],
	accounts: readonly ExportedAccount[],
): Promise<Measured> {
	const begun = beginning();
	const child = fork(BARE_MAIN);
	const exited = once(child, 'exit');
	try {
		child.send({ socketUrl: network.url, keys, accounts } satisfies BareOrder);
		const reported = once(child, 'message', { signal: AbortSignal.timeout(CONNECT_PATIENCE_MS) });
		const [{ readyAt, openAt }] = (await reported) as [BareReport];
		return await settled(child.pid!, begun, { readyAt, connectedAt: openAt });
	} finally {
		child.kill();
		await exited;
	}
}

interface Beginning {
	readonly at: number;
	readonly networkCpuMs: number;
}

function beginning(): Beginning {
	return { at: Date.now(), networkCpuMs: cpuMsOf(network.pid) };
}

/** Called as soon as all are connected. */
async function settled(
	pid: number,
	begun: Beginning,
	{ readyAt, connectedAt }: { readonly readyAt: number; readonly connectedAt: number },
): Promise<Measured> {
	const cpuMs = cpuMsOf(pid);
	const networkCpuMs = cpuMsOf(network.pid) - begun.networkCpuMs;
	await sleep(IDLE_MS - IDLE_CPU_MS);
	const cpuBefore = cpuMsOf(pid);
	await sleep(IDLE_CPU_MS);
	return {
		startMs: connectedAt - begun.at,
		readyMs: connectedAt - readyAt,
		cpuMs,
		networkCpuMs,
		rssBytes: rssBytesOf(pid),
		idleCpu: (cpuMsOf(pid) - cpuBefore) / IDLE_CPU_MS,
	};
}

function startEngine(dataDir: string): Promise<EngineProcess> {
	return EngineProcess.start({
		dataDir: join(folder.path, dataDir),
		env: {
			SECRETS_KEY,
			WHATSAPP_SOCKET_URL: network.url,
			MAX_SESSIONS_PER_WORKER: String(Math.max(250, count)),
		},
	});
}

function report(bases: Record<Subject, number>, measured: Record<Subject, Measured[]>): void {
	const perSession = (subject: Subject) => (figures: Measured) =>
		(figures.rssBytes - bases[subject]) / count;
	const row = (
		name: string,
		figure: (subject: Subject) => (figures: Measured) => number,
		print: (value: number) => string,
	) => {
		const cells = SUBJECTS.map((subject) => measured[subject].map(figure(subject)));
		const [engine, ...bare] = cells.map(median) as [number, ...number[]];
		return [
			name,
			...cells.map((all) => `${print(Math.min(...all))} / ${print(median(all))}`),
			...bare.map((value) => (value === 0 ? '–' : (engine / value).toFixed(2))),
		];
	};
	const time =
		(key: 'startMs' | 'readyMs' | 'cpuMs' | 'networkCpuMs') => () => (figures: Measured) =>
			figures[key];
	console.log(`\n${count} paired accounts, least / median of ${measured.engine.length} rounds\n`);
	console.log(
		table(
			['', ...SUBJECTS, '× memory', '× files'],
			[
				row('process start to all connected, s', time('startMs'), seconds),
				row('ready to all connected, s', time('readyMs'), seconds),
				row('CPU until all connected, s', time('cpuMs'), seconds),
				row('CPU of the network meanwhile, s', time('networkCpuMs'), seconds),
				row(
					'RSS after 10 s of idle, MB',
					() =>
						({ rssBytes }) =>
							rssBytes,
					megabytes,
				),
				[
					'RSS without sessions, MB',
					...SUBJECTS.map((subject) => megabytes(bases[subject])),
					'',
					'',
				],
				row('RSS per session, KiB', perSession, kibibytes),
				row(
					'idle CPU, %',
					() =>
						({ idleCpu }) =>
							idleCpu * 100,
					(value) => value.toFixed(1),
				),
			],
		),
	);
	const medianOf = (subject: Subject, figure: (figures: Measured) => number) =>
		median(measured[subject].map(figure));
	console.log('');
	for (const bare of SUBJECTS.slice(1)) {
		const timeRatio =
			medianOf('engine', ({ startMs }) => startMs) / medianOf(bare, ({ startMs }) => startMs);
		const memoryRatio = medianOf('engine', perSession('engine')) / medianOf(bare, perSession(bare));
		verdict(`time, against ${bare}`, timeRatio, MOST_TIME);
		verdict(`memory per session, against ${bare}`, memoryRatio, MOST_MEMORY);
	}
}

function verdict(what: string, ratio: number, most: number): void {
	console.log(
		`${ratio <= most ? 'PASS' : 'MISS'}  ${what}: ${ratio.toFixed(2)} × (at most ${most})`,
	);
}

function seconds(ms: number): string {
	return (ms / 1000).toFixed(2);
}

function megabytes(bytes: number): string {
	return (bytes / 1024 / 1024).toFixed(0);
}

function kibibytes(bytes: number): string {
	return (bytes / 1024).toFixed(0);
}
