import { sql, type Kysely } from 'kysely';
import type { PayloadStore } from '../app/ports.ts';
import { firstIdAt, type DeliveryId, type EventId } from '../domain/ids.ts';
import { withoutResponses } from './attempt-log.ts';
import { jsonRows } from './json-rows.ts';
import type { DialectName, Schema } from './schema.ts';
import { inTransaction } from './transaction.ts';

/** As text of the query: only so SQLite sees that an index of what is kept holds all it needs. */
const KEPT = sql.lit(0);

interface Settled {
	readonly id: DeliveryId;
	readonly event_id: EventId;
	readonly attempt_log: string;
}

/**
 * Forgets what was sent and answered. The text that was sent is stored once, with its event, and
 * goes with the last delivery that may still have to send or to show it.
 */
export class PayloadsRepository implements PayloadStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;

	constructor(db: Kysely<Schema>, dialect: DialectName) {
		this.#db = db;
		this.#dialect = dialect;
	}

	async forgetSettled(
		status: 'success' | 'failed',
		before: number,
		limit: number,
	): Promise<number> {
		return inTransaction(this.#db, async (db) => {
			const settled = await db
				.selectFrom('webhook_deliveries')
				.select(['id', 'event_id', 'attempt_log'])
				.where('status', '=', status)
				.where('updated_at', '<', before)
				.where('due_at', 'is', null)
				.where('payload_gone', '=', KEPT)
				.orderBy('updated_at')
				.limit(limit)
				// Whoever makes one of them due again at this moment wins.
				.$if(this.#dialect === 'postgres', (query) => query.forUpdate().skipLocked())
				.execute();
			if (settled.length === 0) return 0;
			await this.#strip(db, settled);
			await forgetBodies(db, [...new Set(settled.map((row) => row.event_id))]);
			return settled.length;
		});
	}

	async forgetUndelivered(
		before: number,
		after: EventId | null,
		limit: number,
	): Promise<EventId | undefined> {
		return inTransaction(this.#db, async (db) => {
			const events = await db
				.selectFrom('events')
				.select('id')
				.where('id', '<', firstIdAt('evt', before))
				.$if(after !== null, (query) => query.where('id', '>', after!))
				.orderBy('id')
				.limit(limit)
				.execute();
			const ids = events.map(({ id }) => id);
			if (ids.length > 0) await forgetBodies(db, ids);
			return ids.length < limit ? undefined : ids.at(-1);
		});
	}

	/** All rows in one statement, as a JSON text: their new logs differ. */
	async #strip(db: Kysely<Schema>, settled: readonly Settled[]): Promise<void> {
		const entries = jsonRows(
			this.#dialect,
			settled.map(({ id, attempt_log: log }) => [id, withoutResponses(log)]),
		);
		await sql`
			update webhook_deliveries set payload_gone = 1, attempt_log = stripped.log
			from (select value ->> 0 as id, value ->> 1 as log from ${entries}) as stripped
			where webhook_deliveries.id = stripped.id`.execute(db);
	}
}

async function forgetBodies(db: Kysely<Schema>, events: readonly EventId[]): Promise<void> {
	await db
		.updateTable('events')
		.set({ body: null })
		.where('id', 'in', events)
		.where('body', 'is not', null)
		.where((eb) =>
			eb.not(
				eb.exists(
					eb
						.selectFrom('webhook_deliveries as delivery')
						.select('delivery.id')
						.whereRef('delivery.event_id', '=', 'events.id')
						.where('delivery.payload_gone', '=', 0),
				),
			),
		)
		.execute();
}
