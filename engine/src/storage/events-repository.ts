import type { Insertable, Kysely, Selectable } from 'kysely';
import type { Appended, EventsAfter, EventStore, IdSource, StoredEvent } from '../app/ports.ts';
import { envelope, type NewEvent } from '../domain/events.ts';
import type { EndpointId, EventId, InstanceId } from '../domain/ids.ts';
import { laneOf } from '../domain/lane.ts';
import type { Scope } from '../domain/scope.ts';
import { wants, type Subscription } from '../domain/subscription.ts';
import { RowInserter } from './rows.ts';
import type {
	DialectName,
	EventsTable,
	InstancesTable,
	Schema,
	WebhookDeliveriesTable,
} from './schema.ts';
import { toSubscription } from './subscription-columns.ts';
import { inTransaction } from './transaction.ts';

/** Whose events are written, and the number that the first of them has. */
interface Origin {
	readonly instanceId: InstanceId | null;
	readonly scope: Scope;
	readonly firstSequence: number | null;
}

interface Wanting extends Subscription {
	readonly id: EndpointId;
	readonly ordered: boolean;
}

/**
 * The outbox. An event and one delivery for each endpoint that wants it are written in the
 * transaction of what happened: from its commit on the event goes out, whatever happens to us.
 *
 * Taking the numbers locks the instance's row until that commit. On Postgres too, the events of
 * one instance therefore line up, and a rollback gives its numbers back: no gap, no repeat.
 */
