import { sql, type Kysely } from 'kysely';

/**
 * A delivery counts the attempts of it that have failed. Until now every attempt that was begun
 * stood for one, so those that an engine took with it when it was killed used up the schedule.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.alterTable('webhook_deliveries')
		.addColumn('failed_attempts', 'integer', (column) => column.notNull().defaultTo(0))
		.execute();
	await sql`
		update webhook_deliveries set failed_attempts = attempts - earlier_attempts
		where status = 'retrying' and due_at is not null`.execute(db);
}
