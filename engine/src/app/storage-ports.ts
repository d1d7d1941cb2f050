/**
 * What the use cases need of a database. One conformance suite runs on every implementation.
 * Instants are Unix milliseconds.
 */
import type { MessageBody } from '../domain/events.ts';
import type { CustomerId, InstanceId, KeyId, MessageId } from '../domain/ids.ts';
import type { MessageStatus } from '../domain/message.ts';
import type { Mode } from '../domain/scope.ts';
import type {
	AuditLog,
	InstanceStore,
	PairingLinkStore,
	TransitionStore,
} from './instance-ports.ts';
import type { PayloadStore, ReplayStore } from './replay-ports.ts';
import type { DeliveryQueue, DeliveryStore, EndpointStore, EventStore } from './webhook-ports.ts';

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
	readonly queue: DeliveryQueue;
	readonly replays: ReplayStore;
	readonly payloads: PayloadStore;
}

/**
 * The database. Each store's own calls are atomic; `transaction` joins several into one commit. On
 * Postgres it may do its work again, so that does nothing but what a commit undoes.
 */
export interface Storage extends Stores {
	/** Everything that `work` does through the stores it is given commits together, or not at all. */
	transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>;
	/** Answers when the database does; throws when it does not. */
	ping(): Promise<void>;
}
