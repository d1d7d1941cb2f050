/**
 * What the use cases need of a database. One conformance suite runs on every implementation.
 * Instants are Unix milliseconds.
 */
import type { EventName, MessageBody, NewEvent } from '../domain/events.ts';
import type {
	CustomerId,
	DeliveryId,
	EndpointId,
	EventId,
	InstanceId,
	KeyId,
	MessageId,
} from '../domain/ids.ts';
import type { MessageStatus } from '../domain/message.ts';
import type { Mode, Scope } from '../domain/scope.ts';
import type {
	AuditLog,
	InstanceStore,
	PairingLinkStore,
	TransitionStore,
} from './instance-ports.ts';

export interface Page {
	readonly limit: number;
	/** The id that the last page ended with; `undefined` for the first page. */
	readonly before?: string | undefined;
}

export interface ApiKey {
	readonly id: KeyId;
	readonly customerId: CustomerId;
	readonly mode: Mode;
	readonly name: string;
	/** The clear start of the key, for people to tell keys apart. */
	readonly prefix: string;
	/** HMAC of the whole key, hex. */
	readonly hash: string;
	readonly createdAt: number;
}

export interface ApiKeyStore {
	add(key: ApiKey): Promise<void>;
	/** Only keys that were not revoked. */
	findByHash(hash: string): Promise<ApiKey | undefined>;
	findByName(mode: Mode, name: string): Promise<ApiKey | undefined>;
	revoke(id: KeyId, at: number): Promise<void>;
}

export interface CustomerStore {
	/** The customer whose keys the environment or the first start brings; made when there is none. */
	ensureDefault(id: CustomerId, at: number): Promise<CustomerId>;
}

/** Small facts of the whole installation, such as the proof that the secrets key is the right one. */
export interface SettingStore {
	find(name: string): Promise<string | undefined>;
	set(name: string, value: string): Promise<void>;
}

export interface Message {
	readonly id: MessageId;
	readonly instanceId: InstanceId;
	readonly direction: 'in' | 'out';
	/** WhatsApp's own id. For outbound messages chosen by us before the first byte is sent. */
	readonly waId: string;
	/** JID of the chat. */
	readonly chat: string;
	/** As the caller wrote it; for inbound messages the sender's JID. */
	readonly peer: string;
	readonly body: MessageBody;
	readonly clientRef: string | null;
	readonly status: MessageStatus;
	readonly error: { readonly code: string; readonly message: string } | null;
	/** The request that asked for it, for the events that it causes. */
	readonly correlationId: string | null;
	readonly createdAt: number;
	readonly sentAt: number | null;
	readonly deliveredAt: number | null;
	readonly readAt: number | null;
	readonly failedAt: number | null;
}

export type MessageChange = Partial<
	Pick<Message, 'status' | 'error' | 'sentAt' | 'deliveredAt' | 'readAt' | 'failedAt'>
>;

export interface MessageStore {
	/**
	 * Adds those that are new and answers their ids. A message that is there already, by its
	 * instance, direction, chat and WhatsApp id, is left out: a redelivery adds nothing.
	 */
	add(messages: readonly Message[]): Promise<ReadonlySet<MessageId>>;
	find(instanceId: InstanceId, id: MessageId): Promise<Message | undefined>;
	findByWaId(
		instanceId: InstanceId,
		direction: Message['direction'],
		waId: string,
	): Promise<Message | undefined>;
	/** Outbound messages that wait to be sent, in the order they were accepted. */
	listQueued(instanceId: InstanceId, limit: number): Promise<Message[]>;
	/** Outbound messages of any instance that have been queued since before `createdBefore`. */
	listOverdue(createdBefore: number, limit: number): Promise<Message[]>;
	/**
	 * Applies the change if the message is still in one of these statuses; answers the changed
	 * message, or `undefined` when it has moved on.
	 */
	change(
		id: MessageId,
		from: readonly MessageStatus[],
		change: MessageChange,
	): Promise<Message | undefined>;
}

/**
 * A stanza that was decrypted, written in the same commit as the ratchet step that decrypted it.
 * WhatsApp sends an acknowledged message no second time and the ratchet opens it no second time, so
 * from that commit until its event's commit this row is the only copy.
 */
export interface JournalEntry {
	readonly id: number;
	readonly instanceId: InstanceId;
	/** Opaque to all but the driver that wrote it. */
	readonly stanza: Uint8Array;
	readonly plaintext: Uint8Array;
	readonly receivedAt: number;
}

export type NewJournalEntry = Omit<JournalEntry, 'id' | 'instanceId'>;

export interface JournalStore {
	/** Answers the entries with their ids, in the same order. */
	add(instanceId: InstanceId, entries: readonly NewJournalEntry[]): Promise<JournalEntry[]>;
	/** Oldest first; entries with an id above `after` only. */
	list(limit: number, after?: number): Promise<JournalEntry[]>;
	remove(ids: readonly number[]): Promise<void>;
}

/** One secret of an instance's session; `value: null` removes it. Types are the driver's own words. */
export interface AuthChange {
	readonly type: string;
	readonly id: string;
	readonly value: Uint8Array | null;
}

