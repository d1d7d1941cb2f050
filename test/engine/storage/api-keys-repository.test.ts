import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiKey } from '../../../engine/src/app/ports.ts';
import type { CustomerId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { NOON } from './records.ts';

describe.each(DIALECTS)('ApiKeysRepository on %s', (dialect) => {
	let database: TestDatabase;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('finds a key by its hash, and by its mode and name', async () => {
		const { apiKeys } = database.storage;
		const key = await aKey();
		await apiKeys.add(key);

		expect(await apiKeys.findByHash(key.hash)).toEqual(key);
		expect(await apiKeys.findByHash('other')).toBeUndefined();
		expect(await apiKeys.findByName('test', 'bootstrap')).toEqual(key);
		expect(await apiKeys.findByName('live', 'bootstrap')).toBeUndefined();
	});

	it('finds a revoked key no more', async () => {
		const { apiKeys } = database.storage;
		const key = await aKey();
		await apiKeys.add(key);

		await apiKeys.revoke(key.id, NOON);

		expect(await apiKeys.findByHash(key.hash)).toBeUndefined();
		expect(await apiKeys.findByName('test', 'bootstrap')).toBeUndefined();
	});

	it('takes a revoked key back when it is added again', async () => {
		const { apiKeys } = database.storage;
		const key = await aKey();
		await apiKeys.add(key);
		await apiKeys.revoke(key.id, NOON);

		const again = { ...key, id: ids.next('key') };
		await apiKeys.add(again);

		expect(await apiKeys.findByHash(key.hash)).toEqual(again);
	});

	it('keeps one of two equal keys that engines bring at the same time', async () => {
		const { apiKeys } = database.storage;
		const key = await aKey();

		await Promise.all([apiKeys.add(key), apiKeys.add({ ...key, id: ids.next('key') })]);

		const { rows } = await countKeys();
		expect(rows).toBe(1);
	});

	async function aKey(): Promise<ApiKey> {
		const customerId: CustomerId = await database.storage.customers.ensureDefault(
			ids.next('cust'),
			NOON,
		);
		return {
			id: ids.next('key'),
			customerId,
			mode: 'test',
			name: 'bootstrap',
			prefix: 'zpk_test_ab12',
			hash: 'd0'.repeat(32),
			createdAt: NOON,
		};
	}

	function countKeys() {
		return database.db
			.selectFrom('api_keys')
			.select((eb) => eb.fn.countAll<number>().as('rows'))
			.executeTakeFirstOrThrow();
	}
});
