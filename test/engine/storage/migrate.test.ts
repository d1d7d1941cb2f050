import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type Kysely } from 'kysely';
import { openDatabase, type Database } from '../../../engine/src/storage/database.ts';
import { openPostgres } from '../../../engine/src/storage/postgres-database.ts';
import type { Schema } from '../../../engine/src/storage/schema.ts';
import { openSqlite } from '../../../engine/src/storage/sqlite-database.ts';
import { DIALECTS, freshLocation, type DatabaseLocation } from '../../support/databases.ts';
import { silentLog } from '../../support/system.ts';

describe.each(DIALECTS)('Migrations on %s', (dialect) => {
	let location: DatabaseLocation;
	let remove: () => void;

	beforeEach(async () => {
		({ location, remove } = await freshLocation(dialect));
	});

	afterEach(() => remove());

	it('make the tables once, and find them made ever after', async () => {
		const first = await open();
		await first.db.insertInto('settings').values({ name: 'a', value: 'kept' }).execute();
		const ledger = await applied(first);
		await first.close();

		const second = await open();

		expect(await applied(second)).toEqual(ledger);
		expect(ledger).toEqual(['0001-first-tables']);
		const kept = await second.db.selectFrom('settings').select('value').executeTakeFirst();
		expect(kept?.value).toBe('kept');
		await second.close();
	});

	it('touch nothing that a newer engine has made', async () => {
		const newer = await open();
		await newer.db
			.insertInto('whatisup_migrations')
			.values({ name: '9999-of-the-future', applied_at: 0 })
			.execute();
		await newer.close();

		await expect(open()).rejects.toMatchObject({
			code: 'newer_schema',
			message: expect.stringContaining('9999-of-the-future'),
		});
	});

	it('touch nothing that belongs to another program', async () => {
		await runInside('create table workflow_entity (id integer)');

		await expect(open()).rejects.toMatchObject({
			code: 'foreign_database',
			message: expect.stringContaining('workflow_entity'),
		});
	});

	it('leave nothing behind when one of them fails', async () => {
		await runInside('create view webhook_deliveries as select 1 as one');

		await expect(open()).rejects.toMatchObject({ code: 'database_failed' });
		await runInside('drop view webhook_deliveries');
		const database = await open();

		expect(await applied(database)).toEqual(['0001-first-tables']);
		await database.close();
	});

	function open(): Promise<Database> {
		return openDatabase({ ...location, log: silentLog });
	}

	async function runInside(text: string): Promise<void> {
		const { url, file } = location;
		const [db, release] = url === undefined ? sqlite(file!) : postgres(url);
		await sql.raw(text).execute(db);
		await db.destroy();
		release();
	}
});

function sqlite(file: string): [Kysely<Schema>, () => void] {
	const { db, release } = openSqlite(file);
	return [db, release];
}

function postgres(url: string): [Kysely<Schema>, () => void] {
	const { db, hangUp } = openPostgres(url, silentLog);
	return [db, hangUp];
}

async function applied({ db }: Database): Promise<string[]> {
	const rows = await db.selectFrom('whatisup_migrations').select('name').orderBy('name').execute();
	return rows.map(({ name }) => name);
}
