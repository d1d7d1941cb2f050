import { DatabaseSync } from 'node:sqlite';
import type { Attempt, DeliveryStatus } from '../../engine/src/app/ports.ts';
import { readAttemptLog } from '../../engine/src/storage/attempt-log.ts';

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
	readonly lane: number;
	readonly status: DeliveryStatus;
	readonly attemptCount: number;
	readonly attempts: readonly Attempt[];
	readonly lastResponseStatus: number | null;
	readonly dueAt: number | null;
	readonly deliveredAt: number | null;
}

/** What the engine has written down, read from its file without the engine. */
export interface Books {
	readonly events: readonly BookedEvent[];
	readonly deliveries: readonly BookedDelivery[];
}

export function readBooks(file: string): Books {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		const events = database.prepare('select id, event, body from events order by id').all();
		const deliveries = database
			.prepare(
				`select id, event_id as eventId, endpoint_id as endpointId, lane, status,
					attempts as attemptCount, attempt_log as log, due_at as dueAt,
					last_response_status as lastResponseStatus, delivered_at as deliveredAt
				from webhook_deliveries order by id`,
			)
			.all();
		return {
			events: events as unknown as BookedEvent[],
			deliveries: deliveries.map(({ log, ...delivery }) => ({
				...(delivery as unknown as Omit<BookedDelivery, 'attempts'>),
				attempts: readAttemptLog(String(log)),
			})),
		};
	} finally {
		database.close();
	}
}
