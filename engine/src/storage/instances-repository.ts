import type { Kysely, Selectable, Updateable } from 'kysely';
import type {
	Account,
	HealPolicy,
	Instance,
	InstanceChange,
	InstanceStore,
	Page,
} from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { InstanceState } from '../domain/instance.ts';
import type { Scope } from '../domain/scope.ts';
import { QUEUED, type InstancesTable, type Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { inTransaction } from './transaction.ts';

export class InstancesRepository implements InstanceStore {
	readonly #db: Kysely<Schema>;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, box: SecretBox) {
		this.#db = db;
		this.#box = box;
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
				group_name: instance.group,
				priority: instance.priority,
				expected_phone_number: instance.expectedPhoneNumber,
				heal: JSON.stringify(instance.heal),
				healed_at: JSON.stringify(instance.healedAt),
				sealed_proxy_url: this.#sealProxy(instance.id, instance.proxyUrl),
				restricted_until: instance.restrictedUntil,
				attention_level: instance.attentionLevel,
				attention_due_at: instance.attentionDueAt,
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
		return row && this.#toInstance(row);
	}

	async findAny(id: InstanceId): Promise<Instance | undefined> {
		const row = await this.#present().where('id', '=', id).executeTakeFirst();
		return row && this.#toInstance(row);
	}

	async list({ customerId, mode }: Scope, { limit, before }: Page): Promise<Instance[]> {
		const rows = await this.#present()
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.$if(before !== undefined, (query) => query.where('id', '<', before as InstanceId))
			.orderBy('id', 'desc')
			.limit(limit)
			.execute();
		return rows.map((row) => this.#toInstance(row));
	}

	async listByState(states: readonly InstanceState[]): Promise<Instance[]> {
		if (states.length === 0) return [];
		const rows = await this.#present().where('state', 'in', states).orderBy('id').execute();
		return rows.map((row) => this.#toInstance(row));
	}

	async listByGroup({ customerId, mode }: Scope, group: string): Promise<Instance[]> {
		const rows = await this.#present()
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.where('group_name', '=', group)
			.orderBy('priority')
			.orderBy('id')
			.execute();
		return rows.map((row) => this.#toInstance(row));
	}

	async listAttentionDue(now: number, limit: number): Promise<Instance[]> {
		const rows = await this.#present()
			.where('attention_due_at', '<=', now)
			.orderBy('attention_due_at')
			.limit(limit)
			.execute();
		return rows.map((row) => this.#toInstance(row));
	}

	async change(id: InstanceId, change: InstanceChange, at: number): Promise<Instance | undefined> {
		const row = await this.#db
			.updateTable('instances')
			.set({
				...toColumns(change, at),
				sealed_proxy_url:
					change.proxyUrl === undefined ? undefined : this.#sealProxy(id, change.proxyUrl),
			})
			.where('id', '=', id)
			.where('deleted_at', 'is', null)
			.returningAll()
			.executeTakeFirst();
		return row && this.#toInstance(row);
	}

	/** What it had yet to send fails; what it has to tell (its events) still goes out. */
	async remove(id: InstanceId, at: number): Promise<void> {
		await inTransaction(this.#db, async (db) => {
			const removed = await db
				.updateTable('instances')
				.set({
					deleted_at: at,
					updated_at: at,
					account: null,
					sealed_proxy_url: null,
					attention_due_at: null,
				})
				.where('id', '=', id)
				.where('deleted_at', 'is', null)
				.returning('id')
				.executeTakeFirst();
			if (removed === undefined) return;
			await db.deleteFrom('auth_state').where('instance_id', '=', id).execute();
			await db.deleteFrom('journal').where('instance_id', '=', id).execute();
			await db.deleteFrom('pairing_links').where('instance_id', '=', id).execute();
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

	#sealProxy(id: InstanceId, url: string | null): Uint8Array | null {
		return url === null ? null : this.#box.seal(Buffer.from(url), proxyOwner(id));
	}

	#toInstance(row: Selectable<InstancesTable>): Instance {
		const sealed = row.sealed_proxy_url;
		return {
			id: row.id,
			customerId: row.customer_id,
			mode: row.mode,
			name: row.name,
			metadata: JSON.parse(row.metadata) as Instance['metadata'],
			status: { state: row.state, reason: row.status_reason, attempt: row.attempt },
			statusSince: row.status_since,
			account: row.account === null ? null : (JSON.parse(row.account) as Account),
			group: row.group_name,
			priority: row.priority,
			expectedPhoneNumber: row.expected_phone_number,
			heal: JSON.parse(row.heal) as HealPolicy,
			healedAt: JSON.parse(row.healed_at) as number[],
			proxyUrl:
				sealed === null ? null : Buffer.from(this.#box.open(sealed, proxyOwner(row.id))).toString(),
			restrictedUntil: row.restricted_until,
			attentionLevel: row.attention_level,
			attentionDueAt: row.attention_due_at,
			lastSeenAt: row.last_seen_at,
			createdAt: row.created_at,
			updatedAt: row.updated_at,
		};
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
		group_name: change.group,
		priority: change.priority,
		expected_phone_number: change.expectedPhoneNumber,
		heal: change.heal && JSON.stringify(change.heal),
		healed_at: change.healedAt && JSON.stringify(change.healedAt),
		restricted_until: change.restrictedUntil,
		attention_level: change.attentionLevel,
		attention_due_at: change.attentionDueAt,
		last_seen_at: change.lastSeenAt,
		updated_at: at,
	};
}

function toJson(account: Account | null): string | null {
	return account === null ? null : JSON.stringify(account);
}

function proxyOwner(id: InstanceId): string[] {
	return ['instances', id, 'proxy_url'];
}
