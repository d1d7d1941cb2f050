import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type {
	Delivery,
	DeliveryFilter,
	DeliveryStatus,
	Endpoint,
} from '../../../engine/src/app/ports.ts';
import { firstIdAt, type EventId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { addDeliveries, FAILED, SUCCEEDED, type DeliveryRow } from './delivery-rows.ts';
import {
	anEndpoint,
	anInstance,
	MINUTE,
	moveIn,
	NOON,
	strangerTo,
	type Household,
} from './records.ts';

const STATUSES: readonly DeliveryStatus[] = ['pending', 'success', 'retrying', 'failed'];

/** More than one query looks at. */
const MANY = 5_100;

/** The list that a person looks at, over one set of rows that no test changes. */
describe.each(DIALECTS)('The list of deliveries on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let endpoints: Endpoint[];
	let shared: EventId;
	let all: Delivery[];

	beforeAll(async () => {
		database = await openDatabase(dialect);
		const { storage, db } = database;
		home = await moveIn(storage);
		const neighbour = anInstance(home.scope);
		await storage.instances.add(neighbour);
		endpoints = [anEndpoint(home.scope), anEndpoint(home.scope)];
		const live = anEndpoint({ ...home.scope, mode: 'live' });
		for (const endpoint of [...endpoints, live]) await storage.endpoints.add(endpoint, 'whsec_a');
		shared = ids.next('evt');
		const kinds: Partial<DeliveryRow>[] = [
			{ instance_id: home.instanceId },
			{ ...SUCCEEDED, instance_id: home.instanceId },
			{ ...SUCCEEDED, instance_id: neighbour.id, event: 'instance.disconnected' },
			{ status: 'retrying', attempts: 1, instance_id: neighbour.id },
			{ ...FAILED, instance_id: home.instanceId, event: 'instance.disconnected' },
			{ event: 'endpoint.disabled', event_id: shared },
		];
		// One every second, by turns of each kind to both endpoints.
		for (let second = 0; second < 36; second++) {
			const row = { id: firstIdAt('dlv', NOON + second * 1_000), ...kinds[second % 6] };
			await addDeliveries(db, endpoints[second % 5 > 2 ? 1 : 0]!, [row]);
		}
		await addDeliveries(db, live, [{}, {}]);
		all = [...(await list({}, { limit: 100 })).deliveries];
	});

	afterAll(() => database.close());

	it('shows the whole scope newest first, each with what was sent', () => {
		expect(all).toHaveLength(36);
		expect(all.map(({ id }) => id)).toEqual(
			all
				.map(({ id }) => id)
				.sort()
				.reverse(),
		);
		for (const { payload, eventId, event } of all) {
			expect(JSON.parse(payload!)).toMatchObject({ event_id: eventId, event });
		}
		expect(new Set(all.map(({ status }) => status))).toEqual(new Set(STATUSES));
	});

	it('pages through any filter without a gap or a repeat', async () => {
		const maybe = <T>(values: readonly T[]) =>
			fc.option(fc.constantFrom(...values), { nil: undefined });
		const filter = fc.record({
			status: maybe(STATUSES),
			event: maybe(['message.sent', 'instance.disconnected', 'endpoint.disabled'] as const),
			instanceId: maybe([home.instanceId]),
			endpointId: maybe(endpoints.map(({ id }) => id)),
			eventId: maybe([shared, all[1]!.eventId]),
			from: maybe([NOON, NOON + 10_000, NOON + 20_001]),
			to: maybe([NOON, NOON + 15_000, NOON + MINUTE]),
		});
		const property = fc.asyncProperty(
			filter,
			fc.integer({ min: 1, max: 37 }),
			async (wanted, limit) => {
				expect(await readAll(wanted, limit)).toEqual(all.filter(matching(wanted)));
			},
		);

		await fc.assert(property, { numRuns: 150 });
	});

	it('keeps to the time that is asked for, although the cursor comes from another list', async () => {
		const filter = { to: NOON + 10_000 };

		const { deliveries } = await list(filter, { limit: 100, before: all[5]!.id });

		expect(deliveries).toEqual(all.filter(matching(filter)));
		expect(deliveries).toHaveLength(10);
	});

	it('shows a delivery to its own customer and mode only', async () => {
		const { deliveries } = database.storage;
		const [first] = all;

		expect(await deliveries.find(home.scope, first!.id)).toEqual(first);
		expect(await deliveries.find(home.scope, ids.next('dlv'))).toBeUndefined();
		for (const scope of [{ ...home.scope, mode: 'live' as const }, strangerTo(home.scope)]) {
			expect(await deliveries.find(scope, first!.id)).toBeUndefined();
		}
	});

	it('shows strangers nothing, whatever ids they know', async () => {
		const known: DeliveryFilter[] = [
			{},
			{ endpointId: endpoints[0]!.id },
			{ instanceId: home.instanceId },
			{ eventId: shared },
			{ endpointId: endpoints[0]!.id, status: 'failed' },
		];
		const { deliveries } = database.storage;

		for (const filter of known) {
			const page = await deliveries.list(strangerTo(home.scope), filter, { limit: 10 });

			expect(page).toEqual({ deliveries: [], next: undefined });
		}
	});

	it('ends a page early when few of many match, and says where to go on', async () => {
		const endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		const event_id = ids.next('evt');
		const rare = { ...FAILED, event_id, event: 'instance.failed' } as const;
		const usual = Array.from({ length: MANY }, () => ({ ...SUCCEEDED, event_id }));
		const added = await addDeliveries(database.db, endpoint, [rare, ...usual]);
		const wanted = { endpointId: endpoint.id, event: 'instance.failed' } as const;

		const first = await list(wanted, { limit: 10 });
		const second = await list(wanted, { limit: 10, before: first.next });

		expect(first).toEqual({ deliveries: [], next: added.at(-5_000) });
		expect(second).toMatchObject({ deliveries: [{ id: added[0] }], next: undefined });
		expect(await list({ ...wanted, status: 'failed' }, { limit: 10 })).toMatchObject({
			deliveries: [{ id: added[0] }],
			next: undefined,
		});
		// Strangers are not told how long the log of an endpoint is.
		const { deliveries } = database.storage;
		const stranger = await deliveries.list(strangerTo(home.scope), wanted, { limit: 10 });
		expect(stranger).toEqual({ deliveries: [], next: undefined });
		await database.db
			.deleteFrom('webhook_deliveries')
			.where('endpoint_id', '=', endpoint.id)
			.execute();
	});

	it('shows no payload whose time is over, though another delivery keeps its event', async () => {
		const [gone] = await addDeliveries(database.db, endpoints[0]!, [
			{ ...SUCCEEDED, event_id: shared, payload_gone: 1 },
		]);

		const { deliveries } = await list({ eventId: shared }, { limit: 2 });

		expect(deliveries).toMatchObject([
			{ id: gone, payload: null },
			{ payload: expect.stringContaining(shared) },
		]);
		await database.db.deleteFrom('webhook_deliveries').where('id', '=', gone!).execute();
	});

	function list(filter: DeliveryFilter, page: { limit: number; before?: string | undefined }) {
		return database.storage.deliveries.list(home.scope, filter, page);
	}

	async function readAll(filter: DeliveryFilter, limit: number): Promise<Delivery[]> {
		const seen: Delivery[] = [];
		let before: string | undefined;
		do {
			const { deliveries, next } = await list(filter, { limit, before });
			expect(deliveries.length).toBeLessThanOrEqual(limit);
			seen.push(...deliveries);
			before = next;
		} while (before !== undefined);
		return seen;
	}
});

function matching({ status, event, instanceId, endpointId, eventId, from, to }: DeliveryFilter) {
	return (delivery: Delivery) =>
		(status === undefined || delivery.status === status) &&
		(event === undefined || delivery.event === event) &&
		(instanceId === undefined || delivery.instanceId === instanceId) &&
		(endpointId === undefined || delivery.endpointId === endpointId) &&
		(eventId === undefined || delivery.eventId === eventId) &&
		(from === undefined || delivery.id >= firstIdAt('dlv', from)) &&
		(to === undefined || delivery.id < firstIdAt('dlv', to));
}
