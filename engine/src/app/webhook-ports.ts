/**
 * What the use cases need of a database for events on their way to webhook endpoints. Instants are
 * Unix milliseconds.
 */
import type { DisabledReason, EventName, NewEvent } from '../domain/events.ts';
import type { CustomerId, DeliveryId, EndpointId, EventId, InstanceId } from '../domain/ids.ts';
import type { Mode, Scope } from '../domain/scope.ts';
import type { Subscription } from '../domain/subscription.ts';
import type { ReplayFilter } from './replay-ports.ts';
import type { Page } from './storage-ports.ts';

// ---------------------------------------------------------------- events

/** The endpoints that have something to receive now; for the dispatcher to be woken with. */
export type Appended = readonly EndpointId[];

export interface StoredEvent {
	readonly id: EventId;
	readonly instanceId: InstanceId | null;
	readonly event: EventName;
	/** The envelope's text; `null` once its retention has ended. */
	readonly body: string | null;
}

export interface EventsAfter {
	readonly after: EventId;
	readonly limit: number;
}

export interface EventStore {
	/**
	 * Writes the events of one instance in order: takes the next numbers of its sequence and adds a
	 * delivery, due at `now`, for each enabled endpoint that wants it. Must run in the transaction
	 * of what caused them.
	 */
	append(instanceId: InstanceId, events: readonly NewEvent[], now: number): Promise<Appended>;
	/** The same for an event that is about no instance: it has no number. */
	appendForCustomer(scope: Scope, event: NewEvent, now: number): Promise<Appended>;
	/** Oldest first, by id: on Postgres a lower id may still be committed after a higher one. */
	listAfter(scope: Scope, after: EventsAfter): Promise<StoredEvent[]>;
	/** Of any customer; `undefined` when there is none. */
	newestId(): Promise<EventId | undefined>;
}

// ---------------------------------------------------------------- endpoints

/** What its owner sets and may change. */
export interface EndpointSettings extends Subscription {
	readonly description: string | null;
	readonly url: string;
	/** The events of one chat leave one after another, in sequence. */
	readonly ordered: boolean;
	/** What is older at its turn is dropped; `null`: never. */
	readonly maxAgeSeconds: number | null;
	/** Requests per second at most; `null`: no limit. */
	readonly maxPerSecond: number | null;
}

export interface Endpoint extends EndpointSettings {
	readonly id: EndpointId;
	readonly customerId: CustomerId;
	readonly mode: Mode;
	readonly enabled: boolean;
	/** Both `null` while it is enabled. */
	readonly disabledReason: DisabledReason | null;
	readonly disabledAt: number | null;
	/** Since when every attempt has failed; `null` while the last one succeeded or there was none. */
	readonly failingSince: number | null;
	/** The last success before the present run of failures, or before the latest one. */
	readonly workedUntil: number | null;
	readonly hasCustomSigningSecret: boolean;
	readonly secretRotatedAt: number | null;
	/** Until when the secret before the present one signs as well. */
	readonly previousSecretUntil: number | null;
	/** When it will be deleted, unless that is called off; until then it works as ever. */
	readonly deleteAt: number | null;
	readonly createdAt: number;
	readonly updatedAt: number;
}

export interface NewSecret {
	readonly secret: string;
	readonly isCustom: boolean;
	/** How long the present secret still signs beside it. */
	readonly previousUntil: number;
}

/** How an endpoint's attempts have gone lately. */
export type EndpointHealth = Pick<Endpoint, 'failingSince' | 'workedUntil'>;

export interface EndpointStore {
	add(endpoint: Endpoint, signingSecret: string): Promise<void>;
	find(scope: Scope, id: EndpointId): Promise<Endpoint | undefined>;
	/** Until the end of the transaction nobody else changes it. */
	hold(id: EndpointId): Promise<void>;
	/** Of any customer; for the engine's own work. */
	findAny(id: EndpointId): Promise<Endpoint | undefined>;
	/** Newest first. */
	list(scope: Scope, page: Page): Promise<Endpoint[]>;
	/** The secrets that sign at `now`, newest first. */
	signingSecrets(id: EndpointId, now: number): Promise<readonly string[]>;
	change(id: EndpointId, settings: Partial<EndpointSettings>, at: number): Promise<void>;
	rotateSecret(id: EndpointId, secret: NewSecret, at: number): Promise<void>;
	noteHealth(id: EndpointId, health: EndpointHealth): Promise<void>;
	/** Its deliveries wait as they are. Answers false when it was enabled already. */
	enable(id: EndpointId, at: number): Promise<boolean>;
	/** Its deliveries wait until it is enabled again. Answers false when it was disabled already. */
	disable(id: EndpointId, reason: DisabledReason, at: number): Promise<boolean>;
	/** Its unsettled deliveries fail with the reason `endpoint_deleted`; their rows stay. */
	remove(id: EndpointId, at: number): Promise<void>;
	/** Gives notice that it will be deleted; `null` calls that off. */
	setDeleteAt(id: EndpointId, deleteAt: number | null, at: number): Promise<void>;
	/** Of any customer: those whose notice is over at `now`, the earliest first. */
	listToDelete(now: number, limit: number): Promise<Endpoint[]>;
	/** Removes it if its notice is over at `at`. Answers false when that was called off meanwhile. */
	removeDue(id: EndpointId, at: number): Promise<boolean>;
}

