/**
 * `npm run bench:soak`: 50 instances, a minute of random faults under messages both ways, then
 * quiet. Nothing may be lost, doubled or left behind. Ends with 1 when something was.
 *
 * Options: `-- --count 20` instances, `--seconds 30` of faults. On a slow machine the minute is cut
 * short, so that the whole run takes two minutes at most.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { EVENT_NAMES } from '../../engine/src/domain/events.ts';
import { EngineProcess, LIVE_KEY, temporaryDir } from '../support/engine-process.ts';
import { Receiver } from '../support/receiver.ts';
import { eventually } from '../support/system.ts';
import { NetworkProcess } from './network-process.ts';
import {
	allConnected,
	listInstances,
	pairAccounts,
	type PairedAccount,
} from './paired-accounts.ts';
import { connectionsOf, openFilesOf, rssBytesOf } from './process-figures.ts';
import {
	checkLeaks,
	checkMessages,
	checkTransitions,
	type Check,
	type Kept,
} from './soak-checks.ts';
import { Load } from './soak-load.ts';
import { SoakRecord } from './soak-record.ts';
import { table } from './table.ts';

const PROBE = new URL('./engine-probe.mjs', import.meta.url).pathname;

const LONGEST_RUN_MS = 2 * 60_000;
const FAULTS_MS = 60_000;
const QUIET_MS = 30_000;
/** After this long HTTP connections that nobody uses are closed. */
const IDLE_MS = 6_000;
const SHORTEST_FAULTS_MS = 15_000;
const LOOK_EVERY_MS = 250;

const { values } = parseArgs({
	options: { count: { type: 'string', default: '50' }, seconds: { type: 'string' } },
});
const count = Number(values.count);
const begunAt = Date.now();

const folder = await temporaryDir();
const network = await NetworkProcess.start({ receiptDelayMs: 50 });
const receiver = await new Receiver().start();
const record = new SoakRecord(receiver);
let engine = await startEngine();
try {
	const checks = await soak();
	const rows = checks.map(({ holds, what, found }) => [what, found, holds ? 'PASS' : 'MISS']);
	console.log(`\n${table(['', 'found', ''], rows)}`);
	process.exitCode = checks.every(({ holds }) => holds) ? 0 : 1;
} finally {
	engine.kill('SIGKILL');
	await engine.exited;
	await network.stop();
	await receiver.stop();
	await folder.dispose();
}

async function soak(): Promise<Check[]> {
	const accounts = await prepare();
	await sleep(IDLE_MS);
	const before = await kept();

	const load = new Load({ engine, network, accounts, random: Math.random });
	const faultsMs = values.seconds === undefined ? faultTime() : Number(values.seconds) * 1000;
	await load.run(faultsMs);
	await load.end();
	const quietAt = Date.now();
	const faults = [...load.faults].map(([kind, times]) => `${times} × ${kind}`).sort();
	console.log(`${(faultsMs / 1000).toFixed(0)} s of faults are over: ${faults.join(', ')}`);

	const healedMs = await quietUntil(() => allConnected(engine), quietAt);
	const toldMs = await quietUntil(async () => hasToldAll(load), quietAt);
	await sleep(IDLE_MS);
	const after = await kept();
	const instances = await listInstances(engine);
	return [
		{
			what: `connected again within ${QUIET_MS / 1000} s of quiet`,
			found: healedMs === undefined ? statesOf(instances) : `after ${seconds(healedMs)} s`,
			holds: healedMs !== undefined && healedMs <= QUIET_MS,
		},
		{
			what: 'all events and deliveries done',
			found: toldMs === undefined ? 'not yet' : `after ${seconds(toldMs)} s`,
			holds: toldMs !== undefined,
		},
		...checkMessages(record, load),
		...(await checkTransitions(engine, record, accounts)),
		...checkLeaks({
			before,
			after,
			sessions: count,
			faults: load.faultCount,
			output: engine.output,
		}),
		{
			what: 'stanzas that the network did not know, sessions that it had to cut',
			found: (await network.trouble()).slice(0, 3).join('; ') || 'none',
			holds: (await network.trouble()).length === 0,
		},
	];
}

/** A restart after the pairing: what that leaves behind for a minute is not this run's concern. */
async function prepare(): Promise<PairedAccount[]> {
	const endpoint = { url: record.url, events: EVENT_NAMES };
	await engine.call('POST', '/v1/webhook-endpoints', endpoint, LIVE_KEY);
	const accounts = await pairAccounts(engine, network, count);
	await engine.stop();
	engine = await startEngine();
	await eventually(async () => (await sleep(LOOK_EVERY_MS), allConnected(engine)), {
		withinMs: QUIET_MS,
		what: 'every session',
	});
	console.log(`${count} instances are connected after ${seconds(Date.now() - begunAt)} s.`);
	return accounts;
}

function faultTime(): number {
	const leftMs = begunAt + LONGEST_RUN_MS - Date.now() - QUIET_MS - IDLE_MS;
	return Math.max(SHORTEST_FAULTS_MS, Math.min(FAULTS_MS, leftMs));
}

/** How long after the quiet began it was so; `undefined` when it was not within the quiet. */
async function quietUntil(
	holds: () => Promise<boolean>,
	quietAt: number,
): Promise<number | undefined> {
	while (!(await holds())) {
		if (Date.now() - quietAt > QUIET_MS) return undefined;
		await sleep(LOOK_EVERY_MS);
	}
	return Date.now() - quietAt;
}

async function hasToldAll(load: Load): Promise<boolean> {
	const received = record.texts('message.received');
	const sent = record.texts('message.sent');
	return (
		load.inbound.every((text) => received.has(text)) &&
		load.outbound.every((text) => sent.has(text)) &&
		(await hasSettledAll())
	);
}

async function hasSettledAll(): Promise<boolean> {
	for (const status of ['pending', 'retrying']) {
		const path = `/v1/webhook-deliveries?status=${status}&limit=1`;
		const page = await engine.call<{ data: unknown[] }>('GET', path, undefined, LIVE_KEY);
		if (page.data.length > 0) return false;
	}
	return true;
}

async function kept(): Promise<Kept> {
	const from = engine.output.length;
	engine.kill('SIGUSR2');
	const line = await eventually(() => /^probe (.*)$/m.exec(engine.output.slice(from))?.[1], {
		what: 'the answer of the probe',
	});
	const probed = JSON.parse(line) as Pick<Kept, 'timers' | 'handles' | 'heapBytes'>;
	// Kept alive by this process, which has asked for this and that until just now.
	const ours = connectionsOf(engine.pid, 'own', portOf(engine.url));
	return {
		...probed,
		handles: probed.handles - ours,
		files: openFilesOf(engine.pid) - ours,
		connections: connectionsOf(engine.pid, 'peer', portOf(network.url)),
		rssBytes: rssBytesOf(engine.pid),
	};
}

function portOf(url: string): number {
	return Number(new URL(url).port);
}

function startEngine(): Promise<EngineProcess> {
	return EngineProcess.start({
		dataDir: folder.path,
		env: {
			WHATSAPP_SOCKET_URL: network.url,
			WEBHOOK_ALLOW_PRIVATE: `127.0.0.1:${receiver.port}`,
			MAX_SESSIONS_PER_WORKER: String(count),
		},
		preload: [PROBE],
	});
}

function statesOf(instances: readonly { readonly state: string }[]): string {
	return [...Map.groupBy(instances, ({ state }) => state)]
		.map(([state, those]) => `${those.length} ${state}`)
		.join(', ');
}

function seconds(ms: number): string {
	return (ms / 1000).toFixed(1);
}
