import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LEASE_MS } from '../../../engine/src/app/delivery-turns.ts';
import type { Endpoint, ReplayFilter } from '../../../engine/src/app/ports.ts';
import { firstIdAt, type DeliveryId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	addDeliveries,
	anAttempt,
	FAILED,
	logOf,
	SUCCEEDED,
	type DeliveryRow,
} from './delivery-rows.ts';
import { anEndpoint, MINUTE, moveIn, NOON, type Household } from './records.ts';

const LATER = NOON + 10 * MINUTE;

const EVERYTHING: ReplayFilter = {
	statuses: ['success', 'failed'],
	events: [],
	from: 0,
	to: Date.UTC(2100),
	settledFrom: null,
};

describe.each(DIALECTS)('DeliveriesRepository on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let endpoint: Endpoint;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
		endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	describe('attempts', () => {
		it('reads what the queue wrote, oldest first', async () => {
			const attempts = [anAttempt(), anAttempt({ attempt: 2, status: null, response: null })];
			const [id] = await add({ attempt_log: logOf(...attempts) });

			expect(await database.storage.deliveries.attempts(id!)).toEqual(attempts);
		});

		it('drops a first line that was cut off, wherever that was', async () => {
			const whole = logOf(anAttempt({ response: '{"{"}\n{"attempt":9}' }));
			const second = anAttempt({ attempt: 2 });
			for (let cut = 1; cut < whole.length; cut++) {
				const [id] = await add({ attempt_log: whole.slice(cut) + logOf(second) });

				expect(await database.storage.deliveries.attempts(id!)).toEqual([second]);
			}
		});

		it('knows none of a delivery that was not sent yet, or does not exist', async () => {
			const [id] = await add({});

			expect(await database.storage.deliveries.attempts(id!)).toEqual([]);
			expect(await database.storage.deliveries.attempts(ids.next('dlv'))).toEqual([]);
		});
	});

	describe('redeliver', () => {
		it.each([
			['failed', FAILED],
			['successful', SUCCEEDED],
		])('makes a %s delivery due, with all attempts ahead of it', async (_, settled) => {
			const log = logOf(anAttempt());
			const [id] = await add({ ...settled, attempts: 6, failed_attempts: 6, attempt_log: log });

			const due = await database.storage.deliveries.redeliver([id!], LATER);

			expect(due).toEqual([id]);
			expect(await rowOf(id!)).toMatchObject({
				status: 'pending',
				due_at: LATER,
				attempts: 6,
				earlier_attempts: 6,
				failed_attempts: 0,
				attempt_log: log,
				delivered_at: null,
				redelivered_at: LATER,
				updated_at: LATER,
				created_at: NOON,
			});
		});

		it('keeps the event, and with it its id', async () => {
			const [id] = await add(FAILED);
			const before = await find(id!);

			await database.storage.deliveries.redeliver([id!], LATER);

			const { eventId, payload } = await find(id!);
			expect({ eventId, payload }).toEqual({ eventId: before.eventId, payload: before.payload });
		});

		it('hands it to the queue', async () => {
			const { deliveries, queue } = database.storage;
			const [id] = await add({ ...FAILED, attempts: 6, failed_attempts: 6 });
			await deliveries.redeliver([id!], LATER);

			const turn = { now: LATER, leaseMs: MINUTE, settle: [], putOff: [], hasten: [], probe: [] };
			const [claimed] = await queue.turn({ ...turn, claim: new Map([[endpoint.id, 1]]) });

			expect(claimed?.deliveries).toMatchObject([
				{ id, attempt: 7, attemptOfRun: 1, isRedelivered: true, since: LATER },
			]);
		});

		it('takes along what waits behind a planned retry, and nothing of another chat', async () => {
			const planned = LATER + 30 * MINUTE;
			const waiting = { lane: 7, due_at: planned };
			const [head, behind, elsewhere] = await add(
				{ ...waiting, status: 'retrying', attempts: 3 },
				waiting,
				{ ...waiting, lane: 8 },
			);

			await database.storage.deliveries.redeliver([head!], LATER);

			const due = new Map((await rows()).map((row) => [row.id, row.due_at]));
			expect(due.get(head!)).toBe(LATER);
			expect(due.get(behind!)).toBe(LATER);
			expect(due.get(elsewhere!)).toBe(planned);
		});

		it('leaves alone what is on its way, what has no payload and what has no endpoint', async () => {
			const gone = anEndpoint(home.scope);
			await database.storage.endpoints.add(gone, 'whsec_a');
			const untouched = await add(
				{},
				{ due_at: LATER + LEASE_MS },
				{ status: 'retrying', due_at: LATER + LEASE_MS },
				{ ...FAILED, payload_gone: 1 },
			);
			const orphans = await addDeliveries(database.db, gone, [FAILED]);
			await database.storage.endpoints.remove(gone.id, NOON);
			const all = [...untouched, ...orphans, ids.next('dlv')];
			const before = await rows();

			expect(await database.storage.deliveries.redeliver(all, LATER)).toEqual([]);
			expect(await rows()).toEqual(before);
		});

		it('makes a retry that is planned for later due at once', async () => {
			const [id] = await add({ status: 'retrying', attempts: 4, due_at: LATER + 30 * MINUTE });

			expect(await database.storage.deliveries.redeliver([id!], LATER)).toEqual([id]);
			expect(await rowOf(id!)).toMatchObject({ status: 'retrying', attempts: 4, due_at: LATER });
		});

		it('leaves nothing waiting when the endpoint is deleted at the same moment', async () => {
			const { storage } = database;
			const [id] = await add(FAILED);
			let deleting: Promise<void> | undefined;

			await storage.transaction(async ({ deliveries }) => {
				expect(await deliveries.redeliver([id!], LATER)).toEqual([id]);
				deleting = storage.endpoints.remove(endpoint.id, LATER);
				await new Promise((resolve) => setTimeout(resolve, 50));
			});
			await deleting;

			expect(await rowOf(id!)).toMatchObject({ status: 'failed', due_at: null });
		});

		it('keeps the newest attempts of a log that grew long', async () => {
			const attempts = Array.from({ length: 60 }, (_, i) =>
				anAttempt({ attempt: i + 1, response: 'x'.repeat(1_024) }),
			);
			const [id] = await add({ ...FAILED, attempts: 60, attempt_log: logOf(...attempts) });

			await database.storage.deliveries.redeliver([id!], LATER);

			const kept = await database.storage.deliveries.attempts(id!);
			expect(kept.length).toBeGreaterThan(20);
			expect(kept).toEqual(attempts.slice(-kept.length));
			expect((await rowOf(id!)).attempt_log.length).toBeLessThanOrEqual(32 * 1_024);
		});
	});

	describe('replays', () => {
		it('take settled deliveries in the order they were made', async () => {
			const [failed, succeeded, , , unkept] = await add(
				FAILED,
				SUCCEEDED,
				{},
				{ status: 'retrying' },
				{ ...FAILED, payload_gone: 1 },
			);

			expect(await listForReplay()).toEqual([failed, succeeded, unkept]);
			expect(await listForReplay({ statuses: ['failed'] })).toEqual([failed, unkept]);
			expect(await listForReplay({ statuses: ['success'] })).toEqual([succeeded]);
			expect(await listForReplay({ statuses: ['failed'] }, failed!)).toEqual([unkept]);
			expect(await listForReplay({}, null, 2)).toEqual([failed, succeeded]);
			expect(await count()).toBe(3);
			expect(await count({ statuses: ['failed'] })).toBe(2);
			expect(await count({}, 2)).toBe(2);
		});

		it('take only what was made in their time, settled since, and of their events', async () => {
			const made = [0, 1, 2, 3].map((i) => firstIdAt('dlv', NOON + i * MINUTE));
			await add(
				{ ...FAILED, id: made[0]!, updated_at: LATER },
				{ ...FAILED, id: made[1]!, event: 'qr.updated' },
				{ ...FAILED, id: made[2]!, updated_at: LATER },
				{ ...FAILED, id: made[3]! },
			);

			const inTime = { from: NOON + MINUTE, to: NOON + 3 * MINUTE };
			expect(await listForReplay(inTime)).toEqual([made[1], made[2]]);
			expect(await listForReplay(inTime, made[0])).toEqual([made[1], made[2]]);
			expect(await listForReplay({ events: ['qr.updated'] })).toEqual([made[1]]);
			expect(await listForReplay({ settledFrom: LATER })).toEqual([made[0], made[2]]);
			expect(await count({ settledFrom: LATER })).toBe(2);
		});

		it('find the few among the many', async () => {
			const event_id = ids.next('evt');
			const rare = { ...FAILED, event: 'qr.updated', event_id } as const;
			const usual = Array.from({ length: 5_010 }, () => ({ ...SUCCEEDED, event_id }));
			const added = await add(rare, ...usual, rare);

			const found = [added[0], added.at(-1)];
			expect(await listForReplay({ events: ['qr.updated'] }, null, 5)).toEqual(found);
			expect(await count({ events: ['qr.updated'] })).toBe(2);
			expect(await count()).toBe(5_012);
		});
	});

	it('tells how much an endpoint has yet to receive', async () => {
		const { deliveries } = database.storage;
		await add(FAILED, SUCCEEDED, FAILED, { status: 'retrying' }, {});
		const other = anEndpoint(home.scope);
		await database.storage.endpoints.add(other, 'whsec_a');
		await addDeliveries(database.db, other, [FAILED]);

		expect(await deliveries.countUnsettled(endpoint.id, 100)).toBe(2);
		expect(await deliveries.countUnsettled(endpoint.id, 1)).toBe(1);
		expect(await deliveries.countUnsettled(other.id, 100)).toBe(0);
	});

	function add(...changes: Partial<DeliveryRow>[]) {
		return addDeliveries(database.db, endpoint, changes);
	}

	async function find(id: DeliveryId) {
		return (await database.storage.deliveries.find(home.scope, id))!;
	}

	function rows() {
		return database.db.selectFrom('webhook_deliveries').selectAll().orderBy('id').execute();
	}

	async function rowOf(id: DeliveryId) {
		return (await rows()).find((row) => row.id === id)!;
	}

	function listForReplay(
		changes: Partial<ReplayFilter> = {},
		after: DeliveryId | null = null,
		limit = 100,
	) {
		const filter = { ...EVERYTHING, ...changes };
		return database.storage.deliveries.listForReplay(endpoint.id, filter, { after, limit });
	}

	function count(changes: Partial<ReplayFilter> = {}, atMost = 10_000) {
		const filter = { ...EVERYTHING, ...changes };
		return database.storage.deliveries.countForReplay(endpoint.id, filter, atMost);
	}
});
