import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompiledQuery, type KyselyPlugin, type RootOperationNode } from 'kysely';
import type { DeliveryFilter, DeliveryStore, ReplayFilter } from '../../../engine/src/app/ports.ts';
import { DeliveriesRepository } from '../../../engine/src/storage/deliveries-repository.ts';
import { EndpointsRepository } from '../../../engine/src/storage/endpoints-repository.ts';
import { PayloadsRepository } from '../../../engine/src/storage/payloads-repository.ts';
import { ReplaysRepository } from '../../../engine/src/storage/replays-repository.ts';
import { SecretBox } from '../../../engine/src/storage/secret-box.ts';
import { openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { addDeliveries, FAILED } from './delivery-rows.ts';
import { anEndpoint, anInstance, MINUTE, moveIn, NOON, type Household } from './records.ts';

const ENDPOINT = ids.next('wh');
const EVENT = ids.next('evt');
const INSTANCE = ids.next('inst');
const SENT = { event: 'message.sent' } as const;

/**
 * SQLite says how it would run each query of the log. None of them may read a whole table, or sort
 * what it found: then no log is too long for it.
 */
describe('The log of deliveries in SQLite', () => {
	let database: TestDatabase;
	let home: Household;

	beforeAll(async () => {
		database = await openDatabase('sqlite');
		home = await moveIn(database.storage);
		await database.storage.instances.add(anInstance(home.scope, { id: INSTANCE }));
		await database.storage.endpoints.add(anEndpoint(home.scope, { id: ENDPOINT }), 'whsec_a');
		await addDeliveries(database.db, { id: ENDPOINT, ...home.scope }, [FAILED]);
	});

	afterAll(() => database.close());

	it.each<[index: string, filters: string, filter: DeliveryFilter]>([
		['list', 'no filter', {}],
		['list', 'success', { status: 'success' }],
		['list', 'a time', { from: NOON, to: NOON + MINUTE }],
		['troubled', 'another status', { status: 'failed' }],
		['troubled', 'status and event', { status: 'pending', event: 'message.sent' }],
		['troubled', 'status and instance', { status: 'failed', instanceId: INSTANCE }],
		['troubled', 'status and time', { status: 'retrying', from: NOON }],
		['list_by_event', 'an event', { event: 'message.sent' }],
		['list_by_event', 'event, success and time', { ...SENT, status: 'success', to: NOON }],
		['list_by_instance', 'an instance', { instanceId: INSTANCE }],
		['list_by_instance', 'instance and event', { ...SENT, instanceId: INSTANCE }],
		['list_by_endpoint', 'an endpoint', { endpointId: ENDPOINT }],
		['list_by_endpoint', 'endpoint, event and time', { ...SENT, endpointId: ENDPOINT, from: NOON }],
		['list_by_endpoint', 'endpoint and instance', { endpointId: ENDPOINT, instanceId: INSTANCE }],
		['list_by_endpoint', 'endpoint and success', { endpointId: ENDPOINT, status: 'success' }],
		['troubled_by_endpoint', 'endpoint and status', { endpointId: ENDPOINT, status: 'failed' }],
		[
			'troubled_by_endpoint',
			'endpoint, status and event',
			{ ...SENT, endpointId: ENDPOINT, status: 'retrying' },
		],
		['troubled', 'endpoint and what is pending', { endpointId: ENDPOINT, status: 'pending' }],
		['of_event', 'one event', { eventId: EVENT }],
		[
			'of_event',
			'one event, endpoint and status',
			{ eventId: EVENT, endpointId: ENDPOINT, status: 'failed' },
		],
	])('is listed along its index %s with %s as filter', async (index, _, filter) => {
		const plans = await plansOf((store) =>
			store.list(home.scope, filter, { limit: 50, before: ids.next('dlv') }),
		);

		expect(readsOf(plans)).toContainEqual(reading(index));
		expectNoLongWay(plans);
	});

	it.each<[string, ReplayFilter['statuses']]>([
		['troubled_by_endpoint', ['failed']],
		['list_by_endpoint', ['success', 'failed']],
	])('is read along its index %s for replays of %j', async (index, statuses) => {
		const filter = { statuses, events: [], from: 0, to: NOON, settledFrom: NOON };

		const plans = await plansOf(async (store) => {
			await store.listForReplay(ENDPOINT, filter, { after: null, limit: 20 });
			await store.countForReplay(ENDPOINT, filter, 1_000);
		});

		expect(readsOf(plans)).toContainEqual(reading(index));
		expectNoLongWay(plans);
	});

	it('is looked into without a long way for everything else', async () => {
		const [id] = await addDeliveries(database.db, { id: ENDPOINT, ...home.scope }, [FAILED]);

		const plans = await plansOf(async (store) => {
			await store.find(home.scope, id!);
			await store.attempts(id!);
			await store.countUnsettled(ENDPOINT, 100);
			await store.redeliver([id!], NOON);
		});

		expectNoLongWay(plans);
	});

	it('is searched along indexes for payloads whose time is over', async () => {
		await addDeliveries(database.db, { id: ENDPOINT, ...home.scope }, [FAILED]);
		const recorder = new Recorder(database);
		const payloads = new PayloadsRepository(database.db.withPlugin(recorder), 'sqlite');

		await payloads.forgetSettled('failed', NOON + MINUTE, 500);
		await payloads.forgetUndelivered(Date.now() + MINUTE, null, 500);

		const plans = await recorder.plans();
		expect(readsOf(plans)).toContainEqual(reading('kept'));
		expectNoLongWay(plans.filter((plan) => !plan.startsWith('SCAN json_each')));
	});

	it('has an index of the replays that run', async () => {
		const recorder = new Recorder(database);

		await new ReplaysRepository(database.db.withPlugin(recorder)).listRunning();

		const plans = await recorder.plans();
		expect(plans).toEqual(['SCAN webhook_replays USING INDEX webhook_replays_running']);
	});

	it('has an index of the endpoints that are to be deleted', async () => {
		const recorder = new Recorder(database);
		const endpoints = new EndpointsRepository(
			database.db.withPlugin(recorder),
			'sqlite',
			new SecretBox('s'.repeat(32)),
		);

		await endpoints.listToDelete(NOON, 100);

		const [plan, ...rest] = await recorder.plans();
		expect(plan).toMatch(/^SEARCH webhook_endpoints USING INDEX webhook_endpoints_to_delete /);
		expect(rest).toEqual([]);
	});

	async function plansOf(ask: (store: DeliveryStore) => Promise<unknown>): Promise<string[]> {
		const recorder = new Recorder(database);
		await ask(new DeliveriesRepository(database.db.withPlugin(recorder), 'sqlite'));
		return recorder.plans();
	}
});

/** Keeps the queries that pass, to ask SQLite how it runs them. */
class Recorder implements KyselyPlugin {
	readonly #database: TestDatabase;
	readonly #queries: CompiledQuery[] = [];

	constructor(database: TestDatabase) {
		this.#database = database;
	}

	transformQuery({ node, queryId }: Parameters<KyselyPlugin['transformQuery']>[0]) {
		this.#queries.push(this.#database.db.getExecutor().compileQuery(node, queryId));
		return node as RootOperationNode;
	}

	async transformResult({ result }: Parameters<KyselyPlugin['transformResult']>[0]) {
		return result;
	}

	async plans(): Promise<string[]> {
		const plans: string[] = [];
		for (const { sql, parameters } of this.#queries) {
			const query = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]);
			const { rows } = await this.#database.db.executeQuery(query);
			plans.push(...(rows as { detail: string }[]).map(({ detail }) => detail));
		}
		return plans;
	}
}

function reading(index: string) {
	const start = 'SEARCH webhook_deliveries USING (COVERING )?INDEX webhook_deliveries';
	return expect.stringMatching(new RegExp(`^${start}_${index} \\(`));
}

function readsOf(plans: readonly string[]): string[] {
	return plans.filter((plan) => plan.startsWith('SEARCH webhook_deliveries'));
}

function expectNoLongWay(plans: readonly string[]): void {
	const scans = plans.filter(
		(plan) => plan.startsWith('SCAN') && !/^SCAN (looked|some)$/.test(plan),
	);
	expect(scans).toEqual([]);
	expect(plans.filter((plan) => plan.includes('B-TREE'))).toEqual([]);
}
