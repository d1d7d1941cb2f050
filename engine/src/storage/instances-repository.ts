import type { Kysely, Selectable, Updateable } from 'kysely';
import type { Account, Instance, InstanceChange, InstanceStore, Page } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { InstanceState } from '../domain/instance.ts';
import type { Scope } from '../domain/scope.ts';
import { QUEUED, type InstancesTable, type Schema } from './schema.ts';
import { inTransaction } from './transaction.ts';

export class InstancesRepository implements InstanceStore {
	readonly #db: Kysely<Schema>;

	constructor(db: Kysely<Schema>) {
		this.#db = db;
	}

	async add(instance: Instance): Promise<void> {
		await this.#db
			.insertInto('instances')
			.values({
				id: instance.id,
				customer_id: instance.customerId,
				mode: instance.mode,
				name: instance.name,
				metadata: JSON.stringify(instance.metadata),
				state: instance.status.state,
				status_reason: instance.status.reason,
				attempt: instance.status.attempt,
				status_since: instance.statusSince,
				account: toJson(instance.account),
				last_seen_at: instance.lastSeenAt,
				last_sequence: 0,
				created_at: instance.createdAt,
				updated_at: instance.updatedAt,
				deleted_at: null,
			})
			.execute();
	}

	async find({ customerId, mode }: Scope, id: InstanceId): Promise<Instance | undefined> {
		const row = await this.#present()
			.where('id', '=', id)
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.executeTakeFirst();
		return row && toInstance(row);
	}

	async findAny(id: InstanceId): Promise<Instance | undefined> {
		const row = await this.#present().where('id', '=', id).executeTakeFirst();
		return row && toInstance(row);
	}

	async list({ customerId, mode }: Scope, { limit, before }: Page): Promise<Instance[]> {
		const rows = await this.#present()
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.$if(before !== undefined, (query) => query.where('id', '<', before as InstanceId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map(toInstance);
	}

	async listByState(states: readonly InstanceState[]): Promise<Instance[]> {
		if (states.length === 0) return [];
		const rows = await this.#present().where('state', 'in', states).orderBy('id').execute();
		return rows.map(toInstance);
	}

	async change(id: InstanceId, change: InstanceChange, at: number): Promise<Instance | undefined> {
		const row = await this.#db
			.updateTable('instances')
			.set(toColumns(change, at))
			.where('id', '=', id)
			.where('deleted_at', 'is', null)
			.returningAll()
			.executeTakeFirst();
		return row && toInstance(row);
	}

	/** What it had yet to send fails; what it has to tell (its events) still goes out. */
	async remove(id: InstanceId, at: number): Promise<void> {
		await inTransaction(this.#db, async (db) => {
			const removed = await db
				.updateTable('instances')
				.set({ deleted_at: at, updated_at: at, account: null })
				.where('id', '=', id)
				.where('deleted_at', 'is', null)
				.returning('id')
				.executeTakeFirst();
			if (removed === undefined) return;
			await db.deleteFrom('auth_state').where('instance_id', '=', id).execute();
			await db.deleteFrom('journal').where('instance_id', '=', id).execute();
			await db
				.updateTable('messages')
				.set({
					status: 'failed',
					error_code: 'instance_deleted',
					error_message: 'The instance was deleted before the message was sent.',
					failed_at: at,
				})
				.where('instance_id', '=', id)
				.where('status', '=', QUEUED)
				.execute();
		});
	}

	#present() {
		return this.#db.selectFrom('instances').selectAll().where('deleted_at', 'is', null);
	}
}

/** Kysely leaves out of an update what is `undefined`. */
function toColumns(change: InstanceChange, at: number): Updateable<InstancesTable> {
	return {
		name: change.name,
		metadata: change.metadata && JSON.stringify(change.metadata),
		state: change.status?.state,
		status_reason: change.status?.reason,
		attempt: change.status?.attempt,
		status_since: change.statusSince,
		account: change.account === undefined ? undefined : toJson(change.account),
		last_seen_at: change.lastSeenAt,
		updated_at: at,
	};
}

function toJson(account: Account | null): string | null {
	return account === null ? null : JSON.stringify(account);
}

function toInstance(row: Selectable<InstancesTable>): Instance {
	return {
		id: row.id,
		customerId: row.customer_id,
		mode: row.mode,
		name: row.name,
		metadata: JSON.parse(row.metadata) as Instance['metadata'],
		status: { state: row.state, reason: row.status_reason, attempt: row.attempt },
		statusSince: row.status_since,
		account: row.account === null ? null : (JSON.parse(row.account) as Account),
		lastSeenAt: row.last_seen_at,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	};
}