export interface AuthStateStore {
	get(
		instanceId: InstanceId,
		type: string,
		ids: readonly string[],
	): Promise<ReadonlyMap<string, Uint8Array>>;
	/** All in one commit that survives a power loss, or nothing. Answers the journal entries. */
	commit(
		instanceId: InstanceId,
		changes: readonly AuthChange[],
		journal?: readonly NewJournalEntry[],
	): Promise<JournalEntry[]>;
	wipe(instanceId: InstanceId): Promise<void>;
}

export interface EventStore {
	/**
	 * Writes the events of one instance in order: takes the next numbers of its sequence and adds a
	 * delivery, due at `now`, for each enabled endpoint that wants it. Must run in the transaction
	 * of what caused them. Answers how many deliveries it added.
	 */
	append(
		instanceId: InstanceId,
		events: readonly NewEvent[],
		now: number,
	): Promise<{ readonly deliveries: number }>;
}

export interface Endpoint {
	readonly id: EndpointId;
	readonly customerId: CustomerId;
	readonly mode: Mode;
	/** `null`: every instance of the customer and mode. */
	readonly instanceId: InstanceId | null;
	readonly url: string;
	readonly events: readonly EventName[];
	readonly enabled: boolean;
	readonly hasCustomSigningSecret: boolean;
	readonly createdAt: number;
	readonly updatedAt: number;
}

export interface EndpointStore {
	add(endpoint: Endpoint, signingSecret: string): Promise<void>;
	find(scope: Scope, id: EndpointId): Promise<Endpoint | undefined>;
	/** Newest first. */
	list(scope: Scope, page: Page): Promise<Endpoint[]>;
	disable(id: EndpointId, at: number): Promise<void>;
	/** Its unsettled deliveries fail with the reason `endpoint_deleted`; their rows stay. */
	remove(id: EndpointId, at: number): Promise<void>;
}

export type DeliveryStatus = 'pending' | 'retrying' | 'success' | 'failed';

export interface Delivery {
	readonly id: DeliveryId;
	readonly endpointId: EndpointId;
	readonly customerId: CustomerId;
	readonly instanceId: InstanceId | null;
	readonly event: EventName;
	readonly eventId: EventId;
	readonly payload: string | null;
	readonly status: DeliveryStatus;
	readonly attemptCount: number;
	readonly lastError: string | null;
	readonly lastResponseStatus: number | null;
	readonly nextAttemptAt: number | null;
	readonly deliveredAt: number | null;
	readonly createdAt: number;
	readonly updatedAt: number;
}

/** A delivery that is ours to send until `leasedUntil`; after that anyone may claim it again. */
export interface ClaimedDelivery {
	readonly id: DeliveryId;
	readonly endpointId: EndpointId;
	readonly eventId: EventId;
	readonly event: EventName;
	readonly body: string;
	readonly correlationId: string | null;
	readonly url: string;
	readonly mode: Mode;
	/** Newest first; more than one while a rotated secret still counts. */
	readonly signingSecrets: readonly string[];
	/** Counts from 1, this one included. */
	readonly attempt: number;
	readonly leasedUntil: number;
}

export interface Claim {
	readonly now: number;
	readonly leaseMs: number;
	readonly limit: number;
	/** Hosts (`URL.host`) that have no free place: their deliveries stay where they are. */
	readonly withoutHosts: readonly string[];
}

export type DeliveryOutcome =
	| { readonly status: 'success'; readonly responseStatus: number }
	| {
			readonly status: 'retrying';
			readonly dueAt: number;
			readonly error: string;
			readonly responseStatus: number | null;
	  }
	| { readonly status: 'failed'; readonly error: string; readonly responseStatus: number | null };

export interface DeliveryFilter {
	readonly status?: DeliveryStatus | undefined;
	readonly event?: EventName | undefined;
	readonly instanceId?: InstanceId | undefined;
}

export interface DeliveryStore {
	claim(claim: Claim): Promise<ClaimedDelivery[]>;
	/** Answers false, and changes nothing, when the lease ran out and someone else claimed it. */
	settle(claimed: ClaimedDelivery, outcome: DeliveryOutcome, at: number): Promise<boolean>;
	/**
	 * Makes what a dead worker had claimed for a first attempt due at once instead of at the end of
	 * its lease. Only for an engine that has the database to itself.
	 */
	releaseLeases(now: number): Promise<void>;
	/** When the next unsettled delivery falls due; `undefined` when there is none. */
	nextDueAt(): Promise<number | undefined>;
	find(scope: Scope, id: DeliveryId): Promise<Delivery | undefined>;
	/** Newest first. */
	list(scope: Scope, filter: DeliveryFilter, page: Page): Promise<Delivery[]>;
}

/** One change of an instance's state. Rows are never changed and outlive the instance. */
export interface Stores {
	readonly transitions: TransitionStore;
	readonly audit: AuditLog;
	readonly pairingLinks: PairingLinkStore;
	readonly apiKeys: ApiKeyStore;
	readonly customers: CustomerStore;
	readonly settings: SettingStore;
	readonly instances: InstanceStore;
	readonly messages: MessageStore;
	readonly journal: JournalStore;
	readonly authState: AuthStateStore;
	readonly events: EventStore;
	readonly endpoints: EndpointStore;
	readonly deliveries: DeliveryStore;
}

/** The database. Each store's own calls are atomic; `transaction` joins several into one commit. */
export interface Storage extends Stores {
	/** Everything that `work` does through the stores it is given commits together, or not at all. */
	transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
	/** Answers when the database does; throws when it does not. */
	ping(): Promise<void>;
}
