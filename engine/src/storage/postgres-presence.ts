import { sql, type Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** Any number will do that no other program in the same Postgres database takes. */
const ADVISORY_LOCK = 7_140_253_682;

/**
 * Tells an engine whether it has a Postgres database to itself. Each engine shares a lock that its
 * session has, and that the server takes from it when it dies; who gets it all is alone.
 *
 * A session that breaks is not replaced, and a pooler that passes transactions around may keep one
 * alive after its engine. Neither costs more than time: who is wrongly thought to be gone has
 * deliveries sent twice, who is wrongly thought to be there has its leases run out.
 */
export class PostgresPresence {
	readonly #db: Kysely<Schema>;
	#leave: () => void = () => undefined;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	/** Does the work if no other engine is there, and before another one can come. To be called once. */
	async whenAlone(work: () => Promise<void>): Promise<void> {
		await new Promise<void>((resolve, reject) => {
			this.#db
				.connection()
				.execute(async (session) => {
					await session.transaction().execute((transaction) => enter(transaction, work));
					resolve();
					// For as long as it is not given back to the pool, the session is ours.
					await new Promise<void>((leave) => (this.#leave = leave));
				})
				.catch(reject);
		});
	}

	leave(): void {
		this.#leave();
	}
}

/** The transaction keeps a pooler from passing the session on; the locks outlast it. */
async function enter(transaction: Kysely<Schema>, work: () => Promise<void>): Promise<void> {
	const { rows } = await sql<{ alone: boolean }>`
		select pg_try_advisory_lock(${ADVISORY_LOCK}) as alone`.execute(transaction);
	const isAlone = rows[0]!.alone;
	if (isAlone) await work();
	// Who comes second waits here until the first one has done its work.
	await sql`select pg_advisory_lock_shared(${ADVISORY_LOCK})`.execute(transaction);
	if (isAlone) await sql`select pg_advisory_unlock(${ADVISORY_LOCK})`.execute(transaction);
}
