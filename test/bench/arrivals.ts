/**
 * From a contact's phone to a receiver: what becomes of messages under a steady load, in a burst,
 * while the receiver is out of order, and when the engine is killed. Bare Baileys sockets with
 * their keys in memory take the same loads from the same network, up to `messages.upsert`.
 *
 * Runs alone as well: `node test/bench/arrivals.ts`, with `--count 1000` messages in a burst
 * instead of 5,000, `--only one` for one instance without the rest.
 */
import { parseArgs } from 'node:util';
import { temporaryDir } from '../support/engine-process.ts';
import { ArrivalRuns, type RunOf } from './arrivals-runs.ts';
import type { ArrivalFigures } from './arrivals-figures.ts';
import { table } from './table.ts';

export interface ArrivalOptions {
	/** Messages in a burst. */
	readonly burst?: number;
	readonly only?: string | undefined;
}

const BURST = 5_000;
const PER_SECOND = 50;
const PACED_SECONDS = 20;
const INSTANCES = 50;

/** The machine has its moods: the middle one of three rounds counts, with the faults of all. */
const ROUNDS = 3;

const LEAST_BURST_RATIO = 0.5;
const MOST_PACED_P99_MS = 25;

/** Answers whether every target was met. */
export async function benchArrivals(options: ArrivalOptions = {}): Promise<boolean> {
	const folder = await temporaryDir();
	const runs = new ArrivalRuns(folder.path);
	try {
		const measured = await measure(runs, options);
		return report(measured);
	} finally {
		await runs.stop();
		await folder.dispose();
	}
}

interface Measured {
	readonly name: string;
	readonly engine: ArrivalFigures;
	readonly bare?: ArrivalFigures;
	readonly kind: 'paced' | 'burst' | 'fault';
}

async function measure(runs: ArrivalRuns, { burst = BURST, only }: ArrivalOptions) {
	const measured: Measured[] = [];
	const isAsked = (part: string) => only === undefined || only === part;
	const paced = { count: PER_SECOND * PACED_SECONDS, perSecond: PER_SECOND };
	const compare = async (kind: 'paced' | 'burst', of: RunOf, name: string) => {
		const load = kind === 'paced' ? paced : { count: burst };
		const rounds: { engine: ArrivalFigures; bare: ArrivalFigures }[] = [];
		for (let round = 1; round <= ROUNDS; round++) {
			const engine = await runs.engine(of, load);
			const bare = await runs.bare(of, load);
			rounds.push({ engine, bare });
			console.log(`${name}, round ${round}: ${brief(engine)}, bare ${brief(bare)}`);
		}
		const engine = middle(
			kind,
			rounds.map((round) => round.engine),
		);
		measured.push({
			kind,
			name,
			engine,
			bare: middle(
				kind,
				rounds.map(({ bare }) => bare),
			),
		});
	};

	await runs.prepare({ instances: isAsked('fifty') ? INSTANCES : 0 });
	if (isAsked('one')) {
		await compare('paced', 'one', '1 instance, 1 chat, 50/s');
		await compare('burst', 'one', `1 instance, 1 chat, ${burst} at once`);
	}
	if (isAsked('fifty')) {
		await compare('paced', 'fifty', '50 instances, 50 chats, 50/s');
		await compare('burst', 'fifty', `50 instances, 50 chats, ${burst} at once`);
	}
	if (isAsked('faults')) {
		const { after500, after404 } = await runs.outages({
			...paced,
			outage500Ms: 10_000,
			outage404Ms: 5_000,
		});
		measured.push({ kind: 'fault', name: '10 s of 500, 10 chats, 50/s', engine: after500 });
		measured.push({ kind: 'fault', name: '5 s of 404, 10 chats, 50/s', engine: after404 });
		measured.push({
			kind: 'fault',
			name: 'SIGKILL, 10 chats, 1000 at once',
			engine: await runs.killed({ count: 1_000 }),
		});
	}
	return measured;
}

function middle(kind: 'paced' | 'burst', rounds: readonly ArrivalFigures[]): ArrivalFigures {
	const by = kind === 'paced' ? 'p99Ms' : 'perSecond';
	const sorted = rounds.toSorted((one, other) => one[by] - other[by]);
	return withAllFaults(sorted[Math.floor(sorted.length / 2)]!, rounds);
}

function withAllFaults(figures: ArrivalFigures, rounds: readonly ArrivalFigures[]): ArrivalFigures {
	const sum = (fault: 'lost' | 'doubled' | 'repeated' | 'outOfOrder') =>
		rounds.reduce((total, round) => total + round[fault], 0);
	return {
		...figures,
		lost: sum('lost'),
		doubled: sum('doubled'),
		repeated: sum('repeated'),
		outOfOrder: sum('outOfOrder'),
	};
}

function brief({ perSecond, p99Ms }: ArrivalFigures): string {
	return `${Math.round(perSecond)}/s, p99 ${ms(p99Ms)} ms`;
}

function report(measured: readonly Measured[]): boolean {
	const rows = measured.flatMap(({ name, engine, bare }) => [
		row(name, 'engine', engine, bare ? (engine.perSecond / bare.perSecond).toFixed(2) : '–'),
		...(bare ? [row('', 'bare', bare, '')] : []),
	]);
	const header = ['messages to webhooks', '', '/s', '× bare', 'p50 ms', 'p99 ms'];
	const faults = ['lost', 'doubled', 'out of order', 'sent again'];
	console.log(`\n${table([...header, ...faults], rows)}\n`);
	return measured.map(judge).every((isMet) => isMet);
}

function row(name: string, subject: string, figures: ArrivalFigures, ratio: string): string[] {
	const { perSecond, p50Ms, p99Ms, lost, doubled, outOfOrder, repeated } = figures;
	const times = [Math.round(perSecond), ratio, ms(p50Ms), ms(p99Ms)];
	return [name, subject, ...[...times, lost, doubled, outOfOrder, repeated].map(String)];
}

function judge({ name, kind, engine, bare }: Measured): boolean {
	const { lost, doubled, outOfOrder } = engine;
	const whole = lost + doubled + outOfOrder === 0;
	const met = [target(`${name}: none lost, doubled or out of order`, whole)];
	if (kind === 'paced') {
		met.push(
			target(`${name}: p99 below ${MOST_PACED_P99_MS} ms`, engine.p99Ms < MOST_PACED_P99_MS),
		);
	}
	if (kind === 'burst' && bare) {
		const isFast = engine.perSecond >= bare.perSecond * LEAST_BURST_RATIO;
		met.push(target(`${name}: at least ${LEAST_BURST_RATIO} of bare`, isFast));
	}
	return met.every((isMet) => isMet);
}

function target(what: string, isMet: boolean): boolean {
	console.log(`target ${what}: ${isMet ? 'met' : 'missed'}`);
	return isMet;
}

function ms(value: number): string {
	return value.toFixed(1);
}

if (import.meta.main) {
	const { values } = parseArgs({
		options: { count: { type: 'string' }, only: { type: 'string' } },
	});
	const burst = Number(values.count ?? BURST);
	process.exitCode = (await benchArrivals({ burst, only: values.only })) ? 0 : 1;
}
