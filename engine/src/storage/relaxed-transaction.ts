import { CompiledQuery, sql, type Kysely } from 'kysely';
import type { DialectName, Schema } from './schema.ts';

/**
 * A transaction whose commit does not wait for the disk. The end of the process does not undo it; a
 * power cut may undo the last ones, in order and each as a whole. For what is done again in that
 * case without harm.
 */
export async function relaxedTransaction<T>(
	db: Kysely<Schema>,
	dialect: DialectName,
	work: (db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
	if (dialect === 'postgres') {
		return db
			.transaction()
			.setIsolationLevel('read committed')
			.execute(async (transaction) => {
				await sql`set local synchronous_commit = off`.execute(transaction);
				return work(transaction);
			});
	}
	// SQLite's setting belongs to the connection, and cannot be changed inside a transaction.
	return db.connection().execute(async (connection) => {
		await connection.executeQuery(RELAXED);
		try {
			return await connection.transaction().execute(work);
		} finally {
			await connection.executeQuery(STRICT);
		}
	});
}

const RELAXED = CompiledQuery.raw('pragma synchronous = normal');
const STRICT = CompiledQuery.raw('pragma synchronous = full');
