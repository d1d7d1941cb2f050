import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Retention } from '../../../engine/src/app/retention.ts';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import { firstIdAt } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventually, silentLog } from '../../support/system.ts';
import { addDeliveries, FAILED, SUCCEEDED, type DeliveryRow } from '../storage/delivery-rows.ts';
import { anEndpoint, MINUTE, moveIn } from '../storage/records.ts';

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe.each(DIALECTS)('Retention on %s', (dialect) => {
	let database: TestDatabase;
	let clock: ManualClock;
	let endpoint: Endpoint;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		clock = new ManualClock();
		const { scope } = await moveIn(database.storage);
		endpoint = anEndpoint(scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
		await database.db.deleteFrom('settings').where('name', 'like', 'payloads_%').execute();
	});

	afterEach(async () => {
		clock.stop();
		await database.empty();
	});

	afterAll(() => database.close());

	it('keeps the payload of a success for 7 days and of a failure for 30', async () => {
		await add(
			{ ...SUCCEEDED, updated_at: ago(8 * DAY) },
			{ ...SUCCEEDED, updated_at: ago(6 * DAY) },
			{ ...FAILED, updated_at: ago(8 * DAY) },
			{ ...FAILED, updated_at: ago(31 * DAY) },
			{ created_at: ago(99 * DAY), updated_at: ago(99 * DAY) },
		);

		await retention().sweep();

		expect(await kept()).toEqual([false, true, true, false, true]);
	});

	it('keeps for ever what it is told to', async () => {
		const event_id = firstIdAt('evt', ago(999 * DAY));
		await add(
			{ ...SUCCEEDED, updated_at: ago(999 * DAY) },
			{ ...FAILED, updated_at: ago(999 * DAY) },
		);
		await add({ ...SUCCEEDED, event_id, payload_gone: 1 });

		await retention({ successDays: 0, failedDays: 0 }).sweep();

		expect(await kept()).toEqual([true, true, false]);
		expect(await textOf(event_id)).not.toBeNull();
		await retention({ successDays: 0, failedDays: 30 }).sweep();
		expect(await kept()).toEqual([true, false, false]);
	});

	it('forgets events that nobody wanted, and does not look at them again', async () => {
		const events = [9, 8, 6].map((days) => firstIdAt('evt', ago(days * DAY)));
		await add(...events.map((event_id) => ({ event_id })));
		await database.db.deleteFrom('webhook_deliveries').execute();

		await retention().sweep();
		expect(await textOf(events[1]!)).toBeNull();
		expect(await textOf(events[2]!)).not.toBeNull();

		await database.db.updateTable('events').set({ body: '{}' }).execute();
		clock.advance(2 * DAY);
		await retention().sweep();
		expect(await textOf(events[1]!)).toBe('{}');
		expect(await textOf(events[2]!)).toBeNull();
	});

	it('lets other writes pass between its commits', async () => {
		const { settings } = database.storage;
		await add(...Array.from({ length: 1_600 }, () => ({ ...SUCCEEDED, updated_at: ago(8 * DAY) })));
		const seen = new Set<number>();
		let isOver = false;

		const sweeping = retention()
			.sweep()
			.finally(() => (isOver = true));
		while (!isOver) {
			await settings.set('somebody_else', String(seen.size));
			seen.add((await kept()).filter((isKept) => !isKept).length);
			await new Promise((resolve) => setImmediate(resolve));
		}
		await sweeping;

		expect([...seen]).toEqual(expect.arrayContaining([500, 1_000, 1_500]));
	});

	it('begins a minute after the start, and goes on each hour', async () => {
		const sweeper = retention();
		sweeper.start();
		await add({ ...SUCCEEDED, updated_at: ago(8 * DAY) });

		clock.advance(MINUTE);
		await eventually(async () => (await kept())[0] === false);
		await add({ ...FAILED, updated_at: ago(31 * DAY) });
		await eventually(async () => {
			clock.advance(HOUR);
			return (await kept())[1] === false;
		});
		await sweeper.stop();

		await add({ ...FAILED, updated_at: ago(31 * DAY) });
		clock.advance(3 * HOUR);
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(await kept()).toEqual([false, false, true]);
	});

	it('stops after the batch that is under way', async () => {
		await add(...Array.from({ length: 1_600 }, () => ({ ...SUCCEEDED, updated_at: ago(8 * DAY) })));
		const sweeper = retention();
		sweeper.start();
		clock.advance(MINUTE);
		await eventually(async () => (await kept()).includes(false));

		await sweeper.stop();

		const left = (await kept()).filter(Boolean).length;
		expect(left).toBeGreaterThan(0);
		expect(left % 100).toBe(0);
	});

	function retention({ successDays, failedDays } = { successDays: 7, failedDays: 30 }): Retention {
		return new Retention({ ...database.storage, clock, log: silentLog, successDays, failedDays });
	}

	function ago(ms: number): number {
		return clock.now() - ms;
	}

	function add(...changes: Partial<DeliveryRow>[]) {
		return addDeliveries(database.db, endpoint, changes);
	}

	async function kept(): Promise<boolean[]> {
		const rows = await database.db
			.selectFrom('webhook_deliveries')
			.select('payload_gone')
			.orderBy('id')
			.execute();
		return rows.map((row) => row.payload_gone === 0);
	}

	async function textOf(id: `evt_${string}`): Promise<string | null> {
		const { body } = await database.db
			.selectFrom('events')
			.select('body')
			.where('id', '=', id)
			.executeTakeFirstOrThrow();
		return body;
	}
});
