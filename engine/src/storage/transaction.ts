import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * Runs `work` in the transaction that `db` is in already, or in one of its own.
 *
 * The level is named because a Postgres database may have another default, and under a stricter
 * one the numbering of events would fail instead of waiting for its row.
 */
export function inTransaction<T>(
	db: Kysely<Schema>,
	work: (db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
	if (db.isTransaction) return work(db);
	return db.transaction().setIsolationLevel('read committed').execute(work);
}
