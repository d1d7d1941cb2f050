import { LIVE_KEY, type EngineProcess } from '../support/engine-process.ts';
import type { PairedAccount } from './paired-accounts.ts';
import type { Load } from './soak-load.ts';
import type { SoakRecord, ToldEvent } from './soak-record.ts';

export interface Check {
	readonly what: string;
	readonly found: string;
	readonly holds: boolean;
}

export function checkMessages(record: SoakRecord, load: Load): Check[] {
	const broken = [...record.byInstance().values()].filter((events) => !isGapless(events));
	return [
		checkTexts('received messages told once', load.inbound, record.texts('message.received')),
		checkTexts('sent messages told once', load.outbound, record.texts('message.sent')),
		{
			what: 'instances whose events have gaps or repeats in their sequence',
			found: `${broken.length} (${record.events.size} events)`,
			holds: broken.length === 0,
		},
		{
			what: 'deliveries repeated although they had been taken',
			found: `${record.repeatedAfterTaken} (${record.refused} were refused once)`,
			holds: record.repeatedAfterTaken === 0,
		},
		{
			what: 'events whose repeat differed from the first',
			found: String(record.changed),
			holds: record.changed === 0,
		},
	];
}

function checkTexts(
	what: string,
	expected: readonly string[],
	told: ReadonlyMap<string, number>,
): Check {
	const lost = expected.filter((text) => !told.has(text)).length;
	const doubled = [...told.values()].filter((times) => times > 1).length;
	return {
		what,
		found: `${expected.length}, ${lost} lost, ${doubled} doubled`,
		holds: lost === 0 && doubled === 0,
	};
}

/** From 1 to the last one, each once. */
function isGapless(events: readonly ToldEvent[]): boolean {
	return events.every(({ sequence }, index) => sequence === index + 1);
}

interface Transition {
	readonly from: string;
	readonly to: string;
	readonly reason: string | null;
}

/** The history and the events tell the same story, and each change begins where the last ended. */
export async function checkTransitions(
	engine: EngineProcess,
	record: SoakRecord,
	accounts: readonly PairedAccount[],
): Promise<Check[]> {
	const byInstance = record.byInstance();
	let total = 0;
	let different = 0;
	let torn = 0;
	for (const { instanceId } of accounts) {
		const history = await listTransitions(engine, instanceId);
		const events = byInstance.get(instanceId) ?? [];
		total += history.length;
		if (JSON.stringify(history) !== JSON.stringify(transitionsIn(events))) different++;
		if (history.some(({ from }, i) => i > 0 && from !== history[i - 1]!.to)) torn++;
	}
	return [
		{
			what: 'instances whose history differs from their session.status events',
			found: `${different} (${total} transitions)`,
			holds: different === 0,
		},
		{ what: 'instances whose history has a hole', found: String(torn), holds: torn === 0 },
	];
}

function transitionsIn(events: readonly ToldEvent[]): Transition[] {
	return events
		.filter(({ event }) => event === 'session.status')
		.map(({ data }) => ({
			from: String(data['previous']),
			to: String(data['state']),
			reason: data['reason'] as string | null,
		}));
}

/** Oldest first. */
async function listTransitions(engine: EngineProcess, instanceId: string): Promise<Transition[]> {
	const newestFirst: Transition[] = [];
	let cursor: string | null = '';
	while (cursor !== null) {
		const path = `/v1/instances/${instanceId}/transitions?limit=100${cursor && `&cursor=${cursor}`}`;
		const page: { data: Transition[]; next_cursor: string | null } = await engine.call(
			'GET',
			path,
			undefined,
			LIVE_KEY,
		);
		newestFirst.push(...page.data.map(({ from, to, reason }) => ({ from, to, reason })));
		cursor = page.next_cursor;
	}
	return newestFirst.reverse();
}

/** What the engine's process holds while nothing happens. */
export interface Kept {
	/** To the network. */
	readonly connections: number;
	readonly files: number;
	readonly timers: number;
	/** Active resources of Node other than timers. */
	readonly handles: number;
	readonly heapBytes: number;
	readonly rssBytes: number;
}

/**
 * What a connection that is over may leave behind for a while: Baileys keeps a timer of up to a
 * minute for each query that went unanswered. What never goes away is several of them each time.
 */
const MOST_MORE_TIMERS_PER_FAULT = 0.5;

/** Compiled code and caches, and ratchets of new contacts. */
const WARM_UP_BYTES = 6 * 1024 * 1024;
/** A third of what a session holds. */
const MOST_MORE_HEAP_BYTES_PER_FAULT = 60 * 1024;

export function checkLeaks({
	before,
	after,
	sessions,
	faults,
	output,
}: {
	readonly before: Kept;
	readonly after: Kept;
	readonly sessions: number;
	readonly faults: number;
	/** What the engine has printed. */
	readonly output: string;
}): Check[] {
	const compare = (what: string, figure: (kept: Kept) => number, more: number): Check => ({
		what,
		found: `${figure(before)} before, ${figure(after)} after`,
		holds: figure(after) <= figure(before) + more,
	});
	const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
	return [
		{
			what: 'connections to the network, one for each instance',
			found: String(after.connections),
			holds: after.connections === sessions,
		},
		compare('open files and sockets', ({ files }) => files, 0),
		compare('active handles', ({ handles }) => handles, 0),
		compare('timers', ({ timers }) => timers, MOST_MORE_TIMERS_PER_FAULT * faults),
		compare(
			'heap in use, MB',
			({ heapBytes }) => megabytes(heapBytes),
			megabytes(WARM_UP_BYTES + MOST_MORE_HEAP_BYTES_PER_FAULT * faults),
		),
		{
			what: 'RSS, MB (to know, not to judge)',
			found: `${megabytes(before.rssBytes)} before, ${megabytes(after.rssBytes)} after`,
			holds: true,
		},
		{
			what: 'warnings of too many listeners',
			found: output.includes('MaxListeners') ? 'some' : 'none',
			holds: !output.includes('MaxListeners'),
		},
	];
}
