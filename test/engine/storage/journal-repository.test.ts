import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NewJournalEntry } from '../../../engine/src/app/ports.ts';
import { DIALECTS, openDatabase, type TestDatabase } from '../../support/databases.ts';
import { anInstance, moveIn, NOON, type Household } from './records.ts';

describe.each(DIALECTS)('JournalRepository on %s', (dialect) => {
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

	it('answers the entries with their ids, in the order they were given', async () => {
		const { journal } = database.storage;
		const written = Array.from({ length: 600 }, (_, index) => entry(`message ${index}`));

		const entries = await journal.add(home.instanceId, written);

		expect(entries.map(textOf)).toEqual(written.map(textOf));
		expect(entries.map(({ id }) => id)).toEqual(entries.map(({ id }) => id).toSorted(ascending));
		expect((await journal.list(1_000)).map(textOf)).toEqual(written.map(textOf));
	});

	it('lists page by page over all instances, oldest first', async () => {
		const { journal, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);
		const [first] = await journal.add(home.instanceId, [entry('first')]);
		const [second] = await journal.add(neighbour.id, [entry('second')]);
		const [third] = await journal.add(home.instanceId, [entry('third')]);

		expect(await journal.list(2)).toEqual([first, second]);
		expect(await journal.list(2, second!.id)).toEqual([third]);
		expect(await journal.list(2, third!.id)).toEqual([]);
	});

	it('never gives an id twice, so that nobody removes the entry of another', async () => {
		const { journal } = database.storage;
		const [gone] = await journal.add(home.instanceId, [entry('gone')]);
		await journal.remove([gone!.id]);
		const [kept] = await journal.add(home.instanceId, [entry('kept')]);

		await journal.remove([gone!.id]);
		await journal.remove([]);

		expect(await journal.list(10)).toEqual([kept]);
	});

	it('does not keep a word of a message in clear', async () => {
		const { journal } = database.storage;

		await journal.add(home.instanceId, [entry('meet me at dawn')]);

		const row = await database.db.selectFrom('journal').selectAll().executeTakeFirstOrThrow();
		for (const sealed of [row.sealed_stanza, row.sealed_plaintext]) {
			expect(Buffer.from(sealed).includes('meet me at dawn')).toBe(false);
		}
	});

	it('does not open an entry that was moved to another instance', async () => {
		const { journal, instances } = database.storage;
		const neighbour = anInstance(home.scope);
		await instances.add(neighbour);
		await journal.add(home.instanceId, [entry('mine')]);

		await database.db.updateTable('journal').set({ instance_id: neighbour.id }).execute();

		await expect(journal.list(10)).rejects.toThrow();
	});
});

function entry(text: string): NewJournalEntry {
	return {
		stanza: Buffer.from(`<message>${text}</message>`),
		plaintext: Buffer.from(text),
		receivedAt: NOON,
	};
}

function textOf({ plaintext }: NewJournalEntry): string {
	return Buffer.from(plaintext).toString();
}

function ascending(a: number, b: number): number {
	return a - b;
}
