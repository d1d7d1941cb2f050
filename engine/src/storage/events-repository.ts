import type { Insertable, Kysely, Selectable } from 'kysely';
import type { EventStore, IdSource } from '../app/ports.ts';
import { envelope, type EventName, type NewEvent } from '../domain/events.ts';
import type { InstanceId } from '../domain/ids.ts';
import { chunks } from './chunks.ts';
import type {
	DialectName,
	EventsTable,
	InstancesTable,
	Schema,
	WebhookDeliveriesTable,
	WebhookEndpointsTable,
} from './schema.ts';
import { inTransaction } from './transaction.ts';

type Numbered = Pick<Selectable<InstancesTable>, 'customer_id' | 'mode' | 'last_sequence'>;
type Wanting = Pick<Selectable<WebhookEndpointsTable>, 'id' | 'url' | 'events'>;

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

	constructor(db: Kysely<Schema>, dialect: DialectName, ids: IdSource) {
		this.#db = db;
		this.#dialect = dialect;
		this.#ids = ids;
	}

	async append(
		instanceId: InstanceId,
		events: readonly NewEvent[],
		now: number,
	): Promise<{ readonly deliveries: number }> {
		if (events.length === 0) return { deliveries: 0 };
		return inTransaction(this.#db, async (db) => {
			const instance = await this.#takeNumbers(db, instanceId, events.length);
			const rows = this.#toRows(instanceId, instance, events);
			for (const some of chunks(rows)) await db.insertInto('events').values(some).execute();

			const endpoints = await this.#endpoints(db, instanceId, instance);
			const deliveries = this.#toDeliveries(rows, endpoints, now);
			for (const some of chunks(deliveries)) {
				await db.insertInto('webhook_deliveries').values(some).execute();
			}
			return { deliveries: deliveries.length };
		});
	}

	async #takeNumbers(db: Kysely<Schema>, id: InstanceId, count: number): Promise<Numbered> {
		return db
			.updateTable('instances')
			.set((eb) => ({ last_sequence: eb('last_sequence', '+', count) }))
			.where('id', '=', id)
			.returning(['customer_id', 'mode', 'last_sequence'])
			.executeTakeFirstOrThrow();
	}

	#toRows(
		instanceId: InstanceId,
		{ customer_id, mode, last_sequence }: Numbered,
		events: readonly NewEvent[],
	): Insertable<EventsTable>[] {
		const before = last_sequence - events.length;
		return events.map((event, index) => {
			const id = this.#ids.next('evt');
			const sequence = before + index + 1;
			return {
				id,
				instance_id: instanceId,
				customer_id,
				mode,
				event: event.event,
				sequence,
				occurred_at: event.occurredAt,
				body: envelope(event, { eventId: id, instanceId, sequence }),
				correlation_id: event.correlationId ?? null,
			};
		});
	}

	/**
	 * On Postgres the rows stay locked for sharing until the commit, so that disabling or removing
	 * an endpoint waits for us and then finds the deliveries that we add.
	 */
	async #endpoints(
		db: Kysely<Schema>,
		instanceId: InstanceId,
		{ customer_id, mode }: Numbered,
	): Promise<Wanting[]> {
		return db
			.selectFrom('webhook_endpoints')
			.select(['id', 'url', 'events'])
			.where('customer_id', '=', customer_id)
			.where('mode', '=', mode)
			.where('deleted_at', 'is', null)
			.where('enabled', '=', 1)
			.where((eb) => eb.or([eb('instance_id', 'is', null), eb('instance_id', '=', instanceId)]))
			.orderBy('id')
			.$if(this.#dialect === 'postgres', (query) => query.forShare())
			.execute();
	}

	#toDeliveries(
		events: readonly Insertable<EventsTable>[],
		endpoints: readonly Wanting[],
		now: number,
	): Insertable<WebhookDeliveriesTable>[] {
		const wanting = endpoints.map((endpoint) => ({
			id: endpoint.id,
			host: new URL(endpoint.url).host,
			events: new Set(JSON.parse(endpoint.events) as EventName[]),
		}));
		return events.flatMap((event) =>
			wanting
				.filter((endpoint) => endpoint.events.has(event.event))
				.map((endpoint) => ({
					id: this.#ids.next('dlv'),
					event_id: event.id,
					endpoint_id: endpoint.id,
					customer_id: event.customer_id,
					mode: event.mode,
					instance_id: event.instance_id,
					event: event.event,
					host: endpoint.host,
					status: 'pending' as const,
					attempts: 0,
					due_at: now,
					held: 0,
					last_error: null,
					last_response_status: null,
					delivered_at: null,
					created_at: now,
					updated_at: now,
				})),
		);
	}
}
