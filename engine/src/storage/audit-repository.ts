import type { Kysely } from 'kysely';
import type { AuditLog, AuditRow, Page } from '../app/ports.ts';
import type { AuditId, CustomerId } from '../domain/ids.ts';
import type { Schema } from './schema.ts';

/** Append-only. Rows outlive what they speak of. */
export class AuditRepository implements AuditLog {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async add(row: AuditRow): Promise<void> {
		await this.#db
			.insertInto('audit')
			.values({
				id: row.id,
				customer_id: row.customerId,
				instance_id: row.instanceId,
				action: row.action,
				details: JSON.stringify(row.details),
				at: row.at,
				correlation_id: row.correlationId,
			})
			.execute();
	}

	async list(customerId: CustomerId, { limit, before }: Page): Promise<AuditRow[]> {
		const rows = await this.#db
			.selectFrom('audit')
			.selectAll()
			.where('customer_id', '=', customerId)
			.$if(before !== undefined, (query) => query.where('id', '<', before as AuditId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map((row) => ({
			id: row.id,
			customerId: row.customer_id,
			instanceId: row.instance_id,
			action: row.action,
			details: JSON.parse(row.details) as AuditRow['details'],
			at: row.at,
			correlationId: row.correlation_id,
		}));
	}
}
