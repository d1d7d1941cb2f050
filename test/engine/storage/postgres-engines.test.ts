import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedDelivery } from '../../../engine/src/app/ports.ts';
import { openStorage, type OpenStorage } from '../../../engine/src/storage/storage.ts';
import { openDatabase, SECRETS_KEY, type TestDatabase } from '../../support/databases.ts';
import { freshDatabase } from '../../support/postgres.ts';
import { ids, silentLog } from '../../support/system.ts';
import { anEndpoint, anInbound, MINUTE, moveIn, NOON, sent, type Household } from './records.ts';

const ENGINES = 4;
const CLAIM = { now: NOON, leaseMs: MINUTE, limit: 7, withoutHosts: [] };

/** What only a server with several connections can show. */
describe('Several engines on one Postgres database', () => {
	let database: TestDatabase;
	let engines: OpenStorage[];
	let home: Household;

	beforeAll(async () => {
		database = await openDatabase('postgres');
		const options = { ...database.location, secretsKey: SECRETS_KEY, ids, log: silentLog };
		engines = await Promise.all(Array.from({ length: ENGINES }, () => openStorage(options)));
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
	});

	afterEach(() => database.empty());

	afterAll(async () => {
		for (const engine of engines) await engine.close();
		await database.close();
	});

	it('take turns when they make the tables', async () => {
		const options = { url: await freshDatabase(), secretsKey: SECRETS_KEY, ids, log: silentLog };

		const started = await Promise.all(engines.map(() => openStorage(options)));

		for (const engine of started) {
			await engine.ping();
			await engine.close();
		}
	});

	it('claim each delivery once', async () => {
		const { endpoints, events } = database.storage;
		await endpoints.add(anEndpoint(home.scope), 'whsec_a');
		await events.append(
			home.instanceId,
			Array.from({ length: 300 }, () => sent()),
			NOON,
		);

		const claimed = (await Promise.all(engines.map(claimAll))).flat();

		expect(claimed).toHaveLength(300);
		expect(new Set(claimed.map(({ id }) => id)).size).toBe(300);
		expect(claimed.every(({ attempt }) => attempt === 1)).toBe(true);
	});

	it('settle each delivery once', async () => {
		const { endpoints, events, deliveries } = database.storage;
		await endpoints.add(anEndpoint(home.scope), 'whsec_a');
		await events.append(home.instanceId, [sent()], NOON);
		const [claimed] = await deliveries.claim(CLAIM);

		const outcome = { status: 'success', responseStatus: 200 } as const;
		const settled = await Promise.all(
			engines.map((engine) => engine.deliveries.settle(claimed!, outcome, NOON)),
		);

		expect(settled.filter(Boolean)).toHaveLength(1);
	});

	it('number the events of an instance without a gap or a repeat', async () => {
		const writers = engines.flatMap((engine) =>
			Array.from({ length: 20 }, (_, index) =>
				engine.transaction(async ({ events }) => {
					await events.append(home.instanceId, [sent(), sent()], NOON);
					if (index % 4 === 0) throw new Error('taken back');
				}),
			),
		);

		await Promise.allSettled(writers);

		const rows = await database.db
			.selectFrom('events')
			.select('sequence')
			.orderBy('sequence')
			.execute();
		expect(rows.map(({ sequence }) => sequence)).toEqual(
			Array.from({ length: ENGINES * 15 * 2 }, (_, index) => index + 1),
		);
	});

	it('add a redelivered message once', async () => {
		const message = anInbound(home.instanceId);

		const added = await Promise.all(
			engines.map((engine) => engine.messages.add([{ ...message, id: ids.next('msg') }])),
		);

		expect(added.map(({ size }) => size).sort()).toEqual([0, 0, 0, 1]);
	});

	it.each(['disable', 'remove'] as const)(
		'let %s of an endpoint reach a delivery that is just being added',
		async (act) => {
			const [one, other] = engines;
			const endpoint = anEndpoint(home.scope);
			await one!.endpoints.add(endpoint, 'whsec_a');
			let acted: Promise<void> | undefined;

			await one!.transaction(async ({ events }) => {
				await events.append(home.instanceId, [sent()], NOON);
				acted = other!.endpoints[act](endpoint.id, NOON);
				await new Promise((resolve) => setTimeout(resolve, 50));
			});
			await acted;

			expect(await one!.deliveries.claim(CLAIM)).toEqual([]);
			expect(await one!.deliveries.list(home.scope, {}, { limit: 10 })).toHaveLength(1);
		},
	);
});

async function claimAll({ deliveries }: OpenStorage): Promise<ClaimedDelivery[]> {
	const all: ClaimedDelivery[] = [];
	for (;;) {
		const some = await deliveries.claim(CLAIM);
		if (some.length === 0) return all;
		all.push(...some);
	}
}
