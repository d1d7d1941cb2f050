import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Claimed, ClaimedDelivery, Turn } from '../../../engine/src/app/ports.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { deliveriesOf, refsOf, retryAt, settled } from './claims.ts';
import { anEndpoint, aTurn, MINUTE, moveIn, NOON, sent, type Household } from './records.ts';

const SUCCESS = { status: 'success', responseStatus: 200 } as const;
const FAILURE = { status: 'failed', error: 'timeout', responseStatus: null } as const;

describe.each(DIALECTS)('DeliveryQueueRepository on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let endpointId: EndpointId;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
		endpointId = await addEndpoint();
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('hands over all that a sender needs', async () => {
		const correlationId = ids.next('req');
		const { events } = database.storage;
		await events.append(home.instanceId, [{ ...sent(), correlationId, chat: '1@g.us' }], NOON);
		const event = await database.db.selectFrom('events').selectAll().executeTakeFirstOrThrow();

		const claimed = await turn();

		expect(claimed).toEqual([
			{
				destination: {
					id: endpointId,
					customerId: home.scope.customerId,
					mode: 'test',
					url: 'https://n8n.example.com/webhook/a',
					signingSecrets: ['whsec_a'],
					maxAgeSeconds: null,
					maxPerSecond: null,
					failingSince: null,
					workedUntil: null,
				},
				deliveries: [
					{
						id: expect.stringMatching(/^dlv_/),
						eventId: event.id,
						event: 'message.sent',
						body: event.body,
						correlationId,
						lane: expect.any(Number),
						attempt: 1,
						attemptOfRun: 1,
						since: NOON,
						isRedelivered: false,
						leasedUntil: NOON + MINUTE,
						waitsFor: undefined,
					},
				],
			},
		]);
	});

	it('hands a due delivery to one worker only', async () => {
		await add('a');

		const turns = await Promise.all([turn(), turn(), turn()]);

		expect(turns.flatMap(refsOf)).toEqual(['a']);
	});

	it('leaves a delivery alone until it is due', async () => {
		await add('a', { at: NOON + 1 });

		expect(await turn()).toEqual([]);
		expect(refsOf(await turn({ now: NOON + 1 }))).toEqual(['a']);
	});

	it('hands out again what a dead worker held, once its lease has run out', async () => {
		await add('a');
		await turn();

		expect(await turn({ now: NOON + MINUTE - 1 })).toEqual([]);
		expect(deliveriesOf(await turn({ now: NOON + MINUTE }))).toMatchObject([{ attempt: 2 }]);
	});

	it('lets no worker settle or give back a delivery it no longer holds', async () => {
		await add('a');
		const [late] = deliveriesOf(await turn());
		const [current] = deliveriesOf(await turn({ now: NOON + MINUTE }));

		await turn({ claim: new Map(), settle: [settled(late!, FAILURE)] });
		await turn({ claim: new Map(), putOff: [{ delivery: late!, dueAt: NOON }] });
		const held = await find(current!);
		await turn({ claim: new Map(), settle: [settled(current!, SUCCESS)] });

		expect(held).toMatchObject({ status: 'pending', attemptCount: 2 });
		expect(await find(current!)).toMatchObject({ status: 'success' });
	});

	it('takes at most the number asked for, in the order of making, whenever each fell due', async () => {
		await add('first', { at: NOON });
		await add('second', { at: NOON - 2 });
		await add('third', { at: NOON - 1 });

		const two = new Map([[endpointId, 2]]);
		expect(refsOf(await turn({ claim: two }))).toEqual(['first', 'second']);
		expect(refsOf(await turn({ claim: two }))).toEqual(['third']);
	});

	it('claims for the endpoints that are named, and for none that is disabled or gone', async () => {
		const other = await addEndpoint();
		const disabled = await addEndpoint();
		const removed = await addEndpoint();
		await add('a');
		const { endpoints } = database.storage;
		await endpoints.disable(disabled, 'by_user', NOON);
		await endpoints.remove(removed, NOON);

		const claimed = await turn({
			claim: new Map([
				[other, 5],
				[disabled, 5],
				[removed, 5],
			]),
		});

		expect(claimed.map(({ destination }) => destination.id)).toEqual([other]);
		expect(await database.storage.queue.look(NOON)).toEqual([endpointId]);
	});

	it('looks for endpoints with something due', async () => {
		await addEndpoint({ events: ['qr.updated'] });
		const { queue } = database.storage;
		expect(await queue.look(NOON)).toEqual([]);
		await add('a');

		expect(await queue.look(NOON)).toEqual([endpointId]);
		await turn();
		expect(await queue.look(NOON)).toEqual([]);
		expect(await queue.look(NOON + MINUTE)).toEqual([endpointId]);
	});

	it('records a success with its attempt', async () => {
		await add('a');
		const [claimed] = deliveriesOf(await turn());
		const attempt = {
			attempt: 1,
			at: NOON,
			status: 200,
			latencyMs: 12,
			error: null,
			response: '{"quoted":"é\\n"}',
			address: '127.0.0.1',
		};

		const settlement = { ...settled(claimed!, SUCCESS), attempt, at: NOON + 5 };
		await turn({ claim: new Map(), settle: [settlement] });

		expect(await find(claimed!)).toMatchObject({
			status: 'success',
			attemptCount: 1,
			lastError: null,
			lastResponseStatus: 200,
			nextAttemptAt: null,
			deliveredAt: NOON + 5,
			createdAt: NOON,
			updatedAt: NOON + 5,
		});
		expect(await database.storage.deliveries.attempts(claimed!.id)).toEqual([attempt]);
		expect(await turn({ now: NOON + 60 * MINUTE })).toEqual([]);
	});

	it('records a failure that is to be repeated, and repeats it then', async () => {
		await add('a');
		const [claimed] = deliveriesOf(await turn());
		const dueAt = NOON + 10 * MINUTE;

		await turn({ claim: new Map(), settle: [settled(claimed!, retryAt(dueAt))] });

		expect(await find(claimed!)).toMatchObject({
			status: 'retrying',
			lastError: 'answered 503',
			lastResponseStatus: 503,
			nextAttemptAt: dueAt,
			deliveredAt: null,
		});
		expect(await turn({ now: dueAt - 1 })).toEqual([]);
		const again = deliveriesOf(await turn({ now: dueAt }));
		expect(again).toMatchObject([{ id: claimed!.id, attempt: 2, attemptOfRun: 2 }]);
	});

	it('does not count a failed probe against the attempts that are left', async () => {
		await add('a');
		const [claimed] = deliveriesOf(await turn());
		const dueAt = NOON + MINUTE;

		const probe = { ...settled(claimed!, retryAt(dueAt)), isProbe: true };
		await turn({ claim: new Map(), settle: [probe] });

		const again = deliveriesOf(await turn({ now: dueAt }));
		expect(again).toMatchObject([{ attempt: 2, attemptOfRun: 1 }]);
	});

	it('does not count what a killed engine had begun against the attempts that are left', async () => {
		await add('a');
		await turn();
		const [second] = deliveriesOf(await turn({ now: NOON + MINUTE }));
		expect(second).toMatchObject({ attempt: 2, attemptOfRun: 1 });
		const retry = settled(second!, retryAt(NOON + 2 * MINUTE));
		await turn({ claim: new Map(), settle: [retry] });

		await turn({ now: NOON + 2 * MINUTE });
		const again = deliveriesOf(await turn({ now: NOON + 3 * MINUTE }));

		expect(again).toMatchObject([{ attempt: 4, attemptOfRun: 2 }]);
	});

	it('does not count what is given back, or settled without a request', async () => {
		await add('a');
		await add('b');
		const [a, b] = deliveriesOf(await turn());

		await turn({
			claim: new Map(),
			settle: [{ ...settled(b!, FAILURE), attempt: null }],
			putOff: [{ delivery: a!, dueAt: NOON + 5 }],
		});

		expect(await find(a!)).toMatchObject({ status: 'pending', attemptCount: 0 });
		expect(await find(b!)).toMatchObject({ status: 'failed', attemptCount: 0 });
		expect(refsOf(await turn({ now: NOON + 4 }))).toEqual([]);
		expect(refsOf(await turn({ now: NOON + 5 }))).toEqual(['a']);
	});

	it('puts off behind a retry, unless somebody has brought that forward', async () => {
		const dueAt = NOON + 30 * MINUTE;
		for (const ref of ['a1', 'b1']) await add(ref, { chat: ref[0]! });
		const heads = deliveriesOf(await turn());
		const settle = heads.map((head) => settled(head, retryAt(dueAt)));
		await turn({ claim: new Map(), settle });
		for (const ref of ['a2', 'b2']) await add(ref, { chat: ref[0]! });
		const followers = deliveriesOf(await turn());
		await database.storage.deliveries.redeliver([heads[1]!.id], NOON);

		const putOff = followers.map((delivery) => {
			return { delivery, dueAt, behind: delivery.waitsFor!.id };
		});
		await turn({ claim: new Map(), putOff });

		expect(refsOf(await turn())).toEqual(['b1', 'b2']);
		expect(refsOf(await turn({ now: dueAt }))).toEqual(['a1', 'b1', 'a2', 'b2']);
	});

	it('settles, gives back and claims all at once', async () => {
		for (const ref of ['a', 'b', 'c']) await add(ref);
		const [a, b] = deliveriesOf(await turn({ claim: new Map([[endpointId, 2]]) }));

		const next = await turn({
			settle: [settled(a!, SUCCESS)],
			putOff: [{ delivery: b!, dueAt: NOON }],
		});

		expect(refsOf(next)).toEqual(['b', 'c']);
	});

	it('probes with the oldest delivery, due or not', async () => {
		await add('old');
		await add('new', { at: NOON + 1 });
		const [old] = deliveriesOf(await turn());
		await turn({ claim: new Map(), settle: [settled(old!, retryAt(NOON + 60 * MINUTE))] });

		const probed = await turn({ claim: new Map(), probe: [endpointId], now: NOON + 2 });

		expect(refsOf(probed)).toEqual(['old']);
	});

	it('hastens all that waits, what a killed engine had claimed as well', async () => {
		await add('claimed');
		await turn();
		await add('retrying');
		const [retrying] = deliveriesOf(await turn());
		const retry = settled(retrying!, retryAt(NOON + 60 * MINUTE));
		await turn({ claim: new Map(), settle: [retry] });
		await add('given back');
		const [givenBack] = deliveriesOf(await turn());
		const putOff = { delivery: givenBack!, dueAt: NOON + 60 * MINUTE };
		await turn({ claim: new Map(), putOff: [putOff] });

		const claimed = await turn({ now: NOON + 1, hasten: [endpointId] });

		expect(refsOf(claimed)).toEqual(['claimed', 'retrying', 'given back']);
	});

	it('makes what a killed engine had claimed due at once, and no later retry before its time', async () => {
		await add('retrying');
		const [retrying] = deliveriesOf(await turn());
		const dueAt = NOON + 5 * MINUTE;
		await turn({ claim: new Map(), settle: [settled(retrying!, retryAt(dueAt))] });
		await add('claimed');
		await turn();

		await database.storage.queue.releaseLeases(NOON + 1, MINUTE);

		const [claimed, ...others] = deliveriesOf(await turn({ now: NOON + 1 }));
		// Most of what is claimed has not gone out: the attempt that was begun does not count.
		expect(claimed).toMatchObject({ attempt: 1, attemptOfRun: 1 });
		expect(others).toEqual([]);
		expect(refsOf(await turn({ now: dueAt }))).toEqual(['retrying', 'claimed']);
	});

	describe('lanes', () => {
		it('make a delivery wait for an earlier one of its chat that waits for its retry', async () => {
			await add('a1', { chat: 'a' });
			const [head] = deliveriesOf(await turn());
			const dueAt = NOON + 5 * MINUTE;
			await turn({ claim: new Map(), settle: [settled(head!, retryAt(dueAt))] });
			await add('a2', { chat: 'a' });
			await add('b1', { chat: 'b' });

			const claimed = deliveriesOf(await turn());

			expect(claimed).toMatchObject([
				{ waitsFor: { id: head!.id, until: dueAt } },
				{ waitsFor: undefined },
			]);
		});

		it('are no obstacle to what is claimed together', async () => {
			await add('a1', { chat: 'a' });
			await add('a2', { chat: 'a' });

			const claimed = deliveriesOf(await turn());

			expect(claimed.map(({ waitsFor }) => waitsFor)).toEqual([undefined, undefined]);
			expect(claimed[0]!.lane).toBe(claimed[1]!.lane);
		});

		it('are left by a head whose fourth attempt has failed', async () => {
			await add('a1', { chat: 'a' });
			let now = NOON;
			for (let attempt = 1; attempt <= 4; attempt++) {
				const [head] = deliveriesOf(await turn({ now }));
				now += MINUTE;
				await turn({ claim: new Map(), settle: [settled(head!, retryAt(now))] });
			}
			await add('a2', { chat: 'a' });

			const claimed = deliveriesOf(await turn({ now: now - 1 }));

			expect(claimed).toMatchObject([{ waitsFor: undefined }]);
		});

		it('do not exist for an endpoint that opted out', async () => {
			await database.storage.endpoints.change(endpointId, { ordered: false }, NOON);
			await add('a1', { chat: 'a' });

			expect(deliveriesOf(await turn())).toMatchObject([{ lane: null }]);
		});
	});

	async function addEndpoint(changes = {}): Promise<EndpointId> {
		const endpoint = anEndpoint(home.scope, changes);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		return endpoint.id;
	}

	async function add(ref: string, { at = NOON, chat = ref } = {}): Promise<void> {
		await database.storage.events.append(home.instanceId, [{ ...sent(ref), chat }], at);
	}

	function turn(changes: Partial<Turn> = {}): Promise<readonly Claimed[]> {
		return database.storage.queue.turn(aTurn({ claim: new Map([[endpointId, 10]]), ...changes }));
	}

	function find({ id }: ClaimedDelivery) {
		return database.storage.deliveries.find(home.scope, id);
	}
});
