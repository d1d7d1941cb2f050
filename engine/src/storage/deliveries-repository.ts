import { setImmediate as breathe } from 'node:timers/promises';
import { sql, type Kysely, type Selectable } from 'kysely';
import { LEASE_MS } from '../app/delivery-turns.ts';
import type {
	Attempt,
	Delivery,
	DeliveryFilter,
	DeliveryPage,
	DeliveryStore,
	Page,
	ReplayFilter,
} from '../app/ports.ts';
import type { DeliveryId, EndpointId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import { readAttemptLog } from './attempt-log.ts';
import {
	isExact,
	lastLookedAt,
	lookedAt,
	newestFirst,
	oldestFirst,
	taken,
	wanted,
} from './delivery-reading.ts';
import type { DialectName, Schema, WebhookDeliveriesTable } from './schema.ts';
import { inTransaction } from './transaction.ts';

/** How much of the attempts a redelivery keeps. A line that is cut off is not read any more. */
const MOST_LOG_CHARACTERS = 32 * 1024;

const COLUMNS = [
	'delivery.id',
	'delivery.endpoint_id',
	'delivery.customer_id',
	'delivery.instance_id',
	'delivery.event',
	'delivery.event_id',
	'delivery.status',
	'delivery.attempts',
	'delivery.last_error',
	'delivery.last_response_status',
	'delivery.due_at',
	'delivery.payload_gone',
	'delivery.delivered_at',
	'delivery.redelivered_at',
	'delivery.created_at',
	'delivery.updated_at',
	'events.body',
] as const;

/** The log of deliveries; `delivery-reading.ts` says how it is read without reading all of it. */
export class DeliveriesRepository implements DeliveryStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;

	constructor(db: Kysely<Schema>, dialect: DialectName) {
		this.#db = db;
		this.#dialect = dialect;
	}

	async find({ customerId, mode }: Scope, id: DeliveryId): Promise<Delivery | undefined> {
		const row = await this.#withPayload()
			.where('delivery.id', '=', id)
			.where('delivery.customer_id', '=', customerId)
			.where('delivery.mode', '=', mode)
			.executeTakeFirst();
		return row && toDelivery(row);
	}

	async list(scope: Scope, filter: DeliveryFilter, { limit, before }: Page): Promise<DeliveryPage> {
		if (!(await this.#isOwn(scope, filter))) return { deliveries: [], next: undefined };
		const along = newestFirst(this.#db, scope, filter, before);
		const exact = isExact(filter);
		const rows = await this.#withPayload()
			.where('delivery.id', 'in', () =>
				exact
					? along.select('id').limit(limit + 1)
					: lookedAt(this.#db, along)
							.select('looked.id')
							.where((eb) => eb.and(wanted(scope, filter)))
							.orderBy('looked.id', 'desc')
							.limit(limit + 1),
			)
			.orderBy('delivery.id', 'desc')
			.execute();
		const deliveries = rows.slice(0, limit).map(toDelivery);
		if (rows.length > limit) return { deliveries, next: deliveries.at(-1)!.id };
		return { deliveries, next: exact ? undefined : await lastLookedAt(along) };
	}

	async attempts(id: DeliveryId): Promise<readonly Attempt[]> {
		const row = await this.#db
			.selectFrom('webhook_deliveries')
			.select('attempt_log')
			.where('id', '=', id)
			.executeTakeFirst();
		return row ? readAttemptLog(row.attempt_log) : [];
	}

	async redeliver(ids: readonly DeliveryId[], at: number): Promise<readonly DeliveryId[]> {
		if (ids.length === 0) return [];
		return inTransaction(this.#db, async (db) => {
			const endpoints = await this.#holdEndpoints(db, ids);
			if (endpoints.length === 0) return [];
			const settled = await db
				.updateTable('webhook_deliveries')
				.set((eb) => ({
					status: 'pending',
					due_at: at,
					earlier_attempts: eb.ref('attempts'),
					failed_attempts: 0,
					attempt_log: newestOfLog(),
					delivered_at: null,
					redelivered_at: at,
					updated_at: at,
				}))
				.where('id', 'in', ids)
				.where('endpoint_id', 'in', endpoints)
				.where('due_at', 'is', null)
				.where('payload_gone', '=', 0)
				.returning('id')
				.execute();
			// What is due later than any claim lasts is planned, and in nobody's hands.
			const planned = await db
				.updateTable('webhook_deliveries')
				.set({ due_at: at, updated_at: at })
				.where('id', 'in', ids)
				.where('endpoint_id', 'in', endpoints)
				.where('status', '=', 'retrying')
				.where('due_at', '>', at + LEASE_MS)
				.returning(['id', 'endpoint_id', 'lane'])
				.execute();
			for (const { endpoint_id, lane } of planned) {
				if (lane !== null) await this.#hastenLane(db, endpoint_id, lane, at);
			}
			return [...settled, ...planned].map(({ id }) => id).sort();
		});
	}

	async bringForward(endpointId: EndpointId, at: number): Promise<void> {
		// What is due sooner may be leased.
		await this.#db
			.updateTable('webhook_deliveries')
			.set({ due_at: at })
			.where('endpoint_id', '=', endpointId)
			.where('due_at', '>', at + LEASE_MS)
			.execute();
	}

	/** What waits behind a delivery goes with it, lest the newest of its chat overtake them. */
	async #hastenLane(
		db: Kysely<Schema>,
		endpointId: EndpointId,
		lane: number,
		at: number,
	): Promise<void> {
		await db
			.updateTable('webhook_deliveries')
			.set({ due_at: at })
			.where('endpoint_id', '=', endpointId)
			.where('lane', '=', lane)
			.where('due_at', '>', at)
			.where('status', '=', 'pending')
			.whereRef('attempts', '=', 'earlier_attempts')
			.execute();
	}

	/** Not for use in a transaction: between two stretches of a long log others have their turn. */
	async listForReplay(
		endpointId: EndpointId,
		filter: ReplayFilter,
		{ after, limit }: { readonly after: DeliveryId | null; readonly limit: number },
	): Promise<readonly DeliveryId[]> {
		const ids: DeliveryId[] = [];
		let from: DeliveryId | null | undefined = after;
		while (from !== undefined) {
			const along = oldestFirst(this.#db, endpointId, filter, from);
			const rows = await taken(lookedAt(this.#db, along), filter)
				.select('looked.id')
				.orderBy('looked.id')
				.limit(limit - ids.length)
				.execute();
			ids.push(...rows.map(({ id }) => id));
			from = ids.length < limit ? await lastLookedAt(along) : undefined;
			await breathe();
		}
		return ids;
	}

	/** Not for use in a transaction, like `listForReplay`. */
	async countForReplay(
		endpointId: EndpointId,
		filter: ReplayFilter,
		atMost: number,
	): Promise<number> {
		let count = 0;
		let from: DeliveryId | null | undefined = null;
		while (from !== undefined) {
			const along = oldestFirst(this.#db, endpointId, filter, from);
			const { found } = await taken(lookedAt(this.#db, along), filter)
				.select(({ fn }) => fn.count<number>('looked.id').as('found'))
				.executeTakeFirstOrThrow();
			count = Math.min(count + found, atMost);
			from = count < atMost ? await lastLookedAt(along) : undefined;
			await breathe();
		}
		return count;
	}

	async countUnsettled(endpointId: EndpointId, atMost: number): Promise<number> {
		const some = this.#db
			.selectFrom('webhook_deliveries')
			.select('id')
			.where('endpoint_id', '=', endpointId)
			.where('due_at', 'is not', null)
			.limit(atMost);
		const { found } = await this.#db
			.selectFrom(some.as('some'))
			.select(({ fn }) => fn.count<number>('some.id').as('found'))
			.executeTakeFirstOrThrow();
		return found;
	}

	/**
	 * Whether the endpoint and the instance that are asked for belong to whom asks. Lists along
	 * their indexes would otherwise tell strangers how many deliveries there are.
	 */
	async #isOwn(
		{ customerId, mode }: Scope,
		{ endpointId, instanceId }: DeliveryFilter,
	): Promise<boolean> {
		const owned = { customer_id: customerId, mode };
		const endpoint =
			endpointId === undefined ||
			(await this.#db
				.selectFrom('webhook_endpoints')
				.select('id')
				.where((eb) => eb.and({ ...owned, id: endpointId }))
				.executeTakeFirst());
		const instance =
			instanceId === undefined ||
			(await this.#db
				.selectFrom('instances')
				.select('id')
				.where((eb) => eb.and({ ...owned, id: instanceId }))
				.executeTakeFirst());
		return endpoint !== undefined && instance !== undefined;
	}

	/**
	 * The endpoints of these deliveries that are not deleted. On Postgres a deletion waits for our
	 * commit, and then fails what we have made due.
	 */
	async #holdEndpoints(
		db: Kysely<Schema>,
		ids: readonly DeliveryId[],
	): Promise<readonly EndpointId[]> {
		const rows = await db
			.selectFrom('webhook_endpoints')
			.select('id')
			.where('id', 'in', (eb) =>
				eb.selectFrom('webhook_deliveries').select('endpoint_id').where('id', 'in', ids),
			)
			.where('deleted_at', 'is', null)
			.orderBy('id')
			.$if(this.#dialect === 'postgres', (query) => query.forShare())
			.execute();
		return rows.map(({ id }) => id);
	}

	#withPayload() {
		return this.#db
			.selectFrom('webhook_deliveries as delivery')
			.leftJoin('events', 'events.id', 'delivery.event_id')
			.select(COLUMNS);
	}
}

/** The end of the log, as far as it is kept. */
function newestOfLog() {
	const log = sql.ref('attempt_log');
	return sql<string>`case when length(${log}) <= ${MOST_LOG_CHARACTERS} then ${log}
		else substr(${log}, length(${log}) - ${MOST_LOG_CHARACTERS} + 1) end`;
}

type Row = Omit<
	Selectable<WebhookDeliveriesTable>,
	'mode' | 'lane' | 'earlier_attempts' | 'failed_attempts' | 'attempt_log'
>;

function toDelivery(row: Row & { readonly body: string | null }): Delivery {
	return {
		id: row.id,
		endpointId: row.endpoint_id,
		customerId: row.customer_id,
		instanceId: row.instance_id,
		event: row.event,
		eventId: row.event_id,
		payload: row.payload_gone === 1 ? null : row.body,
		status: row.status,
		attemptCount: row.attempts,
		lastError: row.last_error,
		lastResponseStatus: row.last_response_status,
		nextAttemptAt: row.due_at,
		deliveredAt: row.delivered_at,
		redeliveredAt: row.redelivered_at,
		createdAt: row.created_at,
		updatedAt: row.updated_at,
	};
}