// ---------------------------------------------------------------- deliveries: the log

export type DeliveryStatus = 'pending' | 'retrying' | 'success' | 'failed';

export interface Delivery {
	readonly id: DeliveryId;
	readonly endpointId: EndpointId;
	readonly customerId: CustomerId;
	readonly instanceId: InstanceId | null;
	readonly event: EventName;
	readonly eventId: EventId;
	/** `null` once its retention has ended. */
	readonly payload: string | null;
	readonly status: DeliveryStatus;
	readonly attemptCount: number;
	readonly lastError: string | null;
	readonly lastResponseStatus: number | null;
	readonly nextAttemptAt: number | null;
	readonly deliveredAt: number | null;
	readonly redeliveredAt: number | null;
	readonly createdAt: number;
	readonly updatedAt: number;
}

/** One request of a delivery and what came of it. */
export interface Attempt {
	/** Counts from 1. A number that is missing was cut short by the end of the engine. */
	readonly attempt: number;
	readonly at: number;
	/** HTTP status; `null` when the receiver gave no answer. */
	readonly status: number | null;
	readonly latencyMs: number;
	readonly error: string | null;
	/** The first kilobyte of what the receiver answered; `null` once the payload is gone. */
	readonly response: string | null;
	/** The IP address that was connected; `null` when none was. */
	readonly address: string | null;
}

export interface DeliveryFilter {
	readonly status?: DeliveryStatus | undefined;
	readonly event?: EventName | undefined;
	readonly instanceId?: InstanceId | undefined;
	readonly endpointId?: EndpointId | undefined;
	readonly eventId?: EventId | undefined;
	/** Created at or after `from` and before `to`. */
	readonly from?: number | undefined;
	readonly to?: number | undefined;
}

/** A page of a filtered list. */
export interface DeliveryPage {
	readonly deliveries: readonly Delivery[];
	/** Where to read on: a page ends early when many rows had to be looked at for few. */
	readonly next: DeliveryId | undefined;
}

export interface DeliveryStore {
	find(scope: Scope, id: DeliveryId): Promise<Delivery | undefined>;
	/** Newest first; at most `page.limit` of them. */
	list(scope: Scope, filter: DeliveryFilter, page: Page): Promise<DeliveryPage>;
	/** Oldest first. */
	attempts(id: DeliveryId): Promise<readonly Attempt[]>;
	/**
	 * Makes deliveries due at `at`, with all attempts of the schedule ahead of them again. Those
	 * whose payload is gone stay as they are. Answers the ids of those that are due now.
	 */
	redeliver(ids: readonly DeliveryId[], at: number): Promise<readonly DeliveryId[]>;
	/** What this endpoint has planned for later falls due at `at`. */
	bringForward(endpointId: EndpointId, at: number): Promise<void>;
	/** Those that a replay takes, by id, after `after`, with the payload still there or not. */
	listForReplay(
		endpointId: EndpointId,
		filter: ReplayFilter,
		page: { readonly after: DeliveryId | null; readonly limit: number },
	): Promise<readonly DeliveryId[]>;
	/** How many a replay would take; counts no further than `atMost`. */
	countForReplay(endpointId: EndpointId, filter: ReplayFilter, atMost: number): Promise<number>;
	/** How many an endpoint has yet to receive; counts no further than `atMost`. */
	countUnsettled(endpointId: EndpointId, atMost: number): Promise<number>;
}

// ---------------------------------------------------------------- deliveries: the queue

