import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import type { NewEvent } from '../../../engine/src/domain/events.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	anEndpoint,
	anInstance,
	disconnected,
	moveIn,
	NOON,
	sent,
	strangerTo,
	type Household,
} from './records.ts';

const ENDPOINT_DISABLED: NewEvent = {
	event: 'endpoint.disabled',
	occurredAt: NOON,
	data: { endpoint_id: ids.next('wh'), reason: 'gone', failing_since: null },
};

describe.each(DIALECTS)('EventsRepository on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('numbers the events of each instance from 1, in the order they were given', async () => {
		const { events, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);

		await events.append(home.instanceId, [sent('a'), sent('b')], NOON);
		await events.append(neighbour.id, [sent('z')], NOON);
		await events.append(home.instanceId, [sent('c')], NOON);
		await events.append(home.instanceId, [], NOON);

		expect(await numbered(home.instanceId)).toEqual([
			[1, 'a'],
			[2, 'b'],
			[3, 'c'],
		]);
		expect(await numbered(neighbour.id)).toEqual([[1, 'z']]);
	});

	it('stores the envelope as it will be sent', async () => {
		const event = { ...sent('order-7'), correlationId: ids.next('req') };

		await database.storage.events.append(home.instanceId, [event], NOON);

		const [row] = await rows(home.instanceId);
		expect(row).toMatchObject({
			customer_id: home.scope.customerId,
			mode: 'test',
			event: 'message.sent',
			occurred_at: NOON,
			correlation_id: event.correlationId,
		});
		expect(JSON.parse(row!.body!)).toEqual({
			event: 'message.sent',
			event_id: row!.id,
			api_version: '2026-04',
			instance_id: home.instanceId,
			occurred_at: '2026-01-01T12:00:00.000Z',
			sequence: 1,
			data: event.data,
		});
	});

	it('leaves no gap and no repeat when many write at once and some of them fail', async () => {
		const { storage } = database;
		const writers = Array.from({ length: 24 }, (_, index) =>
			storage.transaction(async ({ events }) => {
				await events.append(home.instanceId, [sent(`${index}a`), sent(`${index}b`)], NOON);
				if (index % 3 === 0) throw new Error('a fault after the event');
			}),
		);

		const outcomes = await Promise.allSettled(writers);

		expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(8);
		const written = await rows(home.instanceId);
		expect(written.map(({ sequence }) => sequence)).toEqual(
			Array.from({ length: 32 }, (_, index) => index + 1),
		);
	});

	it('adds a delivery, due at once, for each endpoint that wants the event', async () => {
		const { events, deliveries } = database.storage;
		const all = await add({ events: ['message.sent', 'instance.disconnected'] });
		const ours = await add({ instanceIds: [home.instanceId] });
		await add({ events: ['qr.updated'] });

		const added = await events.append(home.instanceId, [sent(), disconnected()], NOON);

		expect(added).toEqual([all.id, ours.id]);
		const { deliveries: listed } = await deliveries.list(home.scope, {}, { limit: 10 });
		expect(listed.map(({ endpointId, event }) => [endpointId, event]).sort()).toEqual(
			[
				[all.id, 'message.sent'],
				[all.id, 'instance.disconnected'],
				[ours.id, 'message.sent'],
			].sort(),
		);
		for (const delivery of listed) {
			expect(delivery).toMatchObject({ status: 'pending', attemptCount: 0, nextAttemptAt: NOON });
		}
	});

	it('adds none for an endpoint that is disabled, removed, or not for this instance', async () => {
		const { events, endpoints, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);
		await add({ enabled: false });
		await add({ events: ['qr.updated'] });
		await add({ instanceIds: [neighbour.id] });
		await add({ mode: 'live' });
		await endpoints.remove((await add({})).id, NOON);
		await endpoints.disable((await add({})).id, 'by_user', NOON);

		expect(await events.append(home.instanceId, [sent()], NOON)).toEqual([]);
	});

	it('writes a burst with its deliveries', async () => {
		const { events } = database.storage;
		const endpoints = [await add({}), await add({})];
		const burst = Array.from({ length: 700 }, (_, index) => sent(String(index)));

		const appended = await events.append(home.instanceId, burst, NOON);

		expect(appended).toEqual(endpoints.map(({ id }) => id));
		expect(await deliveryCount()).toBe(1_400);
		expect((await numbered(home.instanceId)).at(-1)).toEqual([700, '699']);
	});

	it('writes an event that is about no instance without a number', async () => {
		const { events } = database.storage;
		const every = await add({ events: ['*'] });
		const bound = await add({ events: ['*'], instanceIds: [home.instanceId] });

		const appended = await events.appendForCustomer(home.scope, ENDPOINT_DISABLED, NOON);

		expect(appended).toEqual([every.id, bound.id]);
		const [stored] = await events.listAfter(home.scope, { after: 'evt_', limit: 10 });
		expect(JSON.parse(stored!.body!)).toMatchObject({
			event: 'endpoint.disabled',
			instance_id: null,
			sequence: null,
		});
	});

	it('knows the newest event', async () => {
		const { events } = database.storage;
		expect(await events.newestId()).toBeUndefined();
		await events.append(home.instanceId, [sent(), sent()], NOON);

		const all = await events.listAfter(home.scope, { after: 'evt_', limit: 10 });

		expect(await events.newestId()).toBe(all.at(-1)!.id);
	});

	it('lists what came after an event, of one customer only', async () => {
		const { events, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);
		await events.append(home.instanceId, [sent('a'), sent('b'), disconnected()], NOON);
		await events.append(neighbour.id, [sent('c')], NOON);
		const all = await events.listAfter(home.scope, { after: 'evt_', limit: 10 });
		const [first] = all;

		const rest = await events.listAfter(home.scope, { after: first!.id, limit: 2 });

		expect(all.map(({ instanceId }) => instanceId)).toEqual([
			...Array<InstanceId>(3).fill(home.instanceId),
			neighbour.id,
		]);
		expect(rest).toEqual(all.slice(1, 3));
		expect(await events.listAfter(strangerTo(home.scope), { after: 'evt_', limit: 9 })).toEqual([]);
	});

	it('refuses an instance that never was', async () => {
		const attempt = database.storage.events.append(ids.next('inst'), [sent()], NOON);

		await expect(attempt).rejects.toThrow();
	});

	async function add(changes: Partial<Endpoint>): Promise<Endpoint> {
		const endpoint = anEndpoint(home.scope, changes);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		return endpoint;
	}

	function rows(instanceId: InstanceId) {
		return database.db
			.selectFrom('events')
			.selectAll()
			.where('instance_id', '=', instanceId)
			.orderBy('sequence')
			.execute();
	}

	async function numbered(instanceId: InstanceId): Promise<[number | null, string][]> {
		const written = await rows(instanceId);
		return written.map(({ sequence, body }) => [sequence, JSON.parse(body!).data.client_ref]);
	}

	async function deliveryCount(): Promise<number> {
		const rows = await database.db.selectFrom('webhook_deliveries').select('id').execute();
		return rows.length;
	}
});
