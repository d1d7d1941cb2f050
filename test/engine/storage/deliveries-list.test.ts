import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Delivery, DeliveryFilter, DeliveryStatus } from '../../../engine/src/app/ports.ts';
import type { DeliveryId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	anEndpoint,
	anInstance,
	disconnected,
	MINUTE,
	moveIn,
	NOON,
	sent,
	strangerTo,
	type Household,
} from './records.ts';

const STATUSES: readonly DeliveryStatus[] = ['pending', 'success', 'retrying', 'failed'];

/** The list that a person looks at, over one set of rows that no test changes. */
describe.each(DIALECTS)('The list of deliveries on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let all: Delivery[];

	beforeAll(async () => {
		database = await openDatabase(dialect);
		const { storage } = database;
		home = await moveIn(storage);
		const neighbour = anInstance(home.scope);
		const live = anInstance({ ...home.scope, mode: 'live' });
		for (const instance of [neighbour, live]) await storage.instances.add(instance);
		await storage.endpoints.add(
			anEndpoint(home.scope, { events: ['message.sent', 'instance.disconnected'] }),
			'whsec_a',
		);
		await storage.endpoints.add(anEndpoint({ ...home.scope, mode: 'live' }), 'whsec_a');
		for (let count = 0; count < 8; count++) {
			await storage.events.append(home.instanceId, [sent(), disconnected()], NOON);
			await storage.events.append(neighbour.id, [sent()], NOON);
			await storage.events.append(live.id, [sent()], NOON);
		}
		await settleSome();
		all = await storage.deliveries.list(home.scope, {}, { limit: 100 });
	});

	afterAll(() => database.close());

	it('shows the whole scope newest first, each with what was sent', async () => {
		expect(all).toHaveLength(24);
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
		const filter = fc.record({
			status: fc.option(fc.constantFrom(...STATUSES), { nil: undefined }),
			event: fc.option(fc.constantFrom('message.sent' as const, 'instance.disconnected' as const), {
				nil: undefined,
			}),
			instanceId: fc.option(fc.constant('home' as const), { nil: undefined }),
		});
		const property = fc.asyncProperty(
			filter,
			fc.integer({ min: 1, max: 25 }),
			async ({ instanceId, ...rest }, limit) => {
				const wanted = { ...rest, instanceId: instanceId && home.instanceId };

				expect(await readAll(wanted, limit)).toEqual(all.filter(matching(wanted)));
			},
		);

		await fc.assert(property, { numRuns: 40 });
	});

	it('shows a delivery to its own customer and mode only', async () => {
		const { deliveries } = database.storage;
		const [first] = all;

		expect(await deliveries.find(home.scope, first!.id)).toEqual(first);
		expect(await deliveries.find(home.scope, ids.next('dlv'))).toBeUndefined();
		for (const scope of [{ ...home.scope, mode: 'live' as const }, strangerTo(home.scope)]) {
			expect(await deliveries.find(scope, first!.id)).toBeUndefined();
		}
		expect(await deliveries.list(strangerTo(home.scope), {}, { limit: 10 })).toEqual([]);
		expect(await deliveries.list({ ...home.scope, mode: 'live' }, {}, { limit: 10 })).toHaveLength(
			8,
		);
	});

	async function readAll(filter: DeliveryFilter, limit: number): Promise<Delivery[]> {
		const { deliveries } = database.storage;
		const seen: Delivery[] = [];
		for (let before: DeliveryId | undefined; ; before = seen.at(-1)!.id) {
			const page = await deliveries.list(home.scope, filter, { limit, before });
			seen.push(...page);
			if (page.length < limit) return seen;
		}
	}

	/** A few of each status, spread over the list. */
	async function settleSome(): Promise<void> {
		const { deliveries } = database.storage;
		const claim = { now: NOON, leaseMs: MINUTE, limit: 100, withoutHosts: [] };
		const outcomes = [
			{ status: 'success', responseStatus: 200 },
			{ status: 'retrying', dueAt: NOON, error: 'timeout', responseStatus: null },
			{ status: 'failed', error: 'answered 500', responseStatus: 500 },
		] as const;
		for (const [index, delivery] of (await deliveries.claim(claim)).entries()) {
			const outcome = outcomes[index % 5];
			if (outcome) await deliveries.settle(delivery, outcome, NOON);
		}
	}
});

function matching({ status, event, instanceId }: DeliveryFilter) {
	return (delivery: Delivery) =>
		(status === undefined || delivery.status === status) &&
		(event === undefined || delivery.event === event) &&
		(instanceId === undefined || delivery.instanceId === instanceId);
}
