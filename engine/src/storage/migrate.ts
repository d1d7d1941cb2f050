import { sql, type Kysely } from 'kysely';
import { up as firstTables } from './migrations/0001-first-tables.ts';
import { up as lifeCycle } from './migrations/0002-life-cycle.ts';
import { up as webhooks } from './migrations/0003-webhooks.ts';
import { up as failedAttempts } from './migrations/0004-failed-attempts.ts';
import type { DialectName, Schema } from './schema.ts';
import { StorageError } from './storage-error.ts';
import { inTransaction } from './transaction.ts';

/** In the order they run. A name is never changed and a migration never edited once released. */
const MIGRATIONS: Readonly<
	Record<string, (db: Kysely<unknown>, dialect: DialectName) => Promise<void>>
> = {
	'0001-first-tables': firstTables,
	'0002-life-cycle': lifeCycle,
	'0003-webhooks': webhooks,
	'0004-failed-attempts': failedAttempts,
};

const LEDGER = 'whatisup_migrations';

/** Any number will do that no other program in the same Postgres database takes. */
const ADVISORY_LOCK = 7_140_253_681;

/**
 * Brings the tables up to this version: every missing migration in one transaction, so that a fault
 * half way leaves the database as it was. Engines that start together take turns.
 */
export async function migrate(db: Kysely<Schema>, dialect: DialectName): Promise<void> {
	await inTransaction(db, async (transaction) => {
		if (dialect === 'postgres') {
			await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(transaction);
		}
		const applied = await appliedMigrations(transaction, dialect);
		const unknown = applied.find((name) => !Object.hasOwn(MIGRATIONS, name));
		if (unknown !== undefined) {
			throw new StorageError(
				'newer_schema',
				`The database was made by a newer engine: this one does not know "${unknown}".`,
			);
		}
		for (const [name, up] of Object.entries(MIGRATIONS)) {
			if (applied.includes(name)) continue;
			await up(transaction as Kysely<unknown>, dialect);
			await transaction.insertInto(LEDGER).values({ name, applied_at: Date.now() }).execute();
		}
	});
}

async function appliedMigrations(db: Kysely<Schema>, dialect: DialectName): Promise<string[]> {
	const tables = await tableNames(db, dialect);
	if (!tables.includes(LEDGER)) {
		if (tables.length > 0) {
			throw new StorageError(
				'foreign_database',
				`The database belongs to another program: it has a table "${tables[0]}".`,
			);
		}
		await db.schema
			.createTable(LEDGER)
			.addColumn('name', 'text', (column) => column.primaryKey())
			.addColumn('applied_at', dialect === 'sqlite' ? 'integer' : 'bigint', (column) =>
				column.notNull(),
			)
			.execute();
	}
	const rows = await db.selectFrom(LEDGER).select('name').orderBy('name').execute();
	return rows.map((row) => row.name);
}

async function tableNames(db: Kysely<Schema>, dialect: DialectName): Promise<string[]> {
	const query =
		dialect === 'sqlite'
			? sql<{ name: string }>`select name from sqlite_schema
				where type = 'table' and name not like 'sqlite%' order by name`
			: sql<{ name: string }>`select tablename as name from pg_tables
				where schemaname = current_schema() order by tablename`;
	const { rows } = await query.execute(db);
	return rows.map((row) => row.name);
}
