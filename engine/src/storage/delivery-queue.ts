import { sql, type Kysely, type RawBuilder } from 'kysely';
import type {
	Claimed,
	ClaimedDelivery,
	DeliveryQueue,
	Destination,
	Predecessor,
	PutOff,
	Settlement,
	Turn,
} from '../app/ports.ts';
import type { EventName } from '../domain/events.ts';
import type { DeliveryId, EndpointId, EventId } from '../domain/ids.ts';
import { BLOCKING_ATTEMPTS } from '../domain/retry-schedule.ts';
import { againAfterDeadlock } from './deadlock.ts';
import { jsonRows } from './json-rows.ts';
import { relaxedTransaction } from './relaxed-transaction.ts';
import type { DialectName, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { SigningSecretsCache } from './signing-secrets.ts';

/** How soon to look again at a delivery whose predecessor is in another process's hands. */
const LOOK_AGAIN_MS = 1_000;

/**
 * The deliveries table as a queue.
 *
 * One column does two jobs. `due_at` is when a delivery should next be tried, and claiming one
 * moves `due_at` to the end of the claimer's lease. So a worker that dies needs no clean-up: what
 * it held falls due again by itself. A settled delivery has no `due_at`.
 *
 * Delivery is at least once. A worker that dies between sending and settling, or a receiver that
 * answers after the lease, leads to a second send; receivers drop it by its event's id. That is
 * also why a turn's commit need not wait for the disk: what a power cut undoes is done again.
 *
 * Everything that a turn changes goes to the database as one JSON text for each kind of change, so
 * that the number of statements does not grow with the number of deliveries.
 */
export class DeliveryQueueRepository implements DeliveryQueue {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;
	readonly #secrets: SigningSecretsCache;
	readonly #isUnsettled: RawBuilder<unknown>;

	constructor(db: Kysely<Schema>, dialect: DialectName, box: SecretBox) {
		this.#db = db;
		this.#dialect = dialect;
		this.#secrets = new SigningSecretsCache(box);
		// In the words of the index that leads there. On SQLite the one engine holds all else that is
		// unsettled and earlier, or gets it first.
		this.#isUnsettled =
			dialect === 'postgres'
				? sql`other.due_at is not null and other.lane is not null`
				: sql`other.status = 'retrying'`;
	}

	async look(now: number): Promise<readonly EndpointId[]> {
		const { rows } = await sql<{ id: EndpointId }>`
			select id from webhook_endpoints
			where enabled = 1 and deleted_at is null and exists (
				select 1 from webhook_deliveries
				where endpoint_id = webhook_endpoints.id and due_at <= ${now}
			)`.execute(this.#db);
		return rows.map(({ id }) => id);
	}

	async turn(turn: Turn): Promise<readonly Claimed[]> {
		const { now, leaseMs, settle, putOff, hasten, claim, probe } = turn;
		return relaxedTransaction(this.#db, this.#dialect, async (db) => {
			await this.#settle(db, settle);
			await this.#putOff(db, putOff, now);
			for (const id of hasten) await this.#hasten(db, id, now);
			const destinations = await this.#destinations(db, [...claim.keys(), ...probe], now);
			const claimed: { destination: Destination; rows: ClaimedRow[] }[] = [];
			for (const destination of destinations) {
				const limit = claim.get(destination.id);
				const next =
					limit === undefined
						? this.#oldest(destination.id)
						: this.#due(destination.id, now, limit);
				const rows = await this.#claim(db, next, now + leaseMs);
				if (rows.length > 0) claimed.push({ destination, rows });
			}
			const all = claimed.flatMap(({ rows }) => rows);
			const bodies = await this.#bodies(db, all);
			const waits = await this.#waits(db, all, now);
			return claimed.map(({ destination, rows }) => ({
				destination,
				deliveries: rows.map((row) =>
					toDelivery(row, bodies.get(row.event_id)!, now + leaseMs, waits.get(row.id)),
				),
			}));
		});
	}

	async releaseLeases(now: number, leaseMs: number): Promise<void> {
		const release = sql`
			update webhook_deliveries set
				due_at = ${now},
				attempts = case when status = 'pending' then earlier_attempts else attempts end
			where due_at > ${now} and due_at <= ${now + leaseMs}`;
		// The last turn of an engine that was killed may still be under way.
		await againAfterDeadlock(() => release.execute(this.#db));
	}

	async #settle(db: Kysely<Schema>, settlements: readonly Settlement[]): Promise<void> {
		if (settlements.length === 0) return;
		await sql`
			update webhook_deliveries set
				status = s.status, due_at = s.next_at, last_error = s.error,
				last_response_status = s.response_status, delivered_at = s.delivered_at,
				attempt_log = attempt_log || s.line, updated_at = s.at,
				attempts = attempts - s.unsent, failed_attempts = failed_attempts + s.failures
			from (
				select value ->> 0 as id, cast(value ->> 1 as bigint) as leased_until,
					value ->> 2 as status, cast(value ->> 3 as bigint) as next_at, value ->> 4 as error,
					cast(value ->> 5 as integer) as response_status,
					cast(value ->> 6 as bigint) as delivered_at, value ->> 7 as line,
					cast(value ->> 8 as bigint) as at, cast(value ->> 9 as integer) as unsent,
					cast(value ->> 10 as integer) as failures
				from ${jsonRows(this.#dialect, settlements.map(settlementEntry))}
			) as s
			where webhook_deliveries.id = s.id and webhook_deliveries.due_at = s.leased_until
		`.execute(db);
	}

	/**
	 * Whoever brings a retry forward takes along what waits behind it, but cannot know of what was
	 * just claimed and is on its way back. That finds out here. (What waits for one that is pending
	 * looks again by itself.)
	 */
	async #putOff(db: Kysely<Schema>, puttingOff: readonly PutOff[], now: number): Promise<void> {
		if (puttingOff.length === 0) return;
		const entries = puttingOff.map(({ delivery, dueAt, behind }) => [
			delivery.id,
			delivery.leasedUntil,
			dueAt,
			behind ?? null,
		]);
		await sql`
			update webhook_deliveries set
				attempts = attempts - 1,
				due_at = case when s.behind is null or exists (
					select 1 from webhook_deliveries as head
					where head.id = s.behind and (head.due_at = s.next_at or head.status = 'pending')
				) then s.next_at else cast(${now} as bigint) end
			from (
				select value ->> 0 as id, cast(value ->> 1 as bigint) as leased_until,
					cast(value ->> 2 as bigint) as next_at, value ->> 3 as behind
				from ${jsonRows(this.#dialect, entries)}
			) as s
			where webhook_deliveries.id = s.id and webhook_deliveries.due_at = s.leased_until
		`.execute(db);
	}

	async #destinations(
		db: Kysely<Schema>,
		ids: readonly EndpointId[],
		now: number,
	): Promise<Destination[]> {
		if (ids.length === 0) return [];
		const rows = await db
			.selectFrom('webhook_endpoints')
			.select([
				'id',
				'customer_id',
				'mode',
				'url',
				'max_age_seconds',
				'max_per_second',
				'failing_since',
				'worked_until',
				'sealed_signing_secrets',
				'previous_secret_until',
			])
			.where('enabled', '=', 1)
			.where('deleted_at', 'is', null)
			.where(
				'id',
				'in',
				sql<EndpointId>`(select value ->> 0 from ${jsonRows(
					this.#dialect,
					ids.map((id) => [id]),
				)})`,
			)
			.execute();
		return rows.map((row) => ({
			id: row.id,
			customerId: row.customer_id,
			mode: row.mode,
			url: row.url,
			signingSecrets: this.#secrets.at(now, row),
			maxAgeSeconds: row.max_age_seconds,
			maxPerSecond: row.max_per_second,
			failingSince: row.failing_since,
			workedUntil: row.worked_until,
		}));
	}

	async #hasten(db: Kysely<Schema>, endpointId: EndpointId, now: number): Promise<void> {
		await sql`
			update webhook_deliveries set due_at = ${now}
			where endpoint_id = ${endpointId} and due_at > ${now}`.execute(db);
	}

	/**
	 * In the order of making, however long each has been due: what was put off, given back or
	 * hastened must not be overtaken by the later ones of its chat.
	 */
	#due(endpointId: EndpointId, now: number, limit: number): RawBuilder<unknown> {
		return sql`
			select id from webhook_deliveries
			where endpoint_id = ${endpointId} and due_at <= ${now}
			order by id limit ${limit}`;
	}

	/** One that was tried already, for others may wait behind it; failing that, the first that is due. */
	#oldest(endpointId: EndpointId): RawBuilder<unknown> {
		return sql`
			select id from webhook_deliveries where id = coalesce(
				(
					select min(id) from webhook_deliveries
					where endpoint_id = ${endpointId} and status = 'retrying'
						and status <> 'success' and status <> 'pending'
				), (
					select min(id) from webhook_deliveries
					where endpoint_id = ${endpointId} and due_at is not null
				)
			)`;
	}

	/**
	 * As a plain subquery, Postgres may run `limit … for update skip locked` more than once and lock
	 * more rows than asked for. SQLite has one writer, so there is nothing to skip.
	 */
	async #claim(
		db: Kysely<Schema>,
		next: RawBuilder<unknown>,
		leasedUntil: number,
	): Promise<ClaimedRow[]> {
		const skipLocked = this.#dialect === 'postgres' ? sql`for update skip locked` : sql``;
		const { rows } = await sql<ClaimedRow>`
			with next as (${next} ${skipLocked})
			update webhook_deliveries
			set due_at = ${leasedUntil}, attempts = attempts + 1
			where id in (select id from next)
			returning id, event_id, event, lane, attempts, failed_attempts, created_at, redelivered_at
		`.execute(db);
		return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
	}

	async #bodies(
		db: Kysely<Schema>,
		rows: readonly ClaimedRow[],
	): Promise<ReadonlyMap<EventId, EventBody>> {
		if (rows.length === 0) return new Map();
		const ids = [...new Set(rows.map((row) => row.event_id))].map((id) => [id]);
		const { rows: events } = await sql<EventBody>`
			select id, body, correlation_id from events
			where id in (select value ->> 0 from ${jsonRows(this.#dialect, ids)})`.execute(db);
		return new Map(events.map((event) => [event.id, event]));
	}

	/**
	 * Of those that must wait for an earlier one of their lane, for which and until when. What was
	 * claimed with them is no obstacle, and a head that has failed often enough none any more.
	 */
	async #waits(
		db: Kysely<Schema>,
		rows: readonly ClaimedRow[],
		now: number,
	): Promise<ReadonlyMap<DeliveryId, Predecessor>> {
		const laned = rows.filter((row) => row.lane !== null);
		if (laned.length === 0) return new Map();
		const { rows: found } = await sql<EarlierRow>`
			select mine.id, earlier.id as earlier_id, earlier.due_at,
				case when earlier.status = 'pending' and earlier.attempts > earlier.earlier_attempts
					then 1 else 0 end as is_under_way
			from ${jsonRows(
				this.#dialect,
				laned.map((row) => [row.id]),
			)}
			join webhook_deliveries as mine on mine.id = value ->> 0
			join webhook_deliveries as earlier on earlier.id = (
				select id from webhook_deliveries as other
				where other.endpoint_id = mine.endpoint_id and other.lane = mine.lane
					and other.id < mine.id and ${this.#isUnsettled} and other.redelivered_at is null
					and other.failed_attempts < ${BLOCKING_ATTEMPTS}
				order by other.id desc limit 1
			)`.execute(db);
		const claimed = new Set(laned.map(({ id }) => id));
		return new Map(
			found
				.filter(({ earlier_id }) => !claimed.has(earlier_id))
				.map(({ id, earlier_id, due_at, is_under_way }) => {
					// A first attempt is under way elsewhere and may end any moment.
					const until = is_under_way === 1 ? now + LOOK_AGAIN_MS : Math.max(due_at, now + 1);
					return [id, { id: earlier_id, until }];
				}),
		);
	}
}

