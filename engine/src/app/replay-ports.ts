/**
 * What replays and retention need of a database. Instants are Unix milliseconds.
 */
import type { EventName } from '../domain/events.ts';
import type { CustomerId, DeliveryId, EndpointId, EventId, ReplayId } from '../domain/ids.ts';
import type { Mode } from '../domain/scope.ts';
import type { Page } from './storage-ports.ts';

/** Which settled deliveries of an endpoint a replay takes. */
export interface ReplayFilter {
	readonly statuses: readonly ('success' | 'failed')[];
	/** Empty: all. */
	readonly events: readonly EventName[];
	/** Created at or after `from` and before `to`. */
	readonly from: number;
	readonly to: number;
	/** Settled at or after; `null`: whenever. */
	readonly settledFrom: number | null;
	/** Of what was delivered, only what was so before this time; absent: whenever that was. */
	readonly deliveredBefore?: number | undefined;
}

export type ReplayStatus = 'running' | 'completed' | 'cancelled' | 'failed';

/** Many deliveries of one endpoint on their way again, at a bounded rate. */
export interface Replay {
	readonly id: ReplayId;
	readonly customerId: CustomerId;
	readonly mode: Mode;
	readonly endpointId: EndpointId;
	readonly filter: ReplayFilter;
	readonly maxPerSecond: number;
	readonly status: ReplayStatus;
	/** How many matched when it began; counted no further than a bound. */
	readonly total: number;
	/** Made due again so far. */
	readonly redelivered: number;
	/** Passed over, because their payload is gone. */
	readonly skipped: number;
	/** The last delivery that it has dealt with. */
	readonly cursor: DeliveryId | null;
	/** Why it failed. */
	readonly error: string | null;
	readonly createdAt: number;
	readonly updatedAt: number;
	readonly finishedAt: number | null;
}

export type ReplayProgress = Partial<
	Pick<Replay, 'status' | 'redelivered' | 'skipped' | 'cursor' | 'error' | 'finishedAt'>
>;

export interface ReplayStore {
	/** Answers false, and adds nothing, when the endpoint has one that is running. */
	add(replay: Replay): Promise<boolean>;
	find(endpointId: EndpointId, id: ReplayId): Promise<Replay | undefined>;
	/** Newest first. */
	list(endpointId: EndpointId, page: Page): Promise<Replay[]>;
	/** Of all endpoints; at most one each. */
	listRunning(): Promise<Replay[]>;
	/** Changes it while it is running; answers false when it no longer is. */
	advance(id: ReplayId, progress: ReplayProgress, at: number): Promise<boolean>;
}

// ---------------------------------------------------------------- retention

export interface PayloadStore {
	/**
	 * Forgets the payloads and responses of deliveries that were settled before; an event's own text
	 * goes with the last delivery that needs it. At most `limit` deliveries, in one short commit;
	 * answers how many it was.
	 */
	forgetSettled(status: 'success' | 'failed', before: number, limit: number): Promise<number>;
	/**
	 * The same for events that were made before and that no delivery needs, reading on after
	 * `after`. Answers where to read on; `undefined` at the end.
	 */
	forgetUndelivered(
		before: number,
		after: EventId | null,
		limit: number,
	): Promise<EventId | undefined>;
}