export class EventsRepository implements EventStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;
	readonly #ids: IdSource;
	readonly #inserters: Inserters;

	constructor(db: Kysely<Schema>, dialect: DialectName, ids: IdSource) {
		this.#db = db;
		this.#dialect = dialect;
		this.#ids = ids;
		this.#inserters = INSERTERS[dialect];
	}

	async append(
		instanceId: InstanceId,
		events: readonly NewEvent[],
		now: number,
	): Promise<Appended> {
		if (events.length === 0) return [];
		return inTransaction(this.#db, async (db) => {
			const taken = await this.#takeNumbers(db, instanceId, events.length);
			const scope = { customerId: taken.customer_id, mode: taken.mode };
			const firstSequence = taken.last_sequence - events.length + 1;
			return this.#write(db, { instanceId, scope, firstSequence }, events, now);
		});
	}

	async appendForCustomer(scope: Scope, event: NewEvent, now: number): Promise<Appended> {
		return inTransaction(this.#db, (db) =>
			this.#write(db, { instanceId: null, scope, firstSequence: null }, [event], now),
		);
	}

	async listAfter(
		{ customerId, mode }: Scope,
		{ after, limit }: EventsAfter,
	): Promise<StoredEvent[]> {
		const rows = await this.#db
			.selectFrom('events')
			.select(['id', 'instance_id', 'event', 'body'])
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.where('id', '>', after)
			.orderBy('id')
			.limit(limit)
			.execute();
		return rows.map(({ id, instance_id, event, body }) => ({
			id,
			instanceId: instance_id,
			event,
			body,
		}));
	}

	async newestId(): Promise<EventId | undefined> {
		const newest = await this.#db
			.selectFrom('events')
			.select('id')
			.orderBy('id', 'desc')
			.limit(1)
			.executeTakeFirst();
		return newest?.id;
	}

	async #takeNumbers(
		db: Kysely<Schema>,
		id: InstanceId,
		count: number,
	): Promise<Pick<Selectable<InstancesTable>, 'customer_id' | 'mode' | 'last_sequence'>> {
		return db
			.updateTable('instances')
			.set((eb) => ({ last_sequence: eb('last_sequence', '+', count) }))
			.where('id', '=', id)
			.returning(['customer_id', 'mode', 'last_sequence'])
			.executeTakeFirstOrThrow();
	}

	async #write(
		db: Kysely<Schema>,
		origin: Origin,
		events: readonly NewEvent[],
		now: number,
	): Promise<Appended> {
		// May have to wait; what is named before would then be found too late by those who read on.
		const endpoints = await this.#endpoints(db, origin.scope);
		const rows = events.map((event, index) => this.#toRow(origin, event, index));
		await this.#inserters.events.insert(db, rows);
		const woken = new Set<EndpointId>();
		const deliveries: NewDelivery[] = [];
		for (const endpoint of endpoints) {
			for (const [index, event] of events.entries()) {
				if (!wants(endpoint, event, origin.instanceId)) continue;
				woken.add(endpoint.id);
				deliveries.push(this.#toDelivery(endpoint, rows[index]!, event, now));
			}
		}
		// An endpoint's deliveries are made, and named, in the order of the events.
		await this.#inserters.deliveries.insert(db, deliveries);
		return [...woken];
	}

	/**
	 * On Postgres the rows stay locked for sharing until the commit, so that disabling or removing
	 * an endpoint waits for us and then finds the deliveries that we add.
	 */
	async #endpoints(db: Kysely<Schema>, { customerId, mode }: Scope): Promise<Wanting[]> {
		const rows = await db
			.selectFrom('webhook_endpoints')
			.select(['id', 'events', 'instance_ids', 'filters', 'ordered'])
			.where('customer_id', '=', customerId)
			.where('mode', '=', mode)
			.where('deleted_at', 'is', null)
			.where('enabled', '=', 1)
			.orderBy('id')
			.$if(this.#dialect === 'postgres', (query) => query.forShare())
			.execute();
		return rows.map((row) => ({
			id: row.id,
			ordered: row.ordered === 1,
			...toSubscription(row),
		}));
	}

	#toRow(
		{ instanceId, scope, firstSequence }: Origin,
		event: NewEvent,
		index: number,
	): Insertable<EventsTable> {
		const id = this.#ids.next('evt');
		const sequence = firstSequence === null ? null : firstSequence + index;
		return {
			id,
			instance_id: instanceId,
			customer_id: scope.customerId,
			mode: scope.mode,
			event: event.event,
			sequence,
			occurred_at: event.occurredAt,
			body: envelope(event, { eventId: id, instanceId, sequence }),
			correlation_id: event.correlationId ?? null,
		};
	}

	#toDelivery(
		endpoint: Wanting,
		row: Insertable<EventsTable>,
		{ chat }: NewEvent,
		now: number,
	): NewDelivery {
		return {
			id: this.#ids.next('dlv'),
			event_id: row.id,
			endpoint_id: endpoint.id,
			customer_id: row.customer_id,
			mode: row.mode,
			instance_id: row.instance_id ?? null,
			event: row.event,
			lane: endpoint.ordered ? laneOf(row.instance_id ?? null, chat) : null,
			due_at: now,
			created_at: now,
			updated_at: now,
		};
	}
}

type Inserters = ReturnType<typeof inserters>;

/** What one new delivery has otherwise than all others. */
type NewDelivery = Pick<Insertable<WebhookDeliveriesTable>, (typeof DELIVERY_COLUMNS)[number]>;

const DELIVERY_COLUMNS = [
	'id',
	'event_id',
	'endpoint_id',
	'customer_id',
	'mode',
	'instance_id',
	'event',
	'lane',
	'due_at',
	'created_at',
	'updated_at',
] as const satisfies readonly (keyof WebhookDeliveriesTable)[];

/** Nothing was tried yet. */
const NEVER_TRIED = {
	status: `'pending'`,
	attempts: '0',
	earlier_attempts: '0',
	failed_attempts: '0',
	attempt_log: `''`,
	payload_gone: '0',
};

/** Made once, for the texts in them are what is worth keeping. */
const INSERTERS: Readonly<Record<DialectName, Inserters>> = {
	sqlite: inserters('sqlite'),
	postgres: inserters('postgres'),
};

function inserters(dialect: DialectName) {
	return {
		events: new RowInserter('events', dialect, [
			'id',
			'instance_id',
			'customer_id',
			'mode',
			'event',
			'sequence',
			'occurred_at',
			'body',
			'correlation_id',
		]),
		deliveries: new RowInserter('webhook_deliveries', dialect, DELIVERY_COLUMNS, {
			constants: NEVER_TRIED,
		}),
	};
}
