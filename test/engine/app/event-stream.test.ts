import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventId, InstanceId } from '../../../engine/src/domain/ids.ts';
import type { Clock } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { eventually, ids, silentLog } from '../../support/system.ts';
import {
	anInstance,
	disconnected,
	moveIn,
	NOON,
	sent,
	strangerTo,
	type Household,
} from '../storage/records.ts';
import { Streaming } from './event-streaming.ts';

describe.each(DIALECTS)('A stream of events on %s', (dialect) => {
	const lateMs = dialect === 'postgres' ? 5_000 : 0;
	let database: TestDatabase;
	let home: Household;
	let streaming: Streaming;
	let neighbour: InstanceId;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
		neighbour = await addInstance();
		streaming = new Streaming(database, { lateMs });
	});

	afterEach(async () => {
		streaming.streams.endAll();
		await database.empty();
	});

	afterAll(() => database.close());

	it('begins with what happens next, and carries it as it is stored', async () => {
		await streaming.write(home.instanceId, sent('before'));
		const follower = await streaming.follow(home.scope);

		await streaming.write(home.instanceId, sent('a'), sent('b'));
		await streaming.write(neighbour, sent('c'));

		await follower.until(3);
		expect(follower.texts).toEqual(['a', 'b', 'c']);
		const rows = await database.db
			.selectFrom('events')
			.select(['id', 'body'])
			.orderBy('id')
			.execute();
		expect(follower.events).toEqual(rows.slice(1));
	});

	it('notices by itself what another process writes', async () => {
		const follower = await streaming.follow(home.scope);

		await new Streaming(database, { lateMs }).write(home.instanceId, sent('elsewhere'));

		expect((await follower.until(1)).texts).toEqual(['elsewhere']);
	});

	it('goes on after the last event, however far back that is', async () => {
		await streaming.write(home.instanceId, ...Array.from({ length: 350 }, (_, i) => sent(`${i}`)));
		const all = await eventIds();

		// What may have been overtaken is sent again where nobody knows that it was sent.
		const again = dialect === 'postgres' ? all.slice(0, 20) : [];

		const follower = await streaming.follow(home.scope, {}, all[20]);
		await follower.until(again.length + 329);
		await streaming.write(neighbour, sent('new'));
		await follower.until(again.length + 330);

		const after = [...all.slice(21), (await eventIds()).at(-1)];
		expect(follower.events.map(({ id }) => id)).toEqual([...again, ...after]);
	});

	it('loses and repeats nothing when it breaks off again and again while many write', async () => {
		const writers = [home.instanceId, neighbour, await addInstance()];
		let stream = await streaming.streams.open(home.scope, {}, undefined);
		const writing = writers.map(async (instance) => {
			for (let i = 0; i < 60; i++) await streaming.write(instance, sent(), sent());
		});

		const got: EventId[] = [];
		while (got.length < 360) {
			const most = 1 + (got.length % 40);
			const some: EventId[] = [];
			for await (const item of stream.items()) {
				if (item.type === 'events') some.push(...item.events.map(({ id }) => id));
				if (some.length >= most || got.length + some.length >= 360) break;
			}
			// The last ones of a batch may still be on their way when a connection breaks.
			got.push(...some.slice(0, most));
			stream = await streaming.streams.open(home.scope, {}, got.at(-1));
		}
		stream.close();
		await Promise.all(writing);

		expect(got.toSorted()).toEqual(await eventIds());
		expect(await isInSequence(got)).toBe(true);
	});

	it('carries only the events and the instance that were asked for', async () => {
		const [byInstance, byName, byBoth, all] = await Promise.all([
			streaming.follow(home.scope, { instanceId: home.instanceId }),
			streaming.follow(home.scope, { events: ['instance.disconnected'] }),
			streaming.follow(home.scope, { instanceId: neighbour, events: ['message.sent'] }),
			streaming.follow(home.scope),
		]);

		await streaming.write(home.instanceId, sent('a'), disconnected());
		await streaming.write(neighbour, sent('b'), disconnected());
		await database.storage.transaction(({ events }) =>
			events.appendForCustomer(home.scope, endpointDisabled(), NOON),
		);

		await all.until(5);
		await Promise.all([byInstance.until(2), byName.until(2), byBoth.until(1)]);
		expect(byInstance.texts).toEqual(['a', '']);
		expect(byName.texts).toEqual(['', '']);
		expect(byBoth.texts).toEqual(['b']);
	});

	it('carries nothing of another customer, nor of the other mode', async () => {
		const { customerId } = strangerTo(home.scope);
		const theirs = await streaming.follow({ customerId, mode: 'test' });
		const live = await streaming.follow({ ...home.scope, mode: 'live' });
		const ours = await streaming.follow(home.scope);

		await streaming.write(home.instanceId, sent('private'));
		await ours.until(1);
		await Promise.all([theirs.close(), live.close()]);

		expect([...theirs.events, ...live.events]).toEqual([]);
		const attempt = streaming.follow({ ...home.scope, mode: 'live' }, { instanceId: neighbour });
		await expect(attempt).rejects.toMatchObject({ code: 'instance_not_found' });
	});

	it('says where events are missing because their retention has ended', async () => {
		await streaming.write(home.instanceId, sent('a'), sent('b'), sent('c'), sent('d'), sent('e'));
		const all = await eventIds();
		await forget(all[2]!, all[3]!);

		const afterB = await streaming.follow(home.scope, { instanceId: home.instanceId }, all[1]);
		await afterB.until(1);
		const afterC = await streaming.follow(home.scope, { instanceId: home.instanceId }, all[2]);
		await afterC.until(1);

		expect(afterB.texts.at(-1)).toBe('e');
		expect(afterB.types).toContain('gap');
		expect(afterB.items.at(-1)).toMatchObject({ type: 'events', events: [{ id: all[4] }] });
		expect(afterC.types[0]).toBe('gap');
		expect(afterC.texts.at(-1)).toBe('e');
	});

	it('begins with what is kept after an event that nobody knows, and says so', async () => {
		const unknown = ids.next('evt');
		await streaming.write(home.instanceId, sent('a'), sent('b'));

		const follower = await (await streaming.follow(home.scope, {}, unknown)).until(2);
		const fromTheFirst = await streaming.follow(home.scope, {}, LEAST_ID);
		const fromTheFuture = await streaming.follow(home.scope, {}, GREATEST_ID);
		await streaming.write(home.instanceId, sent('c'));
		await fromTheFirst.until(3);
		// On Postgres it may begin with the events of the last seconds.
		await eventually(() => fromTheFuture.texts.includes('c'));

		expect(follower.types.slice(0, 2)).toEqual(['gap', 'events']);
		expect(follower.texts.slice(0, 2)).toEqual(['a', 'b']);
		expect(fromTheFirst.texts).toEqual(['a', 'b', 'c']);
		expect(fromTheFuture.texts.at(-1)).toBe('c');
	});

	it('is one of twenty at most for each customer, and gives its place back', async () => {
		const stranger = strangerTo(home.scope);
		const open = () => streaming.follow(home.scope);
		const nowhere = streaming.follow(home.scope, { instanceId: ids.next('inst') });
		await expect(nowhere).rejects.toMatchObject({ code: 'instance_not_found' });
		const followers = await Promise.all(Array.from({ length: 20 }, open));

		await expect(open()).rejects.toMatchObject({
			code: 'too_many_streams',
			details: { most: 20, retry_after_seconds: 30 },
		});
		await streaming.follow(stranger);
		await followers[7]!.close();
		await open();
		await expect(open()).rejects.toMatchObject({ code: 'too_many_streams' });
		expect(streaming.streams.count(home.scope.customerId)).toBe(20);
	});

	it('reads no further than it is read', async () => {
		const { events } = database.storage;
		let pages = 0;
		const counting: typeof events = {
			append: (...args) => events.append(...args),
			appendForCustomer: (...args) => events.appendForCustomer(...args),
			newestId: () => events.newestId(),
			listAfter: (...args) => {
				pages++;
				return events.listAfter(...args);
			},
		};
		const counted = new Streaming(database, { lateMs, events: counting });
		await counted.write(home.instanceId, ...Array.from({ length: 500 }, () => sent()));
		const stream = await counted.streams.open(home.scope, {}, LEAST_ID);
		const items = stream.items();
		pages = 0;

		const [, batch] = [await items.next(), await items.next()];

		expect(batch.value).toMatchObject({ type: 'events' });
		await counted.write(home.instanceId, sent());
		expect(pages).toBe(1);
		stream.close();
	});

	it('ends without a farewell when the database fails, and leaves the reason in the log', async () => {
		const { events } = database.storage;
		const reasons: object[] = [];
		let isBroken = false;
		const failing = new Streaming(database, {
			lateMs,
			events: {
				append: (...args) => events.append(...args),
				appendForCustomer: (...args) => events.appendForCustomer(...args),
				newestId: () => events.newestId(),
				listAfter: (...args) =>
					isBroken ? Promise.reject(new Error('the disk is full')) : events.listAfter(...args),
			},
			log: { ...silentLog, error: (fields) => reasons.push(fields) },
		});
		const follower = await failing.follow(home.scope);

		isBroken = true;
		await failing.write(home.instanceId, sent());
		await follower.done;
		await expect(failing.follow(home.scope)).rejects.toThrow('the disk is full');

		expect(follower.items).toEqual([]);
		expect(reasons).toEqual([{ error: 'Error: the disk is full' }]);
		expect(failing.streams.count(home.scope.customerId)).toBe(0);
	});

	it('ends with a farewell when the engine stops', async () => {
		const follower = await streaming.follow(home.scope);

		streaming.streams.endAll();
		await follower.done;

		expect(follower.types).toEqual(['end']);
		expect(streaming.streams.count(home.scope.customerId)).toBe(0);
	});

	it('shows every 25 seconds that it is alive', async () => {
		const began = Date.now();
		const clock: Clock = {
			now: () => began + (Date.now() - began) * 500,
			after: (ms, work) => {
				const timer = setTimeout(work, ms / 500);
				return () => clearTimeout(timer);
			},
		};
		const { streams } = new Streaming(database, { lateMs, clock });
		const stream = await streams.open(home.scope, {}, undefined);

		const times: number[] = [];
		for await (const item of stream.items()) {
			expect(item).toEqual({ type: 'alive' });
			if (times.push(clock.now()) === 3) break;
		}

		expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(25_000);
		expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(25_000);
	});

	if (dialect === 'postgres') {
		it('carries what was committed late, once, before what follows it in its instance', async () => {
			const follower = await streaming.follow(home.scope);
			const commit = await streaming.writeSlowly(home.instanceId, sent('early'));
			await streaming.write(neighbour, sent('overtaking'));
			await follower.until(1);

			await commit();
			await streaming.write(home.instanceId, sent('next'));
			await follower.until(3);

			expect(follower.texts).toEqual(['overtaking', 'early', 'next']);
			const [early, overtaking] = follower.events.map(({ id }) => id).toSorted();
			expect([follower.events[1]!.id, follower.events[0]!.id]).toEqual([early, overtaking]);
		});

		it('goes on where it was, on either side of a late event', async () => {
			const first = await streaming.follow(home.scope);
			const commit = await streaming.writeSlowly(home.instanceId, sent('early'));
			await streaming.write(neighbour, sent('overtaking'));
			await first.until(1);
			await first.close();
			await commit();

			const second = await (await streaming.follow(home.scope, {}, first.lastId)).until(1);
			await second.close();
			const third = await streaming.follow(home.scope, {}, second.lastId);
			await streaming.write(neighbour, sent('last'));
			await third.until(1);

			expect([first.texts, second.texts, third.texts]).toEqual([
				['overtaking'],
				['early'],
				['last'],
			]);
		});

		it('rather repeats than loses when another engine had sent the last event', async () => {
			const first = await streaming.follow(home.scope);
			const commit = await streaming.writeSlowly(home.instanceId, sent('early'));
			await streaming.write(neighbour, sent('overtaking'));
			await first.until(1);
			await first.close();
			await commit();

			const elsewhere = new Streaming(database, { lateMs });
			const second = await elsewhere.follow(home.scope, {}, first.lastId);
			await second.until(1);

			expect(second.texts).toEqual(['early']);
			elsewhere.streams.endAll();
		});
	}

	async function addInstance(): Promise<InstanceId> {
		const instance = anInstance(home.scope);
		await database.storage.instances.add(instance);
		return instance.id;
	}

	async function eventIds(): Promise<EventId[]> {
		const rows = await database.db.selectFrom('events').select('id').orderBy('id').execute();
		return rows.map(({ id }) => id);
	}

	async function forget(...some: EventId[]): Promise<void> {
		await database.db.updateTable('events').set({ body: null }).where('id', 'in', some).execute();
	}

	async function isInSequence(got: readonly EventId[]): Promise<boolean> {
		const rows = await database.db
			.selectFrom('events')
			.select(['id', 'instance_id', 'sequence'])
			.execute();
		const byId = new Map(rows.map((row) => [row.id, row]));
		const last = new Map<string, number>();
		return got.every((id) => {
			const { instance_id: instance, sequence } = byId.get(id)!;
			const before = last.get(instance!) ?? sequence! - 1;
			last.set(instance!, sequence!);
			return sequence === before + 1;
		});
	}
});

const LEAST_ID: EventId = 'evt_00000000-0000-7000-8000-000000000000';
const GREATEST_ID: EventId = 'evt_ffffffff-ffff-7fff-bfff-ffffffffffff';

function endpointDisabled() {
	return {
		event: 'endpoint.disabled' as const,
		occurredAt: NOON,
		data: { endpoint_id: ids.next('wh'), reason: 'gone' as const, failing_since: null },
	};
}
