import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuthChange } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { ids } from '../../support/system.ts';
import { anInstance, moveIn, NOON, type Household } from './records.ts';

const ENTRY = { stanza: Buffer.from('<message/>'), plaintext: Buffer.from('hi'), receivedAt: NOON };

describe.each(DIALECTS)('AuthStateRepository on %s', (dialect) => {
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

	it('gives back what was set last, and nothing that was removed', async () => {
		const { authState } = database.storage;

		await authState.commit(home.instanceId, [
			set('session', 'a', 'one'),
			set('session', 'b', 'two'),
			set('session', 'c', 'three'),
			set('pre-key', 'a', 'four'),
		]);
		await authState.commit(home.instanceId, [set('session', 'a', 'five'), unset('session', 'b')]);

		expect(await get(home.instanceId, 'session', ['a', 'b', 'c', 'd'])).toEqual({
			a: 'five',
			c: 'three',
		});
		expect(await get(home.instanceId, 'pre-key', ['a'])).toEqual({ a: 'four' });
		expect(await get(home.instanceId, 'pre-key', [])).toEqual({});
	});

	it('lets the last of several changes to one secret count', async () => {
		const { authState } = database.storage;

		await authState.commit(home.instanceId, [
			set('session', 'a', 'one'),
			unset('session', 'a'),
			set('session', 'a', 'two'),
			set('session', 'b', 'three'),
			unset('session', 'b'),
		]);

		expect(await get(home.instanceId, 'session', ['a', 'b'])).toEqual({ a: 'two' });
	});

	it('takes the keys of a pairing in one commit, and gives them all back', async () => {
		const { authState } = database.storage;
		const keys = Array.from({ length: 1_100 }, (_, index) => String(index));

		await authState.commit(
			home.instanceId,
			keys.map((id) => set('pre-key', id, `key ${id}`)),
		);
		const found = await authState.get(home.instanceId, 'pre-key', keys);
		await authState.commit(
			home.instanceId,
			keys.map((id) => unset('pre-key', id)),
		);

		expect(found.size).toBe(1_100);
		expect(Buffer.from(found.get('812')!).toString()).toBe('key 812');
		expect((await authState.get(home.instanceId, 'pre-key', keys)).size).toBe(0);
	});

	it('writes the journal in the same commit as the ratchet', async () => {
		const { authState, journal } = database.storage;

		const entries = await authState.commit(
			home.instanceId,
			[set('session', 'a', 'advanced')],
			[ENTRY, { ...ENTRY, plaintext: Buffer.from('ho') }],
		);

		expect(entries.map(({ plaintext }) => Buffer.from(plaintext).toString())).toEqual(['hi', 'ho']);
		expect(await journal.list(10)).toEqual(entries);
	});

	it('advances no ratchet when the journal cannot be written, and the other way round', async () => {
		const { authState, journal } = database.storage;
		await authState.commit(home.instanceId, [set('session', 'a', 'before')]);
		const broken = { ...ENTRY, receivedAt: 'soon' as unknown as number };

		const attempt = authState.commit(
			home.instanceId,
			[set('session', 'a', 'after')],
			[ENTRY, broken],
		);
		const elsewhere = authState.commit(ids.next('inst'), [set('session', 'a', 'x')], [ENTRY]);

		await expect(attempt).rejects.toThrow();
		await expect(elsewhere).rejects.toThrow();
		expect(await get(home.instanceId, 'session', ['a'])).toEqual({ a: 'before' });
		expect(await journal.list(10)).toEqual([]);
	});

	it('commits what several instances write at the same time, and answers each its own', async () => {
		const { authState, instances, journal } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);

		const [mine, theirs] = await Promise.all([
			authState.commit(home.instanceId, [set('session', 'a', 'mine')], [ENTRY]),
			authState.commit(neighbour.id, [set('session', 'a', 'theirs')], [ENTRY, ENTRY]),
		]);

		expect(mine.map(({ instanceId }) => instanceId)).toEqual([home.instanceId]);
		expect(theirs.map(({ instanceId }) => instanceId)).toEqual([neighbour.id, neighbour.id]);
		expect(await journal.list(10)).toEqual([...mine, ...theirs]);
		expect(await get(home.instanceId, 'session', ['a'])).toEqual({ a: 'mine' });
		expect(await get(neighbour.id, 'session', ['a'])).toEqual({ a: 'theirs' });
	});

	it('keeps what one instance writes when another one, at the same time, cannot', async () => {
		const { authState, journal } = database.storage;

		const mine = authState.commit(home.instanceId, [set('session', 'a', 'one')], [ENTRY]);
		const nobodys = authState.commit(ids.next('inst'), [set('session', 'a', 'x')], [ENTRY]);
		const later = authState.commit(home.instanceId, [set('session', 'a', 'two')]);

		await expect(nobodys).rejects.toThrow();
		expect(await journal.list(10)).toEqual(await mine);
		expect(await later).toEqual([]);
		expect(await get(home.instanceId, 'session', ['a'])).toEqual({ a: 'two' });
	});

	it('joins the transaction that it is called in', async () => {
		const { storage } = database;

		const attempt = storage.transaction(async ({ authState }) => {
			await authState.commit(home.instanceId, [set('session', 'a', 'one')], [ENTRY]);
			throw new Error('the rest failed');
		});

		await expect(attempt).rejects.toThrow('the rest failed');
		expect(await get(home.instanceId, 'session', ['a'])).toEqual({});
		expect(await storage.journal.list(10)).toEqual([]);
	});

	it('wipes one instance and leaves the next alone', async () => {
		const { authState, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);
		await authState.commit(home.instanceId, [set('creds', '', 'mine')]);
		await authState.commit(neighbour.id, [set('creds', '', 'theirs')]);

		await authState.wipe(home.instanceId);

		expect(await get(home.instanceId, 'creds', [''])).toEqual({});
		expect(await get(neighbour.id, 'creds', [''])).toEqual({ '': 'theirs' });
	});

	it('does not keep a secret in clear, and opens none that was copied to another row', async () => {
		const { authState } = database.storage;
		await authState.commit(home.instanceId, [
			set('session', 'a', 'private key of a'),
			set('session', 'b', 'private key of b'),
		]);

		const rows = await database.db.selectFrom('auth_state').selectAll().execute();
		await database.db
			.updateTable('auth_state')
			.set({ sealed_value: rows[0]!.sealed_value })
			.where('id', '=', rows[1]!.id)
			.execute();

		expect(rows.some((row) => Buffer.from(row.sealed_value).includes('private'))).toBe(false);
		await expect(authState.get(home.instanceId, 'session', [rows[1]!.id])).rejects.toThrow();
	});

	async function get(
		instanceId: InstanceId,
		type: string,
		keys: readonly string[],
	): Promise<Record<string, string>> {
		const found = await database.storage.authState.get(instanceId, type, keys);
		return Object.fromEntries([...found].map(([id, value]) => [id, Buffer.from(value).toString()]));
	}
});

function set(type: string, id: string, value: string): AuthChange {
	return { type, id, value: Buffer.from(value) };
}

function unset(type: string, id: string): AuthChange {
	return { type, id, value: null };
}
