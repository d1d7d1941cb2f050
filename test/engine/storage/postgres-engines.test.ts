import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type Kysely } from 'kysely';
import { Outlet } from '../../../engine/src/app/outlet.ts';
import type {
	Claimed,
	ClaimedDelivery,
	Settlement,
	Storage,
} from '../../../engine/src/app/ports.ts';
import type { DeliveryId, EndpointId } from '../../../engine/src/domain/ids.ts';
import type { Schema } from '../../../engine/src/storage/schema.ts';
import { openStorage, type OpenStorage } from '../../../engine/src/storage/storage.ts';
import { openDatabase, SECRETS_KEY, type TestDatabase } from '../../support/databases.ts';
import { freshDatabase } from '../../support/postgres.ts';
import { ids, silentLog } from '../../support/system.ts';
import { anEndpoint, anInbound, aTurn, moveIn, NOON, sent, type Household } from './records.ts';

const ENGINES = 4;

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

	describe('know', () => {
		let started: OpenStorage[];

		beforeEach(async () => {
			const options = { url: await freshDatabase(), secretsKey: SECRETS_KEY, ids, log: silentLog };
			started = [await openStorage(options), await openStorage(options)];
		});

		afterEach(async () => {
			for (const engine of started) await engine.close();
		});

		it('who is alone, when they start together', async () => {
			const atWork: number[] = [];
			const startup = async (engine: OpenStorage, index: number) => {
				await engine.whenAlone(async () => {
					atWork.push(index);
					await new Promise((resolve) => setTimeout(resolve, 50));
					atWork.push(index);
				});
				return atWork.length;
			};

			const seen = await Promise.all(started.map(startup));

			expect(atWork[0]).toBe(atWork[1]);
			// The other one has not begun before.
			expect(seen).toEqual([2, 2]);
		});

		it('when another one has gone', async () => {
			const [first, second] = started as [OpenStorage, OpenStorage];
			const alone: string[] = [];
			await first.whenAlone(async () => void alone.push('first'));
			await first.close();

			await second.whenAlone(async () => void alone.push('second'));

			expect(alone).toEqual(['first', 'second']);
		});

		it('when one cannot do what it should do alone', async () => {
			const [first, second] = started as [OpenStorage, OpenStorage];
			const fault = new Error('the disk is full');

			await expect(first.whenAlone(() => Promise.reject(fault))).rejects.toBe(fault);
			await first.close();

			let isAlone = false;
			await second.whenAlone(async () => void (isAlone = true));
			expect(isAlone).toBe(true);
		});
	});

	it('claim each delivery once', async () => {
		const id = await addEndpoint();
		await add(300, (index) => `chat ${index}`);

		const claimed = (await Promise.all(engines.map((engine) => claimAll(engine, id)))).flat();

		expect(claimed).toHaveLength(300);
		expect(new Set(claimed.map((delivery) => delivery.id)).size).toBe(300);
		expect(claimed.every(({ attempt }) => attempt === 1)).toBe(true);
	});

	it("keep the order of a chat: what follows another engine's delivery has to wait", async () => {
		const id = await addEndpoint();
		await add(40, () => 'one chat');

		const held = await Promise.all(
			engines.map(async (engine) => {
				const outlet = new Outlet(id);
				const batches = await claimBatches(engine, id);
				for (const [turn, batch] of batches.entries()) outlet.accept(batch, turn);
				return outlet;
			}),
		);

		const ready = held.filter(({ isReady }) => isReady);
		const [head] = (await rows()).map((row) => row.id);
		expect(ready).toHaveLength(1);
		expect(ready[0]!.next()!.id).toBe(head);
	});

	it('look again soon when the head of a chat is under way in another engine', async () => {
		const id = await addEndpoint();
		await add(1, () => 'one chat');
		const [head] = await claimAll(engines[0]!, id);
		await add(1, () => 'one chat');

		const [waiting] = await claimAll(engines[1]!, id);

		expect(waiting!.waitsFor).toEqual({ id: head!.id, until: NOON + 1_000 });
	});

	it('keep the order of a chat when the lease of its head ends, and not all others are due', async () => {
		const id = await addEndpoint();
		await add(3, () => 'one chat');
		const [, engine] = engines;
		await engines[0]!.queue.turn(aTurn({ claim: new Map([[id, 1]]) }));
		const [second, third] = await claimAll(engine!, id);
		const { now, leaseMs } = aTurn();
		const leaseEnds = now + leaseMs;
		const putOff = [
			{ delivery: second!, dueAt: leaseEnds + 500 },
			{ delivery: third!, dueAt: leaseEnds - 500 },
		];
		const outlet = new Outlet(id);

		const turn = { now: leaseEnds, putOff, claim: new Map([[id, 7]]) };
		const [claimed] = await engine!.queue.turn(aTurn(turn));
		const givenBack = outlet.accept(claimed!, 1);

		expect(claimed!.deliveries).toHaveLength(2);
		expect(givenBack).toMatchObject([{ delivery: { id: third!.id }, dueAt: leaseEnds + 500 }]);
	});

	it('release leases though the last turn of one that was killed is still under way', async () => {
		const [dying, starting] = engines;
		const id = await addEndpoint();
		await add(2, () => 'one chat');
		await claimAll(dying!, id);
		const [first, second] = await database.db
			.selectFrom('webhook_deliveries')
			.select('id')
			.orderBy(sql`ctid`) // where it stands: the order in which an update finds it
			.execute();
		let released: Promise<void> | undefined;

		await database.db.transaction().execute(async (turn) => {
			await touch(turn, second!);
			released = starting!.queue.releaseLeases(NOON + 1_000, aTurn().leaseMs);
			// By then it has the first one and waits for the second.
			await new Promise((resolve) => setTimeout(resolve, 200));
			await touch(turn, first!);
		});
		await released;

		const due = await database.db.selectFrom('webhook_deliveries').select('due_at').execute();
		expect(due.map(({ due_at }) => due_at)).toEqual([NOON + 1_000, NOON + 1_000]);
	});

	it('settle each delivery once', async () => {
		const id = await addEndpoint();
		await add(1, () => 'one chat');
		const [delivery] = await claimAll(database.storage, id);
		const settlement: Settlement = {
			delivery: delivery!,
			outcome: { status: 'success', responseStatus: 200 },
			attempt: null,
			isProbe: false,
			at: NOON,
		};

		await Promise.all(engines.map(({ queue }) => queue.turn(aTurn({ settle: [settlement] }))));

		// Each settlement without a request takes one attempt back.
		const { deliveries } = await database.storage.deliveries.list(home.scope, {}, { limit: 2 });
		expect(deliveries).toMatchObject([{ status: 'success', attemptCount: 0 }]);
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

	it('name an event when nothing keeps it from being written any more', async () => {
		const id = await addEndpoint();
		let appended: Promise<unknown> | undefined;
		let freeAt = '';

		await database.db.transaction().execute(async (db) => {
			await db
				.updateTable('webhook_endpoints')
				.set({ updated_at: NOON })
				.where('id', '=', id)
				.execute();
			appended = engines[0]!.events.append(home.instanceId, [sent()], NOON);
			await new Promise((resolve) => setTimeout(resolve, 100));
			freeAt = ids.next('evt');
		});
		await appended;

		expect((await engines[0]!.events.newestId())! > freeAt).toBe(true);
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
			const id = await addEndpoint();
			let acted: Promise<unknown> | undefined;

			await one!.transaction(async ({ events }) => {
				await events.append(home.instanceId, [sent()], NOON);
				acted =
					act === 'disable'
						? other!.endpoints.disable(id, 'by_user', NOON)
						: other!.endpoints.remove(id, NOON);
				await new Promise((resolve) => setTimeout(resolve, 50));
			});
			await acted;

			expect(await claimAll(one!, id)).toEqual([]);
			const { deliveries } = await one!.deliveries.list(home.scope, {}, { limit: 10 });
			expect(deliveries.map(({ status }) => status)).toEqual([
				act === 'disable' ? 'pending' : 'failed',
			]);
		},
	);

	function rows() {
		return database.db.selectFrom('webhook_deliveries').select('id').orderBy('id').execute();
	}

	async function touch(db: Kysely<Schema>, { id }: { readonly id: DeliveryId }): Promise<void> {
		await db
			.updateTable('webhook_deliveries')
			.set({ updated_at: NOON })
			.where('id', '=', id)
			.execute();
	}

	async function addEndpoint(): Promise<EndpointId> {
		const endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		return endpoint.id;
	}

	async function add(count: number, chatOf: (index: number) => string): Promise<void> {
		const events = Array.from({ length: count }, (_, index) => ({
			...sent(),
			chat: chatOf(index),
		}));
		await database.storage.events.append(home.instanceId, events, NOON);
	}
});

async function claimAll(engine: Storage, id: EndpointId): Promise<ClaimedDelivery[]> {
	return (await claimBatches(engine, id)).flatMap(({ deliveries }) => deliveries);
}

async function claimBatches({ queue }: Storage, id: EndpointId): Promise<Claimed[]> {
	const batches: Claimed[] = [];
	for (;;) {
		const [batch] = await queue.turn(aTurn({ claim: new Map([[id, 7]]) }));
		if (!batch) return batches;
		batches.push(batch);
	}
}
