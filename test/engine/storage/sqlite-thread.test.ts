import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteThread } from '../../../engine/src/storage/sqlite-thread.ts';

const SQLITE_BUSY = 5;

describe('The thread of the SQLite file', () => {
	let folder: string;
	let path: string;
	let thread: SqliteThread;

	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), 'whatisup-thread-'));
		path = join(folder, 'some.sqlite');
		thread = await SqliteThread.open({ path, busyTimeoutMs: 0 });
		await run('create table notes (id integer primary key, text text, bytes blob)');
	});

	afterEach(async () => {
		await thread.close();
		rmSync(folder, { recursive: true, force: true });
	});

	it('leaves the others alone while it works', async () => {
		let isServed = false;
		setImmediate(() => (isServed = true));

		await run(`
			with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 500000)
			select sum(n) from numbers`);

		expect(isServed).toBe(true);
	});

	it('does things in the order of asking, and answers each', async () => {
		const [, one, two, changed] = await Promise.all([
			run('insert into notes (text) values (?)', ['a']),
			run('select text from notes'),
			run('insert into notes (text) values (?), (?) returning id', ['b', 'c']),
			run('update notes set text = ?', ['d']),
		]);

		expect(one).toEqual({ rows: [{ text: 'a' }], changes: 0 });
		expect(two.rows).toEqual([{ id: 2 }, { id: 3 }]);
		expect(changed).toEqual({ rows: [], changes: 3 });
	});

	it('takes and gives bytes, nulls and large numbers as they are', async () => {
		const shared = Buffer.from('beforethe bytesafter');
		const bytes = shared.subarray(6, 15);

		const { rows } = await run('insert into notes values (?, ?, ?) returning *', [
			Number.MAX_SAFE_INTEGER,
			null,
			bytes,
		]);

		expect(rows).toEqual([
			{ id: Number.MAX_SAFE_INTEGER, text: null, bytes: new Uint8Array(bytes) },
		]);
	});

	it('tells faults with what SQLite says about them, and goes on', async () => {
		const fault = await run('select text from nowhere').catch((error: unknown) => error);

		expect(String(fault)).toBe('Error: no such table: nowhere');
		expect(fault).toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 1 });

		expect((await run('select 1 as one')).rows).toEqual([{ one: 1 }]);
	});

	it('runs nothing of a transaction that could not begin', async () => {
		const other = new DatabaseSync(path);
		other.exec('begin immediate');

		const text = 'insert into notes (text) values (?)';
		const refused = thread.run({ text, parameters: ['a'], begins: true });
		await expect(refused).rejects.toMatchObject({ errcode: SQLITE_BUSY });
		await run('rollback');
		other.close();

		await thread.run({ text, parameters: ['b'], begins: true });
		await run('rollback');
		expect((await run('select * from notes')).rows).toEqual([]);
	});

	it('obeys a setting each time', async () => {
		const seen: unknown[] = [];
		for (const level of ['normal', 'full', 'normal']) {
			await run(`pragma synchronous = ${level}`);
			seen.push(...(await run('pragma synchronous')).rows);
		}

		expect(seen).toEqual([{ synchronous: 1 }, { synchronous: 2 }, { synchronous: 1 }]);
	});

	it('ends with what it was asked before, and takes nothing more', async () => {
		const last = run('insert into notes (text) values (?)', ['last']);
		const closed = thread.close();

		await expect(run('select 1')).rejects.toThrow('The database is closed.');
		await Promise.all([last, closed, thread.close()]);
		const reader = new DatabaseSync(path, { readOnly: true });
		expect(reader.prepare('select text from notes').all()).toMatchObject([{ text: 'last' }]);
		reader.close();
	});

	it('does not stay when the file cannot be opened', async () => {
		const nowhere = join(folder, 'nowhere', 'some.sqlite');

		await expect(SqliteThread.open({ path: nowhere, busyTimeoutMs: 0 })).rejects.toMatchObject({
			errcode: 14,
		});
	});

	function run(text: string, parameters: readonly unknown[] = []) {
		return thread.run({ text, parameters, begins: false });
	}
});
