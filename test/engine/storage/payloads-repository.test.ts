import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import { firstIdAt } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import {
	addDeliveries,
	anAttempt,
	FAILED,
	logOf,
	SUCCEEDED,
	type DeliveryRow,
} from './delivery-rows.ts';
import { anEndpoint, MINUTE, moveIn, NOON, sent, type Household } from './records.ts';

const LATER = NOON + MINUTE;

describe.each(DIALECTS)('PayloadsRepository on %s', (dialect) => {
	let database: TestDatabase;
	let home: Household;
	let endpoint: Endpoint;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		home = await moveIn(database.storage);
		endpoint = anEndpoint(home.scope);
		await database.storage.endpoints.add(endpoint, 'whsec_a');
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('forgets what was sent and answered, and keeps the rest', async () => {
		const { deliveries, payloads } = database.storage;
		const attempts = [anAttempt(), anAttempt({ attempt: 2, response: 'it\'s "fine" – ✓\n' })];
		const [id] = await add({ ...FAILED, attempts: 2, attempt_log: logOf(...attempts) });
		const before = (await deliveries.find(home.scope, id!))!;

		expect(await payloads.forgetSettled('failed', LATER, 500)).toBe(1);

		expect(await deliveries.find(home.scope, id!)).toEqual({ ...before, payload: null });
		expect(await deliveries.attempts(id!)).toEqual(
			attempts.map((attempt) => ({ ...attempt, response: null })),
		);
		expect(await bodies()).toEqual([null]);
		expect(await payloads.forgetSettled('failed', LATER, 500)).toBe(0);
	});

	it('forgets those of one status that were settled before, the oldest first', async () => {
		const { payloads } = database.storage;
		const [late, early, , success] = await add(
			{ ...FAILED, updated_at: NOON + 1 },
			FAILED,
			{ ...FAILED, updated_at: LATER },
			SUCCEEDED,
			{},
			{ status: 'retrying', due_at: NOON },
		);

		expect(await payloads.forgetSettled('failed', LATER, 1)).toBe(1);
		expect(await forgotten()).toEqual([early]);
		expect(await payloads.forgetSettled('failed', LATER, 5)).toBe(1);
		expect(await forgotten()).toEqual([late, early]);
		expect(await payloads.forgetSettled('success', LATER, 5)).toBe(1);
		expect(await forgotten()).toEqual([late, early, success]);
		expect(await bodies()).toEqual([null, null, TEXT, null, TEXT, TEXT]);
	});

	it('keeps the text of an event until no delivery of it needs it', async () => {
		const { payloads } = database.storage;
		const event_id = ids.next('evt');
		await add({ ...SUCCEEDED, event_id }, { ...FAILED, event_id });

		await payloads.forgetSettled('success', LATER, 500);
		expect(await bodies()).toEqual([TEXT]);
		await payloads.forgetSettled('failed', LATER, 500);
		expect(await bodies()).toEqual([null]);
	});

	it('forgets a whole batch with long logs in one go', async () => {
		const { payloads, deliveries } = database.storage;
		const log = logOf(...[1, 2, 3].map((attempt) => anAttempt({ attempt })));
		const added = await add(
			...Array.from({ length: 500 }, () => ({ ...FAILED, attempt_log: log })),
		);

		expect(await payloads.forgetSettled('failed', LATER, 500)).toBe(500);

		expect(await forgotten()).toEqual([...added]);
		const kept = await deliveries.attempts(added[499]!);
		expect(kept.map(({ response }) => response)).toEqual([null, null, null]);
	});

	it('does not touch what is sent again', async () => {
		const { payloads, deliveries } = database.storage;
		const [id] = await add(FAILED);
		await deliveries.redeliver([id!], LATER);

		expect(await payloads.forgetSettled('failed', LATER + MINUTE, 500)).toBe(0);
		expect(await bodies()).toEqual([TEXT]);
	});

	it('forgets events that went to nobody, and those behind whom no delivery stands', async () => {
		const { payloads, events } = database.storage;
		await database.storage.endpoints.disable(endpoint.id, 'by_user', NOON);
		await events.append(home.instanceId, [sent(), sent()], NOON);
		await add({}, { ...FAILED, payload_gone: 1 }, FAILED);

		const end = await payloads.forgetUndelivered(Date.now() + MINUTE, null, 500);

		expect(end).toBeUndefined();
		expect(await bodies()).toEqual([null, null, TEXT, null, TEXT]);
	});

	it('reads on where it was told to, up to the time that it was told', async () => {
		const { payloads } = database.storage;
		const made = [0, 1, 2, 3].map((i) => firstIdAt('evt', NOON + i * 1_000));
		await add(...made.map((event_id) => ({ ...SUCCEEDED, event_id, payload_gone: 1 })));
		const before = NOON + 3_000;

		expect(await payloads.forgetUndelivered(before, null, 2)).toBe(made[1]);
		expect(await bodies()).toEqual([null, null, TEXT, TEXT]);
		expect(await payloads.forgetUndelivered(before, made[1]!, 2)).toBeUndefined();
		expect(await bodies()).toEqual([null, null, null, TEXT]);
	});

	const TEXT = expect.any(String);

	function add(...changes: Partial<DeliveryRow>[]) {
		return addDeliveries(database.db, endpoint, changes);
	}

	async function bodies(): Promise<(string | null)[]> {
		const rows = await database.db.selectFrom('events').select('body').orderBy('id').execute();
		return rows.map(({ body }) => body);
	}

	async function forgotten() {
		const rows = await database.db
			.selectFrom('webhook_deliveries')
			.select('id')
			.where('payload_gone', '=', 1)
			.orderBy('id')
			.execute();
		return rows.map(({ id }) => id);
	}
});
