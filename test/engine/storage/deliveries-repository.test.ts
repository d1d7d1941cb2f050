import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Claim } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anEndpoint, MINUTE, moveIn, NOON, sent, type Household } from './records.ts';

const SUCCESS = { status: 'success', responseStatus: 200 } as const;

describe.each(DIALECTS)('DeliveriesRepository on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
		await database.storage.endpoints.add(anEndpoint(home.scope), 'whsec_a');
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('hands over all that a sender needs', async () => {
		const { events } = database.storage;
		const correlationId = ids.next('req');
		await events.append(home.instanceId, [{ ...sent(), correlationId }], NOON);
		const event = await database.db.selectFrom('events').selectAll().executeTakeFirstOrThrow();

		const claimed = await claim();

		expect(claimed).toEqual([
			{
				id: expect.stringMatching(/^dlv_/),
				endpointId: expect.stringMatching(/^wh_/),
				eventId: event.id,
				event: 'message.sent',
				body: event.body,
				correlationId,
				url: 'https://n8n.example.com/webhook/a',
				mode: 'test',
				signingSecrets: ['whsec_a'],
				attempt: 1,
				leasedUntil: NOON + MINUTE,
			},
		]);
	});

	it('hands a due delivery to one worker only', async () => {
		await add('a');

		const [first, second] = await Promise.all([claim(), claim()]);

		expect([...first, ...second].map(refOf)).toEqual(['a']);
	});

	it('leaves a delivery alone until it is due', async () => {
		await add('a', NOON + 1);

		expect(await claim()).toEqual([]);
		expect(await claim({ now: NOON + 1 })).toHaveLength(1);
	});

	it('hands out again what a dead worker held, once its lease has run out', async () => {
		await add('a');
		await claim();

		expect(await claim({ now: NOON + MINUTE - 1 })).toEqual([]);
		expect(await claim({ now: NOON + MINUTE })).toMatchObject([{ attempt: 2 }]);
	});

	it('lets no worker settle a delivery it no longer holds', async () => {
		const { deliveries } = database.storage;
		await add('a');
		const [late] = await claim();
		const [current] = await claim({ now: NOON + MINUTE });

		const failed = { status: 'failed', error: 'timeout', responseStatus: null } as const;
		expect(await deliveries.settle(late!, failed, NOON)).toBe(false);
		expect(await deliveries.settle(current!, SUCCESS, NOON)).toBe(true);
		expect(await deliveries.settle(current!, SUCCESS, NOON)).toBe(false);
		expect(await deliveries.find(home.scope, current!.id)).toMatchObject({ status: 'success' });
	});

	it('takes at most the number asked for, the oldest due first', async () => {
		await add('late', NOON - 1);
		await add('later', NOON);
		await add('first', NOON - 2);

		expect((await claim({ limit: 2 })).map(refOf).sort()).toEqual(['first', 'late']);
		expect((await claim({ limit: 2 })).map(refOf)).toEqual(['later']);
	});

	it('takes what fell due at the same time in the order it was made', async () => {
		for (const ref of ['a', 'b', 'c', 'd']) await add(ref);

		expect((await claim({ limit: 3 })).map(refOf)).toEqual(['a', 'b', 'c']);
	});

	it('leaves the deliveries of hosts that have no free place', async () => {
		await database.storage.endpoints.add(
			anEndpoint(home.scope, { url: 'http://127.0.0.1:5678/b' }),
			'whsec_b',
		);
		await add('a');

		expect(await claim({ withoutHosts: ['n8n.example.com', '127.0.0.1:5678'] })).toEqual([]);
		expect(await claim({ withoutHosts: ['n8n.example.com'] })).toMatchObject([
			{ url: 'http://127.0.0.1:5678/b', signingSecrets: ['whsec_b'] },
		]);
		expect(await claim()).toHaveLength(1);
	});

	it('records a success', async () => {
		const { deliveries } = database.storage;
		await add('a');
		const [claimed] = await claim();

		await deliveries.settle(claimed!, SUCCESS, NOON + 5);

		expect(await deliveries.find(home.scope, claimed!.id)).toMatchObject({
			status: 'success',
			attemptCount: 1,
			lastError: null,
			lastResponseStatus: 200,
			nextAttemptAt: null,
			deliveredAt: NOON + 5,
			createdAt: NOON,
			updatedAt: NOON + 5,
		});
		expect(await claim({ now: NOON + 60 * MINUTE })).toEqual([]);
	});

	it('records a failure that is to be repeated, and repeats it then', async () => {
		const { deliveries } = database.storage;
		await add('a');
		const [claimed] = await claim();

		const dueAt = NOON + 10 * MINUTE;
		const outcome = {
			status: 'retrying',
			dueAt,
			error: 'answered 503',
			responseStatus: 503,
		} as const;
		await deliveries.settle(claimed!, outcome, NOON + 5);

		expect(await deliveries.find(home.scope, claimed!.id)).toMatchObject({
			status: 'retrying',
			lastError: 'answered 503',
			lastResponseStatus: 503,
			nextAttemptAt: dueAt,
			deliveredAt: null,
		});
		expect(await deliveries.nextDueAt()).toBe(dueAt);
		expect(await claim({ now: dueAt - 1 })).toEqual([]);
		expect(await claim({ now: dueAt })).toMatchObject([{ id: claimed!.id, attempt: 2 }]);
	});

	it('records the last failure', async () => {
		const { deliveries } = database.storage;
		await add('a');
		const [claimed] = await claim();

		const outcome = { status: 'failed', error: 'timeout', responseStatus: null } as const;
		await deliveries.settle(claimed!, outcome, NOON);

		expect(await deliveries.find(home.scope, claimed!.id)).toMatchObject({
			status: 'failed',
			lastError: 'timeout',
			lastResponseStatus: null,
			nextAttemptAt: null,
		});
		expect(await deliveries.nextDueAt()).toBeUndefined();
	});

	it('knows when the next delivery falls due, claimed ones at the end of their lease', async () => {
		const { deliveries } = database.storage;
		expect(await deliveries.nextDueAt()).toBeUndefined();
		await add('a', NOON);
		await add('b', NOON + 3 * MINUTE);

		expect(await deliveries.nextDueAt()).toBe(NOON);
		await claim();
		expect(await deliveries.nextDueAt()).toBe(NOON + MINUTE);
	});

	it('makes what a killed engine had claimed due at once, and no retry before its time', async () => {
		const { deliveries } = database.storage;
		await add('retrying');
		const [retrying] = await claim();
		const dueAt = NOON + 5 * MINUTE;
		const outcome = { status: 'retrying', dueAt, error: 'timeout', responseStatus: null } as const;
		await deliveries.settle(retrying!, outcome, NOON);
		await add('claimed');
		await claim();

		await deliveries.releaseLeases(NOON + 1);

		expect((await claim({ now: NOON + 1 })).map(refOf)).toEqual(['claimed']);
		expect(await claim({ now: dueAt })).toHaveLength(2);
	});

	async function add(ref: string, dueAt = NOON): Promise<void> {
		await database.storage.events.append(home.instanceId, [sent(ref)], dueAt);
	}

	function claim(changes: Partial<Claim> = {}) {
		return database.storage.deliveries.claim({
			now: NOON,
			leaseMs: MINUTE,
			limit: 10,
			withoutHosts: [],
			...changes,
		});
	}
});

function refOf({ body }: { readonly body: string }): string {
	return JSON.parse(body).data.client_ref;
}
