import type { Kysely, Selectable, Updateable } from 'kysely';
import type {
	Claim,
	ClaimedDelivery,
	Delivery,
	DeliveryFilter,
	DeliveryOutcome,
	DeliveryStore,
	Page,
} from '../app/ports.ts';
import type { DeliveryId, EndpointId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { DialectName, Schema, WebhookDeliveriesTable } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { openSigningSecrets } from './signing-secrets.ts';

/**
 * Webhook deliveries. The table is the queue.
 *
 * One column does two jobs. `due_at` is when a delivery should next be tried, and claiming one
 * moves `due_at` to the end of the claimer's lease. So a worker that dies needs no clean-up: what
 * it held falls due again by itself. A settled delivery has no `due_at`.
 *
 * Delivery is at least once. A worker that dies between sending and settling, or a receiver that
 * answers after the lease, leads to a second send; receivers drop it by its event's id.
 */
export class DeliveriesRepository implements DeliveryStore {
	readonly #db: Kysely<Schema>;
	readonly #skipLocked: boolean;
	readonly #box: SecretBox;

	constructor(db: Kysely<Schema>, dialect: DialectName, box: SecretBox) {
		this.#db = db;
		// SQLite has one writer at a time, so there is nothing to skip.
		this.#skipLocked = dialect === 'postgres';
		this.#box = box;
	}

	/** The oldest due are taken, and answered in the order in which they were made. */
	async claim({ now, leaseMs, limit, withoutHosts }: Claim): Promise<ClaimedDelivery[]> {
		const leasedUntil = now + leaseMs;
		// As a plain subquery, Postgres may run `limit … for update skip locked` more than once and
		// lock more rows than asked for.
		const claimed = await this.#db
			.with('due', (db) =>
				db
					.selectFrom('webhook_deliveries')
					.select('id')
					.where('held', '=', 0)
					.where('due_at', '<=', now)
					.$if(withoutHosts.length > 0, (query) => query.where('host', 'not in', withoutHosts))
					.orderBy('due_at')
					.orderBy('id')
					.limit(limit)
					.$if(this.#skipLocked, (query) => query.forUpdate().skipLocked()),
			)
			.updateTable('webhook_deliveries')
			.set((eb) => ({ due_at: leasedUntil, attempts: eb('attempts', '+', 1), updated_at: now }))
			.where('id', 'in', (eb) => eb.selectFrom('due').select('due.id'))
			.returning('id')
			.execute();
		if (claimed.length === 0) return [];
		return this.#read(
			claimed.map(({ id }) => id),
			leasedUntil,
		);
	}

	async settle(claimed: ClaimedDelivery, outcome: DeliveryOutcome, at: number): Promise<boolean> {
		const { numUpdatedRows } = await this.#db
			.updateTable('webhook_deliveries')
			.set({ ...toColumns(outcome, at), updated_at: at })
			.where('id', '=', claimed.id)
			.where('due_at', '=', claimed.leasedUntil)
			.executeTakeFirst();
		return numUpdatedRows === 1n;
	}

	/** No first attempt is planned for later, so a pending one that is due later is claimed. */
	async releaseLeases(now: number): Promise<void> {
		await this.#db
			.updateTable('webhook_deliveries')
			.set({ due_at: now })
			.where('status', '=', 'pending')
			.where('due_at', '>', now)
			.execute();
	}

	async nextDueAt(): Promise<number | undefined> {
		const row = await this.#db
			.selectFrom('webhook_deliveries')
			.select('due_at')
			.where('held', '=', 0)
			.where('due_at', 'is not', null)
			.orderBy('due_at')
			.limit(1)
			.executeTakeFirst();
		return row?.due_at ?? undefined;
	}

	async find(scope: Scope, id: DeliveryId): Promise<Delivery | undefined> {
		const row = await this.#withPayload(scope).where('delivery.id', '=', id).executeTakeFirst();
		return row && toDelivery(row);
	}

	async list(
		scope: Scope,
		{ status, event, instanceId }: DeliveryFilter,
		{ limit, before }: Page,
	): Promise<Delivery[]> {
		let query = this.#withPayload(scope);
		if (status !== undefined) query = query.where('delivery.status', '=', status);
		if (event !== undefined) query = query.where('delivery.event', '=', event);
		if (instanceId !== undefined) query = query.where('delivery.instance_id', '=', instanceId);
		if (before !== undefined) query = query.where('delivery.id', '<', before as DeliveryId);
		const rows = await query.orderBy('delivery.id', 'desc').limit(limit).execute();
		return rows.map(toDelivery);
	}

	async #read(ids: readonly DeliveryId[], leasedUntil: number): Promise<ClaimedDelivery[]> {
		const rows = await this.#db
			.selectFrom('webhook_deliveries as delivery')
			.innerJoin('events as event', 'event.id', 'delivery.event_id')
			.innerJoin('webhook_endpoints as endpoint', 'endpoint.id', 'delivery.endpoint_id')
			.select([
				'delivery.id',
				'delivery.endpoint_id',
				'delivery.event_id',
				'delivery.event',
				'delivery.mode',
				'delivery.attempts',
				'event.body',
				'event.correlation_id',
				'endpoint.url',
				'endpoint.sealed_signing_secrets',
			])
			.where('delivery.id', 'in', ids)
			.where('delivery.due_at', '=', leasedUntil)
			.orderBy('delivery.id')
			.execute();
		const secrets = new Map<EndpointId, string[]>();
		for (const { endpoint_id: id, sealed_signing_secrets } of rows) {
			if (secrets.has(id)) continue;
			secrets.set(id, openSigningSecrets(this.#box, id, sealed_signing_secrets));
		}
		return rows.map((row) => ({
			id: row.id,
			endpointId: row.endpoint_id,
			eventId: row.event_id,
			event: row.event,
			body: row.body,
			correlationId: row.correlation_id,
			url: row.url,
			mode: row.mode,
			signingSecrets: secrets.get(row.endpoint_id)!,
			attempt: row.attempts,
			leasedUntil,
		}));
	}

	#withPayload({ customerId, mode }: Scope) {
		return this.#db
			.selectFrom('webhook_deliveries as delivery')
			.innerJoin('events', 'events.id', 'delivery.event_id')
			.selectAll('delivery')
			.select('events.body')
			.where('delivery.customer_id', '=', customerId)
			.where('delivery.mode', '=', mode);
	}
}

function toColumns(outcome: DeliveryOutcome, at: number): Updateable<WebhookDeliveriesTable> {
	const { status, responseStatus } = outcome;
	return {
		status,
		due_at: status === 'retrying' ? outcome.dueAt : null,
		last_error: status === 'success' ? null : outcome.error,
		last_response_status: responseStatus,
		delivered_at: status === 'success' ? at : null,
	};
}

function toDelivery(row: Selectable<WebhookDeliveriesTable> & { readonly body: string }): Delivery {
	return {
		id: row.id,
		endpointId: row.endpoint_id,
		customerId: row.customer_id,
		instanceId: row.instance_id,
		event: row.event,
		eventId: row.event_id,
		payload: row.body,
		status: row.status,
		attemptCount: row.attempts,
		lastError: row.last_error,
		lastResponseStatus: row.last_response_status,
		nextAttemptAt: row.due_at,
		deliveredAt: row.delivered_at,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	};
}