/** A delivery that is ours to send until `leasedUntil`; after that anyone may claim it again. */
export interface ClaimedDelivery {
	readonly id: DeliveryId;
	readonly eventId: EventId;
	readonly event: EventName;
	/** `null` when it is no longer kept. */
	readonly body: string | null;
	readonly correlationId: string | null;
	/** Deliveries to one endpoint with the same lane leave one after another; `null`: freely. */
	readonly lane: number | null;
	/** Counts from 1, this one included. */
	readonly attempt: number;
	/**
	 * Its place in the schedule, from 1: one more than have failed since the delivery was made or last
	 * redelivered. What the end of an engine has cut short, and failed probes, use up no place.
	 */
	readonly attemptOfRun: number;
	/** When it was made, or last redelivered. */
	readonly since: number;
	/** When somebody asked to send it again. */
	readonly isRedelivered: boolean;
	readonly leasedUntil: number;
	/** The one before it in its lane, which was not claimed with it; `undefined` when there is none. */
	readonly waitsFor: Predecessor | undefined;
}

/** A delivery that goes out before another one of its lane, unless it is done already. */
export interface Predecessor {
	readonly id: DeliveryId;
	/** When it is due or its lease ends, or when to look again. */
	readonly until: number;
}

/** What the dispatcher must know of an endpoint to send to it. */
export interface Destination {
	readonly id: EndpointId;
	readonly customerId: CustomerId;
	readonly url: string;
	readonly mode: Mode;
	/** Newest first; two while a rotated secret still counts. */
	readonly signingSecrets: readonly string[];
	readonly maxAgeSeconds: number | null;
	readonly maxPerSecond: number | null;
	readonly failingSince: number | null;
	readonly workedUntil: number | null;
}

export interface Claimed {
	readonly destination: Destination;
	readonly deliveries: readonly ClaimedDelivery[];
}

export interface Settlement {
	readonly delivery: Pick<ClaimedDelivery, 'id' | 'leasedUntil'>;
	readonly outcome:
		| { readonly status: 'success'; readonly responseStatus: number }
		| {
				readonly status: 'retrying';
				readonly dueAt: number;
				readonly error: string;
				readonly responseStatus: number | null;
		  }
		| {
				readonly status: 'failed';
				readonly error: string;
				readonly responseStatus: number | null;
		  };
	/** `null` when no request was made: then the claim does not count as an attempt. */
	readonly attempt: Attempt | null;
	/** Its failure leaves the attempts that it has ahead as they were. */
	readonly isProbe: boolean;
	readonly at: number;
}

/** A claimed delivery that is given back unsent: its attempt does not count. */
export interface PutOff {
	readonly delivery: Pick<ClaimedDelivery, 'id' | 'leasedUntil'>;
	readonly dueAt: number;
	/**
	 * The retry that it waits for until then. If that is not planned for then any more, somebody has
	 * brought it forward, and this one is due at once.
	 */
	readonly behind?: DeliveryId | undefined;
}

export interface Turn {
	readonly now: number;
	readonly leaseMs: number;
	readonly settle: readonly Settlement[];
	readonly putOff: readonly PutOff[];
	/** Endpoints that work again: all that they have waiting falls due. None of it may be leased. */
	readonly hasten: readonly EndpointId[];
	/** How many to claim of each endpoint, at most. */
	readonly claim: ReadonlyMap<EndpointId, number>;
	/** Endpoints whose oldest delivery is claimed, whether it is due or not. */
	readonly probe: readonly EndpointId[];
}

/**
 * The deliveries table as a queue. `due_at` doubles as the lease: claiming a delivery moves it to
 * the end of the claimer's time, so what a dead process held falls due again by itself.
 */
export interface DeliveryQueue {
	/** The enabled endpoints that have something due. */
	look(now: number): Promise<readonly EndpointId[]>;
	/**
	 * Settles, gives back and claims, all in one commit. None of it is lost with the process; a power
	 * cut may undo the last ones, and then a delivery is sent again. What somebody else has claimed
	 * since is left alone. A disabled or deleted endpoint has nothing to claim.
	 */
	turn(turn: Turn): Promise<readonly Claimed[]>;
	/**
	 * Makes what falls due within a lease's time due at once, and with it all that a dead process
	 * had claimed. Only for an engine that has the database to itself.
	 */
	releaseLeases(now: number, leaseMs: number): Promise<void>;
}

// ---------------------------------------------------------------- the dispatcher, for others

export interface Circuit {
	/** Open: only a probe goes out, now and then. Half open: one is on its way. */
	readonly state: 'closed' | 'open' | 'half_open';
	readonly consecutiveFailures: number;
	readonly nextProbeAt: number | null;
}

export interface Dispatching {
	/** These endpoints may have something due. Cheap, and safe to call too often. */
	wake(endpoints: Iterable<EndpointId>): void;
	circuit(id: EndpointId): Circuit;
	/**
	 * What was claimed for the endpoint is given back, and how its attempts went forgotten: it has
	 * another URL or secret, was enabled, disabled or deleted.
	 */
	reset(id: EndpointId): void;
}