interface ClaimedRow {
	readonly id: DeliveryId;
	readonly event_id: EventId;
	readonly event: EventName;
	readonly lane: number | null;
	readonly attempts: number;
	readonly failed_attempts: number;
	readonly created_at: number;
	readonly redelivered_at: number | null;
}

interface EventBody {
	readonly id: EventId;
	readonly body: string | null;
	readonly correlation_id: string | null;
}

interface EarlierRow {
	readonly id: DeliveryId;
	readonly earlier_id: DeliveryId;
	readonly due_at: number;
	readonly is_under_way: number;
}

function settlementEntry({ delivery, outcome, attempt, isProbe, at }: Settlement) {
	return [
		delivery.id,
		delivery.leasedUntil,
		outcome.status,
		outcome.status === 'retrying' ? outcome.dueAt : null,
		outcome.status === 'success' ? null : outcome.error,
		outcome.responseStatus,
		outcome.status === 'success' ? at : null,
		attempt === null ? '' : `${JSON.stringify(attempt)}\n`,
		at,
		attempt === null ? 1 : 0,
		outcome.status === 'success' || attempt === null || isProbe ? 0 : 1,
	];
}

function toDelivery(
	row: ClaimedRow,
	{ body, correlation_id }: EventBody,
	leasedUntil: number,
	waitsFor: Predecessor | undefined,
): ClaimedDelivery {
	return {
		id: row.id,
		eventId: row.event_id,
		event: row.event,
		body,
		correlationId: correlation_id,
		lane: row.lane,
		attempt: row.attempts,
		attemptOfRun: row.failed_attempts + 1,
		since: row.redelivered_at ?? row.created_at,
		isRedelivered: row.redelivered_at !== null,
		leasedUntil,
		waitsFor,
	};
}
