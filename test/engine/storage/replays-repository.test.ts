import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint, Replay } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anEndpoint, MINUTE, moveIn, NOON } from './records.ts';

describe.each(DIALECTS)('ReplaysRepository on %s', (dialect) => {
	let database: TestDatabase;
	let endpoint: Endpoint;
	let other: Endpoint;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		const { scope } = await moveIn(database.storage);
		endpoint = anEndpoint(scope);
		other = anEndpoint(scope);
		for (const one of [endpoint, other]) await database.storage.endpoints.add(one, 'whsec_a');
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('gives back what it was given', async () => {
		const { replays } = database.storage;
		const replay = aReplay(endpoint, {
			cursor: ids.next('dlv'),
			redelivered: 2,
			skipped: 1,
			maxPerSecond: 0.5,
		});

		expect(await replays.add(replay)).toBe(true);

		expect(await replays.find(endpoint.id, replay.id)).toEqual(replay);
		expect(await replays.find(other.id, replay.id)).toBeUndefined();
		expect(await replays.find(endpoint.id, ids.next('rpl'))).toBeUndefined();
	});

	it('lets one replay of an endpoint run at a time, and any number of ended ones be', async () => {
		const { replays } = database.storage;
		const [first, second, third] = [aReplay(endpoint), aReplay(endpoint), aReplay(other)];

		const added = await Promise.all([first, second, third].map((one) => replays.add(one)));

		expect(added.filter(Boolean)).toHaveLength(2);
		expect(added[2]).toBe(true);
		const running = await replays.listRunning();
		expect(running.map(({ endpointId }) => endpointId).sort()).toEqual(
			[endpoint.id, other.id].sort(),
		);
		for (const { id } of running) await replays.advance(id, { status: 'completed' }, NOON);
		expect(await replays.add(aReplay(endpoint))).toBe(true);
	});

	it('refuses the second one in the middle of a transaction, too', async () => {
		await database.storage.replays.add(aReplay(endpoint));

		const isAdded = await database.storage.transaction(async ({ replays, settings }) => {
			const added = await replays.add(aReplay(endpoint));
			await settings.set('after_a_refusal', 'written');
			return added;
		});

		expect(isAdded).toBe(false);
		expect(await database.storage.settings.find('after_a_refusal')).toBe('written');
	});

	it('notes how far a replay came, and changes none that has ended', async () => {
		const { replays } = database.storage;
		const replay = aReplay(endpoint);
		await replays.add(replay);
		const cursor = ids.next('dlv');

		const progress = { cursor, redelivered: 5, skipped: 2 };
		expect(await replays.advance(replay.id, progress, NOON + MINUTE)).toBe(true);
		const end = { status: 'failed', error: 'endpoint_deleted', finishedAt: NOON } as const;
		expect(await replays.advance(replay.id, end, NOON + MINUTE)).toBe(true);

		const ended = { ...replay, ...progress, ...end, updatedAt: NOON + MINUTE };
		expect(await replays.find(endpoint.id, replay.id)).toEqual(ended);
		expect(await replays.advance(replay.id, { redelivered: 9 }, NOON)).toBe(false);
		expect(await replays.find(endpoint.id, replay.id)).toEqual(ended);
	});

	it("lists an endpoint's replays newest first, page by page", async () => {
		const { replays } = database.storage;
		const all = [1, 2, 3].map(() => aReplay(endpoint, { status: 'completed' }));
		for (const replay of all) await replays.add(replay);
		await replays.add(aReplay(other));

		const first = await replays.list(endpoint.id, { limit: 2 });
		const second = await replays.list(endpoint.id, { limit: 2, before: first[1]!.id });

		expect([...first, ...second]).toEqual(all.toReversed());
	});
});

function aReplay({ id, customerId, mode }: Endpoint, changes: Partial<Replay> = {}): Replay {
	return {
		id: ids.next('rpl'),
		customerId,
		mode,
		endpointId: id,
		filter: {
			statuses: ['failed'],
			events: ['message.sent'],
			from: NOON,
			to: NOON + MINUTE,
			settledFrom: null,
		},
		maxPerSecond: 20,
		status: 'running',
		total: 7,
		redelivered: 0,
		skipped: 0,
		cursor: null,
		error: null,
		createdAt: NOON,
		updatedAt: NOON,
		finishedAt: null,
		...changes,
	};
}
