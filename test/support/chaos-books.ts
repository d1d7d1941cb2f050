import type { Attempt, DeliveryStatus } from '../../engine/src/app/ports.ts';
import { readAttemptLog } from '../../engine/src/storage/attempt-log.ts';
import { openDatabase } from '../../engine/src/storage/database.ts';
import type { DatabaseLocation } from './databases.ts';
import { silentLog } from './system.ts';

export interface BookedEvent {
	readonly id: string;
	readonly event: string;
	/** The envelope as it is sent. */
	readonly body: string;
}

export interface BookedDelivery {
	readonly id: string;
	readonly eventId: string;
	readonly endpointId: string;
	readonly lane: number | null;
	readonly status: DeliveryStatus;
	readonly attemptCount: number;
	readonly attempts: readonly Attempt[];
	readonly lastResponseStatus: number | null;
	readonly dueAt: number | null;
	readonly deliveredAt: number | null;
}

/** What the engine has written down, read from its database when it has stopped. */
export interface Books {
	readonly events: readonly BookedEvent[];
	readonly deliveries: readonly BookedDelivery[];
}

export async function readBooks(location: DatabaseLocation): Promise<Books> {
	const { db, close } = await openDatabase({ ...location, log: silentLog });
	try {
		const deliveries = await db
			.selectFrom('webhook_deliveries')
			.select([
				'id',
				'event_id as eventId',
				'endpoint_id as endpointId',
				'lane',
				'status',
				'attempts as attemptCount',
				'attempt_log as log',
				'due_at as dueAt',
				'last_response_status as lastResponseStatus',
				'delivered_at as deliveredAt',
			])
			.orderBy('id')
			.execute();
		const events = await db
			.selectFrom('events')
			.select(['id', 'event', 'body'])
			// Nothing is old enough to have lost it.
			.$narrowType<{ body: string }>()
			.orderBy('id')
			.execute();
		return {
			events,
			deliveries: deliveries.map(({ log, ...delivery }) => {
				return { ...delivery, attempts: readAttemptLog(log) };
			}),
		};
	} finally {
		await close();
	}
}
