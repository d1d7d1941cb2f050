/**
 * How the log of deliveries is read, however long it is.
 *
 * A list goes along one index, the one that leaves the fewest rows, in the order of their ids.
 * What else was asked for is checked on at most `MOST_LOOKED_AT` of those rows; then the list ends
 * and says how far it came. So a page costs the same with a thousand rows and with ten million.
 *
 * The limit stands in a subquery. That is what keeps both databases from a plan of their own: they
 * do not move a condition into a subquery that has a limit.
 */
import { sql, type Kysely, type Selectable, type SelectQueryBuilder } from 'kysely';
import type { DeliveryFilter, DeliveryStatus, ReplayFilter } from '../app/ports.ts';
import { firstIdAt, type DeliveryId, type EndpointId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Schema, WebhookDeliveriesTable } from './schema.ts';

/** How many rows one query looks at, at most, when few of them are wanted. */
const MOST_LOOKED_AT = 5_000;

/** As text of the query: only so SQLite sees that an index without successes holds all it needs. */
const SUCCESS = sql.lit<DeliveryStatus>('success');
const PENDING = sql.lit<DeliveryStatus>('pending');

/** What the other filters are checked on. */
const CHECKED = [
	'id',
	'customer_id',
	'mode',
	'endpoint_id',
	'instance_id',
	'event',
	'status',
	'updated_at',
] as const;

type Looked = Pick<Selectable<WebhookDeliveriesTable>, (typeof CHECKED)[number]>;

/** Rows in the order of an index, before anything else is asked of them. */
export type Along = SelectQueryBuilder<Schema, 'webhook_deliveries', object>;

/** Most deliveries succeed: no index leads to those, and they are looked for among the others. */
export function newestFirst(
	db: Kysely<Schema>,
	{ customerId, mode }: Scope,
	filter: DeliveryFilter,
	before: string | undefined,
): Along {
	const { eventId, status, endpointId, instanceId, event } = filter;
	const all = between(db.selectFrom('webhook_deliveries'), filter, before).orderBy('id', 'desc');
	if (eventId !== undefined) return all.where('event_id', '=', eventId);
	if (endpointId !== undefined && status !== 'pending') {
		return alongEndpoint(all.where('endpoint_id', '=', endpointId), status);
	}
	const own = all.where('customer_id', '=', customerId).where('mode', '=', mode);
	if (status !== undefined && status !== 'success') return alongStatus(own, status);
	if (instanceId !== undefined) return all.where('instance_id', '=', instanceId);
	return event === undefined ? own : own.where('event', '=', event);
}

/** Whether the index that leads to the rows leads to no others, so that none is looked at in vain. */
export function isExact({
	eventId,
	status,
	endpointId,
	instanceId,
	event,
}: DeliveryFilter): boolean {
	const asked = [status, endpointId, instanceId, event].filter((field) => field !== undefined);
	if (eventId !== undefined || status === 'success') return false;
	if (endpointId !== undefined && status !== undefined) {
		return asked.length === 2 && status !== 'pending';
	}
	return asked.length <= 1;
}

/** What a replay may take, after `after`. */
export function oldestFirst(
	db: Kysely<Schema>,
	endpointId: EndpointId,
	{ statuses, from, to }: ReplayFilter,
	after: DeliveryId | null,
): Along {
	const first = firstIdAt('dlv', from);
	const rows = ofEndpoint(db, endpointId, statuses.includes('success') ? undefined : 'failed')
		.where('id', '<', firstIdAt('dlv', to))
		.orderBy('id');
	return after === null || after < first
		? rows.where('id', '>=', first)
		: rows.where('id', '>', after);
}

/** In no order yet. */
export function ofEndpoint(
	db: Kysely<Schema>,
	endpointId: EndpointId,
	status: DeliveryStatus | undefined,
): Along {
	const rows = db.selectFrom('webhook_deliveries').where('endpoint_id', '=', endpointId);
	return alongEndpoint(rows, status);
}

/** As many of the rows as a query looks at, to ask more of them. */
export function lookedAt(db: Kysely<Schema>, along: Along) {
	return db.selectFrom(along.select(CHECKED).limit(MOST_LOOKED_AT).as('looked'));
}

/** The row that ended the looking; `undefined` when all were looked at. */
export async function lastLookedAt(along: Along): Promise<DeliveryId | undefined> {
	const row = await along
		.select('id')
		.limit(1)
		.offset(MOST_LOOKED_AT - 1)
		.executeTakeFirst();
	return row?.id;
}

/** What a row of a list must be, whichever index led to it. */
export function wanted(
	{ customerId, mode }: Scope,
	{ status, event, instanceId, endpointId }: DeliveryFilter,
) {
	return {
		'looked.customer_id': customerId,
		'looked.mode': mode,
		...(status && { 'looked.status': status }),
		...(event && { 'looked.event': event }),
		...(instanceId && { 'looked.instance_id': instanceId }),
		...(endpointId && { 'looked.endpoint_id': endpointId }),
	};
}

export function taken(
	looked: SelectQueryBuilder<Schema & { looked: Looked }, 'looked', object>,
	{ statuses, events, settledFrom, deliveredBefore }: ReplayFilter,
) {
	return looked
		.where('looked.status', 'in', statuses)
		.$if(events.length > 0, (query) => query.where('looked.event', 'in', events))
		.$if(settledFrom !== null, (query) => query.where('looked.updated_at', '>=', settledFrom!))
		.$if(deliveredBefore !== undefined, (query) =>
			query.where((eb) =>
				eb.or([
					eb('looked.status', '<>', 'success'),
					eb('looked.updated_at', '<', deliveredBefore!),
				]),
			),
		);
}

/** One bound at the end, the earlier of two: SQLite goes along an index from the first it is given. */
function between(rows: Along, { from, to }: DeliveryFilter, before: string | undefined): Along {
	const ends = [before, to === undefined ? undefined : firstIdAt('dlv', to)];
	const end = ends.filter((id) => id !== undefined).sort()[0] as DeliveryId | undefined;
	return rows
		.$if(from !== undefined, (query) => query.where('id', '>=', firstIdAt('dlv', from!)))
		.$if(end !== undefined, (query) => query.where('id', '<', end!));
}

/** What is pending soon is no more, and not worth a second index. */
function alongEndpoint(rows: Along, status: DeliveryStatus | undefined): Along {
	if (status === undefined || status === 'success' || status === 'pending') return rows;
	return alongStatus(rows, status).where('status', '<>', PENDING);
}

function alongStatus(rows: Along, status: DeliveryStatus | undefined): Along {
	if (status === undefined || status === 'success') return rows;
	return rows.where('status', '=', status).where('status', '<>', SUCCESS);
}
