import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anEndpoint, MINUTE, moveIn, NOON, sent, strangerTo, type Household } from './records.ts';

const CLAIM = { now: NOON, leaseMs: MINUTE, limit: 10, withoutHosts: [] };

describe.each(DIALECTS)('EndpointsRepository on %s', (dialect) => {
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

	it('gives back what was added, without the secret', async () => {
		const { endpoints } = database.storage;
		const endpoint = anEndpoint(home.scope, {
			instanceId: home.instanceId,
			events: ['message.received', 'qr.updated'],
			enabled: false,
			hasCustomSigningSecret: true,
		});

		await endpoints.add(endpoint, 'whsec_quiet');

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual(endpoint);
	});

	it('shows an endpoint to its own customer and mode only', async () => {
		const { endpoints } = database.storage;
		const endpoint = anEndpoint(home.scope);
		await endpoints.add(endpoint, 'whsec_a');

		for (const scope of [{ ...home.scope, mode: 'live' as const }, strangerTo(home.scope)]) {
			expect(await endpoints.find(scope, endpoint.id)).toBeUndefined();
			expect(await endpoints.list(scope, { limit: 10 })).toEqual([]);
		}
	});

	it('pages newest first', async () => {
		const { endpoints } = database.storage;
		const [first, second, third] = [1, 2, 3].map(() => anEndpoint(home.scope));
		for (const endpoint of [first!, second!, third!]) await endpoints.add(endpoint, 'whsec_a');

		expect(await endpoints.list(home.scope, { limit: 2 })).toEqual([third, second]);
		expect(await endpoints.list(home.scope, { limit: 2, before: second!.id })).toEqual([first]);
	});

	it('does not keep the signing secret in clear, and hands it to the sender', async () => {
		const { endpoints, events, deliveries } = database.storage;
		await endpoints.add(anEndpoint(home.scope), 'whsec_quiet');
		await events.append(home.instanceId, [sent()], NOON);

		const row = await database.db
			.selectFrom('webhook_endpoints')
			.selectAll()
			.executeTakeFirstOrThrow();
		const [claimed] = await deliveries.claim(CLAIM);

		expect(Buffer.from(row.sealed_signing_secrets).includes('whsec_quiet')).toBe(false);
		expect(claimed?.signingSecrets).toEqual(['whsec_quiet']);
	});

	it('keeps back the deliveries of an endpoint that was disabled', async () => {
		const { endpoints, events, deliveries } = database.storage;
		const endpoint = anEndpoint(home.scope);
		await endpoints.add(endpoint, 'whsec_a');
		await events.append(home.instanceId, [sent()], NOON);

		await endpoints.disable(endpoint.id, NOON + 1);

		expect(await endpoints.find(home.scope, endpoint.id)).toEqual({
			...endpoint,
			enabled: false,
			updatedAt: NOON + 1,
		});
		expect(await deliveries.claim(CLAIM)).toEqual([]);
		expect(await deliveries.nextDueAt()).toBeUndefined();
		const [waiting] = await deliveries.list(home.scope, {}, { limit: 10 });
		expect(waiting).toMatchObject({ status: 'pending', lastError: null });
	});

	it('lets the delivery in flight be settled after its endpoint was disabled', async () => {
		const { endpoints, events, deliveries } = database.storage;
		const endpoint = anEndpoint(home.scope);
		await endpoints.add(endpoint, 'whsec_a');
		await events.append(home.instanceId, [sent(), sent()], NOON);
		const [gone, failing] = await deliveries.claim(CLAIM);

		await endpoints.disable(endpoint.id, NOON);

		expect(
			await deliveries.settle(
				gone!,
				{ status: 'failed', error: 'gone', responseStatus: 410 },
				NOON,
			),
		).toBe(true);
		expect(
			await deliveries.settle(
				failing!,
				{ status: 'retrying', dueAt: NOON + 1, error: 'answered 500', responseStatus: 500 },
				NOON,
			),
		).toBe(true);
		expect(await deliveries.claim({ ...CLAIM, now: NOON + MINUTE })).toEqual([]);
	});

	it('fails the unsettled deliveries of a removed endpoint and keeps their rows', async () => {
		const { endpoints, events, deliveries } = database.storage;
		const [endpoint, other] = [anEndpoint(home.scope), anEndpoint(home.scope)];
		await endpoints.add(endpoint, 'whsec_a');
		await events.append(home.instanceId, [sent('done')], NOON);
		const [done] = await deliveries.claim(CLAIM);
		await deliveries.settle(done!, { status: 'success', responseStatus: 200 }, NOON);
		await endpoints.add(other, 'whsec_a');
		await events.append(home.instanceId, [sent('open')], NOON);

		await endpoints.remove(endpoint.id, NOON + 1);

		expect(await endpoints.find(home.scope, endpoint.id)).toBeUndefined();
		expect(await endpoints.list(home.scope, { limit: 10 })).toEqual([other]);
		const left = await deliveries.list(home.scope, {}, { limit: 10 });
		const outcomes = left.map((delivery) => [delivery.endpointId, delivery.status]);
		expect(outcomes.sort()).toEqual(
			[
				[endpoint.id, 'success'],
				[endpoint.id, 'failed'],
				[other.id, 'pending'],
			].sort(),
		);
		expect(left.find(({ status }) => status === 'failed')).toMatchObject({
			lastError: 'endpoint_deleted',
			nextAttemptAt: null,
			updatedAt: NOON + 1,
		});
	});

	it('takes no word on a delivery whose endpoint was removed while it was in flight', async () => {
		const { endpoints, events, deliveries } = database.storage;
		const endpoint = anEndpoint(home.scope);
		await endpoints.add(endpoint, 'whsec_a');
		await events.append(home.instanceId, [sent()], NOON);
		const [claimed] = await deliveries.claim(CLAIM);

		await endpoints.remove(endpoint.id, NOON);
		await endpoints.remove(ids.next('wh'), NOON);

		const outcome = { status: 'success', responseStatus: 200 } as const;
		expect(await deliveries.settle(claimed!, outcome, NOON)).toBe(false);
	});
});
