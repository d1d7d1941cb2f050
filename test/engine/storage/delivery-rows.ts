import type { Insertable, Kysely } from 'kysely';
import type { Attempt, Endpoint } from '../../../engine/src/app/ports.ts';
import type { DeliveryId } from '../../../engine/src/domain/ids.ts';
import { chunks } from '../../../engine/src/storage/chunks.ts';
import type {
	EventsTable,
	Schema,
	WebhookDeliveriesTable,
} from '../../../engine/src/storage/schema.ts';
import { ids } from '../../support/system.ts';
import { NOON } from './records.ts';

export type DeliveryRow = Insertable<WebhookDeliveriesTable>;

const SETTLED = { attempts: 1, due_at: null } as const;

export const SUCCEEDED = {
	...SETTLED,
	status: 'success',
	delivered_at: NOON,
	last_response_status: 200,
} as const satisfies Partial<DeliveryRow>;

export const FAILED = {
	...SETTLED,
	status: 'failed',
	last_error: 'The receiver answered 500.',
	last_response_status: 500,
} as const satisfies Partial<DeliveryRow>;

/** Deliveries as their rows, pending unless told otherwise, each of an event of its own. */
export async function addDeliveries(
	db: Kysely<Schema>,
	{ id, customerId, mode }: Pick<Endpoint, 'id' | 'customerId' | 'mode'>,
	rows: readonly Partial<DeliveryRow>[],
): Promise<readonly DeliveryId[]> {
	const deliveries = rows.map((row): DeliveryRow => ({
		id: ids.next('dlv'),
		event_id: ids.next('evt'),
		endpoint_id: id,
		customer_id: customerId,
		mode,
		instance_id: null,
		event: 'message.sent',
		lane: null,
		status: 'pending',
		attempts: 0,
		earlier_attempts: 0,
		failed_attempts: 0,
		due_at: NOON,
		last_error: null,
		last_response_status: null,
		attempt_log: '',
		payload_gone: 0,
		delivered_at: null,
		redelivered_at: null,
		created_at: NOON,
		updated_at: NOON,
		...row,
	}));
	for (const some of chunks([...new Map(deliveries.map(toEvent)).values()])) {
		await db
			.insertInto('events')
			.values(some)
			.onConflict((conflict) => conflict.doNothing())
			.execute();
	}
	for (const some of chunks(deliveries)) {
		await db.insertInto('webhook_deliveries').values(some).execute();
	}
	return deliveries.map((delivery) => delivery.id);
}

export function anAttempt(changes: Partial<Attempt> = {}): Attempt {
	return {
		attempt: 1,
		at: NOON,
		status: 500,
		latencyMs: 12,
		error: 'The receiver answered 500.',
		response: 'oh {"no"}\n',
		address: '93.184.216.34',
		...changes,
	};
}

/** As the queue writes them. */
export function logOf(...attempts: readonly Attempt[]): string {
	return attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join('');
}

function toEvent(delivery: DeliveryRow): [string, Insertable<EventsTable>] {
	const { event_id: id, event } = delivery;
	const row = {
		id,
		instance_id: delivery.instance_id ?? null,
		customer_id: delivery.customer_id,
		mode: delivery.mode,
		event,
		sequence: null,
		occurred_at: NOON,
		body: JSON.stringify({ event, event_id: id }),
		correlation_id: null,
	};
	return [id, row];
}
