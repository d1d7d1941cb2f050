/**
 * `npm run bench:sessions`: how long a restarted engine takes to bring its sessions back, and what
 * a session costs, beside bare Baileys sockets with the same accounts against the same network.
 *
 * Options: `-- --count 50` accounts instead of 200, `--rounds 3` measurements of each instead of 2.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryDir } from '../support/engine-process.ts';
import { NetworkProcess } from './network-process.ts';
import { exportAccounts, pairAccounts, type ExportedAccount } from './paired-accounts.ts';
import { SECRETS_KEY, SessionFigures, type Figures } from './session-figures.ts';
import { median, table } from './table.ts';

/** No round is begun that would not fit into this, but for the first. */
const LONGEST_RUN_MS = 4 * 60_000;

const MOST_TIME = 1.5;
const MOST_MEMORY = 1.3;

const BARE = ['bare, keys in memory', 'bare, keys in files'] as const;
const SUBJECTS = ['engine', ...BARE] as const;
type Subject = (typeof SUBJECTS)[number];
type Of<T> = Readonly<Record<Subject, T>>;

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
const figures = new SessionFigures(network, folder.path);
try {
	const accounts = await prepare();
	const bases = await measureBases();
	report(bases, await measureRounds(accounts));
} finally {
	await network.stop();
	await folder.dispose();
}

async function prepare(): Promise<ExportedAccount[]> {
	const engine = await figures.startEngine('paired');
	const accounts = await pairAccounts(engine, network, count);
	await engine.stop();
	const exported = await exportAccounts({
		database: join(folder.path, 'paired', 'engine.sqlite'),
		secretsKey: SECRETS_KEY,
		accounts,
		into: join(folder.path, 'exported'),
	});
	console.log(`${count} accounts are paired after ${seconds(Date.now() - begunAt)} s.`);
	return exported;
}

/** The RSS of the same processes without any session. */
async function measureBases(): Promise<Of<number>> {
	const [engine, bare] = await Promise.all([
		figures.ofEngine('empty', 0),
		figures.ofBareSockets('memory', []),
	]);
	return {
		engine: engine.rssBytes,
		'bare, keys in memory': bare.rssBytes,
		'bare, keys in files': bare.rssBytes,
	};
}

/** In turns, and every other round backwards: the machine has its moods. */
async function measureRounds(accounts: readonly ExportedAccount[]): Promise<Of<Figures[]>> {
	const measured: Of<Figures[]> = {
		engine: [],
		'bare, keys in memory': [],
		'bare, keys in files': [],
	};
	let longestMs = 0;
	for (let round = 0; round < mostRounds; round++) {
		const roundAt = Date.now();
		if (round > 0 && roundAt - begunAt + longestMs > LONGEST_RUN_MS) break;
		for (const subject of round % 2 === 0 ? SUBJECTS : SUBJECTS.toReversed()) {
			const found = await measure(subject, accounts);
			measured[subject].push(found);
			console.log(
				`round ${round + 1}, ${subject}: all connected after ${seconds(found.startMs)} s, ` +
					`RSS ${megabytes(found.rssBytes)} MB`,
			);
		}
		longestMs = Math.max(longestMs, Date.now() - roundAt);
	}
	return measured;
}

function measure(subject: Subject, accounts: readonly ExportedAccount[]): Promise<Figures> {
	switch (subject) {
		case 'engine':
			return figures.ofEngine('paired', accounts.length);
		case 'bare, keys in memory':
			return figures.ofBareSockets('memory', accounts);
		case 'bare, keys in files':
			return figures.ofBareSockets('files', accounts);
	}
}

function report(bases: Of<number>, measured: Of<Figures[]>): void {
	const all = (pick: (found: Figures, subject: Subject) => number) =>
		SUBJECTS.map((subject) => measured[subject].map((found) => pick(found, subject)));
	const row = (name: string, cells: readonly number[][], print: (value: number) => string) => {
		const [engine, ...bare] = cells.map(median) as [number, ...number[]];
		return [
			name,
			...cells.map((each) => `${print(Math.min(...each))} / ${print(median(each))}`),
			...bare.map((value) => (value === 0 ? '–' : (engine / value).toFixed(2))),
		];
	};
	const times = all(({ startMs }) => startMs);
	const memory = all(({ rssBytes }, subject) => (rssBytes - bases[subject]) / count);
	const rows = [
		row('process start to all connected, s', times, seconds),
		row(
			'ready to all connected, s',
			all(({ readyMs }) => readyMs),
			seconds,
		),
		row(
			'CPU until all connected, s',
			all(({ cpuMs }) => cpuMs),
			seconds,
		),
		row(
			'CPU of the network meanwhile, s',
			all(({ networkCpuMs }) => networkCpuMs),
			seconds,
		),
		row(
			'RSS after 10 s of idle, MB',
			all(({ rssBytes }) => rssBytes),
			megabytes,
		),
		['RSS without sessions, MB', ...SUBJECTS.map((subject) => megabytes(bases[subject])), '', ''],
		row('RSS per session, KiB', memory, kibibytes),
		row(
			'idle CPU, %',
			all(({ idleCpu }) => idleCpu),
			percent,
		),
	];
	console.log(`\n${count} accounts, least / median of ${measured.engine.length} rounds\n`);
	console.log(table(['', ...SUBJECTS, '× memory', '× files'], rows));
	console.log('');
	for (const [index, bare] of BARE.entries()) {
		verdict(`time, against ${bare}`, ratio(times, index + 1), MOST_TIME);
		verdict(`memory per session, against ${bare}`, ratio(memory, index + 1), MOST_MEMORY);
	}
}

function ratio(cells: readonly number[][], other: number): number {
	return median(cells[0]!) / median(cells[other]!);
}

function verdict(what: string, found: number, most: number): void {
	console.log(
		`${found <= most ? 'PASS' : 'MISS'}  ${what}: ${found.toFixed(2)} × (target ${most})`,
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

function percent(part: number): string {
	return (part * 100).toFixed(1);
}
