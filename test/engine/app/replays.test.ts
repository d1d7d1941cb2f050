import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint, Replay } from '../../../engine/src/app/ports.ts';
import { ReplayRunner } from '../../../engine/src/app/replay-runner.ts';
import { Replays, type ReplayWish } from '../../../engine/src/app/replays.ts';
import type { DeliveryId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { QuietDispatching } from '../../support/quiet-dispatching.ts';
import { eventually, ids, silentLog } from '../../support/system.ts';
import { addDeliveries, FAILED, SUCCEEDED, type DeliveryRow } from '../storage/delivery-rows.ts';
import { anEndpoint, MINUTE, moveIn, NOON, strangerTo } from '../storage/records.ts';

const FAILURES: ReplayWish = { statuses: ['failed'], events: [] };

describe.each(DIALECTS)('Replays on %s', (dialect) => {
	let database: TestDatabase;
	let clock: ManualClock;
	let endpoint: Endpoint;
	let dispatching: QuietDispatching;
	let replays: Replays;
	let runner: ReplayRunner;

	beforeAll(async () => {
		database = await openDatabase(dialect);
		clock = new ManualClock();
	});

	beforeEach(async () => {
		const { storage } = database;
		const { scope } = await moveIn(storage);
		endpoint = anEndpoint(scope);
		await storage.endpoints.add(endpoint, 'whsec_a');
		dispatching = new QuietDispatching();
		replays = new Replays({ storage, ids, clock });
		runner = newRunner();
	});

	afterEach(() => database.empty());

	afterAll(async () => {
		clock.stop();
		await database.close();
	});

	it('make the deliveries due that they take, oldest first and so many a second', async () => {
		const [a, b, , c] = await add(FAILED, FAILED, SUCCEEDED, FAILED);
		const { id } = await start(FAILURES, 2);

		await runner.runOnce();
		expect(await pending()).toEqual([a, b]);
		expect(await get(id)).toMatchObject({ status: 'running', redelivered: 2, finishedAt: null });
		await runner.runOnce();
		expect(await pending()).toEqual([a, b, c]);

		expect(await get(id)).toMatchObject({
			...{ status: 'completed', total: 3, redelivered: 3, skipped: 0, cursor: c },
			finishedAt: expect.any(Number),
		});
		expect(dispatching.woken).toEqual([endpoint.id, endpoint.id]);
	});

	it('go on where they were after a restart, and send nothing twice', async () => {
		const all = await add(FAILED, FAILED, FAILED);
		const { id } = await start(FAILURES, 2);
		await runner.runOnce();
		await settle(all[0]!, FAILED);

		await newRunner().runOnce();

		expect(await pending()).toEqual([all[1], all[2]]);
		expect(await get(id)).toMatchObject({ status: 'completed', redelivered: 3 });
	});

	it('take nothing that is delivered for the first time meanwhile', async () => {
		const [done, waiting] = await add(SUCCEEDED, {});
		const all = { statuses: ['failed', 'success'], events: [] } as const;
		const { id } = await start(all, 1);
		await runner.runOnce();
		await settle(done!, SUCCEEDED);
		await settle(waiting!, { ...SUCCEEDED, updated_at: clock.now() + 5 });

		await runner.runOnce();

		expect(await get(id)).toMatchObject({ status: 'completed', total: 1, redelivered: 1 });
		expect(await pending()).toEqual([]);
	});

	it('pass over what is no longer kept', async () => {
		const [, kept] = await add({ ...FAILED, payload_gone: 1 }, FAILED);
		const { id } = await start(FAILURES);

		await runner.runOnce();

		expect(await pending()).toEqual([kept]);
		expect(await get(id)).toMatchObject({ total: 2, redelivered: 1, skipped: 1 });
	});

	it('run one at a time for an endpoint', async () => {
		await add(FAILED);
		const first = await start(FAILURES);

		const refused = { code: 'replay_running', details: { replay_id: first.id } };
		await expect(start(FAILURES)).rejects.toMatchObject(refused);
		await runner.runOnce();
		expect(await start(FAILURES)).toMatchObject({ status: 'running', total: 0 });
	});

	it('are refused all but once when many ask at the same moment', async () => {
		const asked = await Promise.allSettled([1, 2, 3, 4].map(() => start(FAILURES)));

		expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		for (const one of asked) {
			if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'replay_running' });
		}
	});

	it('take nothing that is made after their start', async () => {
		const { filter } = await start({ ...FAILURES, to: clock.now() + MINUTE });

		expect(filter.to).toBeLessThanOrEqual(clock.now() + 1);
	});

	it('of an endpoint that recovers take what failed since it last worked', async () => {
		const { endpoints } = database.storage;
		const worked = { failingSince: NOON + 5, workedUntil: NOON + 2 };
		await endpoints.noteHealth(endpoint.id, worked);
		const [, , since, sinceToo] = await add(
			{ ...FAILED, updated_at: NOON + 1 },
			{ ...SUCCEEDED, updated_at: NOON + 2 },
			{ ...FAILED, updated_at: NOON + 2 },
			{ ...FAILED, updated_at: NOON + 9 },
		);
		const { scope } = household();

		const count = await replays.count(scope, endpoint.id, 'failed_since_it_worked');
		await start('failed_since_it_worked');
		await runner.runOnce();

		expect(count).toEqual({ total: 2, isExact: true });
		expect(await pending()).toEqual([since, sinceToo]);
	});

	it('stop where they are when they are cancelled', async () => {
		await add(FAILED, FAILED);
		const { id } = await start(FAILURES, 1);
		await runner.runOnce();

		const cancelled = await replays.cancel(household().scope, endpoint.id, id, 'req_2');
		await runner.runOnce();

		expect(cancelled).toMatchObject({ status: 'cancelled', redelivered: 1 });
		expect(await pending()).toHaveLength(1);
		expect(await replays.cancel(household().scope, endpoint.id, id, 'req_3')).toEqual(cancelled);
		expect(await auditRows()).toMatchObject([
			{ action: 'replay.cancelled', correlationId: 'req_2', details: { redelivered: 1 } },
			{
				action: 'replay.started',
				correlationId: 'req_1',
				details: { replay_id: id, endpoint_id: endpoint.id, total: 2, statuses: ['failed'] },
			},
		]);
	});

	it('wait while the receiver does not answer, but for one delivery to find out', async () => {
		const [probe] = await add(FAILED, FAILED, FAILED);
		await start(FAILURES);
		dispatching.state = { state: 'open', consecutiveFailures: 10, nextProbeAt: NOON };

		await runner.runOnce();
		await runner.runOnce();
		expect(await pending()).toEqual([probe]);

		dispatching.state = { state: 'closed', consecutiveFailures: 0, nextProbeAt: null };
		await runner.runOnce();
		expect(await pending()).toHaveLength(3);
	});

	it('wait while the endpoint has much to do, planned retries aside', async () => {
		const busy = await add(...Array.from({ length: 100 }, () => ({})));
		await add(...Array.from({ length: 100 }, () => ({ status: 'retrying' as const })));
		const [failed] = await add(FAILED);
		await start(FAILURES);

		await runner.runOnce();
		expect(await pending()).toEqual(busy);
		await settle(busy[0]!, SUCCEEDED);
		await runner.runOnce();
		expect(await pending()).toEqual([...busy.slice(1), failed]);
	});

	it.each([
		['deleted', 'endpoint_deleted', () => database.storage.endpoints.remove(endpoint.id, NOON)],
		[
			'disabled',
			'endpoint_disabled',
			() => database.storage.endpoints.disable(endpoint.id, 'gone', NOON),
		],
	])('end when their endpoint is %s', async (_, error, act) => {
		await add(FAILED);
		const { id } = await start(FAILURES);
		await act();

		await runner.runOnce();

		const replay = await database.storage.replays.find(endpoint.id, id);
		expect(replay).toMatchObject({ status: 'failed', error, finishedAt: expect.any(Number) });
		expect(await pending()).toEqual([]);
	});

	it('are refused where there is nobody to send to', async () => {
		const stranger = strangerTo(household().scope);
		const how = { maxPerSecond: 20, correlationId: 'req_1' };

		await expect(replays.start(stranger, endpoint.id, FAILURES, how)).rejects.toMatchObject({
			code: 'endpoint_not_found',
		});
		await expect(replays.count(stranger, endpoint.id, FAILURES)).rejects.toMatchObject({
			code: 'endpoint_not_found',
		});
		await database.storage.endpoints.disable(endpoint.id, 'by_user', NOON);
		await expect(start(FAILURES)).rejects.toMatchObject({ code: 'endpoint_disabled' });
		expect(await database.storage.replays.listRunning()).toEqual([]);
	});

	it('run by themselves, a step each second, until the engine stops', async () => {
		await add(FAILED, FAILED, FAILED);
		await start(FAILURES, 1);
		runner.start();

		clock.advance(1_000);
		await eventually(async () => (await pending()).length === 1);
		clock.advance(1_000);
		await eventually(async () => (await pending()).length === 2);
		await runner.stop();
		clock.advance(5_000);
		await new Promise((resolve) => setTimeout(resolve, 50));

		expect(await pending()).toHaveLength(2);
	});

	function newRunner(): ReplayRunner {
		const { storage } = database;
		return new ReplayRunner({ storage, dispatching, clock, log: silentLog });
	}

	function household() {
		const { customerId, mode } = endpoint;
		return { scope: { customerId, mode } };
	}

	function add(...changes: Partial<DeliveryRow>[]) {
		return addDeliveries(database.db, endpoint, changes);
	}

	function start(wish: ReplayWish, maxPerSecond = 20): Promise<Replay> {
		const how = { maxPerSecond, correlationId: 'req_1' };
		return replays.start(household().scope, endpoint.id, wish, how);
	}

	function get(id: Replay['id']): Promise<Replay> {
		return replays.get(household().scope, endpoint.id, id);
	}

	async function pending(): Promise<DeliveryId[]> {
		const rows = await database.db
			.selectFrom('webhook_deliveries')
			.select('id')
			.where('status', '=', 'pending')
			.orderBy('id')
			.execute();
		return rows.map(({ id }) => id);
	}

	async function settle(id: DeliveryId, change: Partial<DeliveryRow>): Promise<void> {
		await database.db.updateTable('webhook_deliveries').set(change).where('id', '=', id).execute();
	}

	function auditRows() {
		return database.storage.audit.list(endpoint.customerId, { limit: 10 });
	}
});
