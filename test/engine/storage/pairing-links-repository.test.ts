import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PairingLink } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anInstance, MINUTE, moveIn, NOON } from './records.ts';

const HASH = 'a'.repeat(64);
const OTHER_HASH = 'b'.repeat(64);

describe.each(DIALECTS)('PairingLinksRepository on %s', (dialect) => {
	let database: TestDatabase;
	let first: InstanceId;
	let second: InstanceId;

	beforeAll(async () => {
		database = await openDatabase(dialect);
	});

	beforeEach(async () => {
		const home = await moveIn(database.storage);
		const neighbour = anInstance(home.scope);
		await database.storage.instances.add(neighbour);
		first = home.instanceId;
		second = neighbour.id;
	});

	afterEach(() => database.empty());
	afterAll(() => database.close());

	it('finds a link by its instance and by the hash of its token', async () => {
		const { pairingLinks } = database.storage;
		const link = aLink(first, HASH);

		await pairingLinks.put(link);

		expect(await pairingLinks.find(first)).toEqual(link);
		expect(await pairingLinks.findByHash(HASH)).toEqual(link);
	});

	it('finds nothing for an instance without a link, nor for a hash that nobody has', async () => {
		const { pairingLinks } = database.storage;
		await pairingLinks.put(aLink(first, HASH));

		expect(await pairingLinks.find(second)).toBeUndefined();
		expect(await pairingLinks.findByHash(OTHER_HASH)).toBeUndefined();
		expect(await pairingLinks.findByHash(HASH.slice(1))).toBeUndefined();
		expect(await pairingLinks.findByHash('')).toBeUndefined();
	});

	it('keeps one link for each instance, the last one', async () => {
		const { pairingLinks } = database.storage;
		const next = aLink(first, OTHER_HASH, NOON + MINUTE);
		await pairingLinks.put(aLink(first, HASH));

		await pairingLinks.put(next);

		expect(await pairingLinks.find(first)).toEqual(next);
		expect(await pairingLinks.findByHash(HASH)).toBeUndefined();
	});

	it('keeps the links of other instances apart', async () => {
		const { pairingLinks } = database.storage;
		const neighbours = aLink(second, OTHER_HASH);
		await pairingLinks.put(aLink(first, HASH));
		await pairingLinks.put(neighbours);

		await pairingLinks.remove(first);

		expect(await pairingLinks.find(first)).toBeUndefined();
		expect(await pairingLinks.findByHash(HASH)).toBeUndefined();
		expect(await pairingLinks.find(second)).toEqual(neighbours);
	});

	it('lets no two instances have the same token', async () => {
		const { pairingLinks } = database.storage;
		await pairingLinks.put(aLink(first, HASH));

		await expect(pairingLinks.put(aLink(second, HASH))).rejects.toThrow();

		expect(await pairingLinks.findByHash(HASH)).toMatchObject({ instanceId: first });
	});

	it('removes what is not there without complaint', async () => {
		await expect(database.storage.pairingLinks.remove(first)).resolves.toBeUndefined();
	});

	it('gives no link to an instance that never was', async () => {
		await expect(
			database.storage.pairingLinks.put(aLink(ids.next('inst'), HASH)),
		).rejects.toThrow();
	});

	it('ends up with one link when several are made at once', async () => {
		const { pairingLinks } = database.storage;
		const hashes = ['1', '2', '3', '4'].map((digit) => digit.repeat(64));

		await Promise.all(hashes.map((hash) => pairingLinks.put(aLink(first, hash))));

		const found = await Promise.all(hashes.map((hash) => pairingLinks.findByHash(hash)));
		expect(found.filter((link) => link !== undefined)).toEqual([await pairingLinks.find(first)]);
	});

	it('takes part in a transaction: what is rolled back was never made', async () => {
		const { storage } = database;

		await expect(
			storage.transaction(async ({ pairingLinks }) => {
				await pairingLinks.put(aLink(first, HASH));
				throw new Error('no');
			}),
		).rejects.toThrow('no');

		expect(await storage.pairingLinks.find(first)).toBeUndefined();
	});
});

function aLink(instanceId: InstanceId, tokenHash: string, expiresAt = NOON): PairingLink {
	return { instanceId, tokenHash, expiresAt };
}
