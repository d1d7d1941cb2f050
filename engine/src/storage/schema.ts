import { sql, type Generated } from 'kysely';
import type { DeliveryStatus, Message, ReplayStatus } from '../app/ports.ts';
import type { DisabledReason, EventName } from '../domain/events.ts';
import type {
	AuditId,
	CustomerId,
	DeliveryId,
	EndpointId,
	EventId,
	InstanceId,
	KeyId,
	MessageId,
	ReplayId,
	TransitionId,
} from '../domain/ids.ts';
import type { InstanceState, StatusReason } from '../domain/instance.ts';
import type { MessageStatus } from '../domain/message.ts';
import type { Mode } from '../domain/scope.ts';

export type DialectName = 'sqlite' | 'postgres';

/**
 * The tables as they are after the last migration, the same on both databases. Instants are Unix
 * milliseconds, truths are 0 or 1, JSON is text, and a column named `sealed_…` holds what a
 * `SecretBox` has sealed.
 */
export interface Schema {
	whatisup_migrations: MigrationsTable;
	settings: SettingsTable;
	customers: CustomersTable;
	api_keys: ApiKeysTable;
	instances: InstancesTable;
	auth_state: AuthStateTable;
	journal: JournalTable;
	messages: MessagesTable;
	events: EventsTable;
	webhook_endpoints: WebhookEndpointsTable;
	webhook_deliveries: WebhookDeliveriesTable;
	transitions: TransitionsTable;
	audit: AuditTable;
	pairing_links: PairingLinksTable;
	webhook_replays: WebhookReplaysTable;
}

/** `migrate.ts` keeps this one. */
export interface MigrationsTable {
	name: string;
	applied_at: number;
}

export interface SettingsTable {
	name: string;
	value: string;
}

export interface CustomersTable {
	id: CustomerId;
	name: string;
	created_at: number;
}

export interface ApiKeysTable {
	id: KeyId;
	customer_id: CustomerId;
	mode: Mode;
	name: string;
	prefix: string;
	hash: string;
	created_at: number;
	revoked_at: number | null;
}

export interface InstancesTable {
	id: InstanceId;
	customer_id: CustomerId;
	mode: Mode;
	name: string;
	/** JSON. */
	metadata: string;
	state: InstanceState;
	status_reason: StatusReason | null;
	attempt: number;
	status_since: number;
	/** JSON of an `Account`. */
	account: string | null;
	group_name: string | null;
	priority: number;
	expected_phone_number: string | null;
	/** JSON of a `HealPolicy`. */
	heal: string;
	/** JSON of instants. */
	healed_at: string;
	sealed_proxy_url: Uint8Array | null;
	restricted_until: number | null;
	attention_level: number;
	attention_due_at: number | null;
	last_seen_at: number | null;
	/** The number that its newest event has. */
	last_sequence: number;
	created_at: number;
	updated_at: number;
	deleted_at: number | null;
}

export interface TransitionsTable {
	id: TransitionId;
	instance_id: InstanceId;
	/** The instance's, so that drops are compared without looking each one's up. */
	mode: Mode;
	from_state: InstanceState;
	to_state: InstanceState;
	reason: StatusReason | null;
	close_code: number | null;
	at: number;
}

export interface AuditTable {
	id: AuditId;
	customer_id: CustomerId;
	instance_id: InstanceId | null;
	action: string;
	/** JSON. */
	details: string;
	at: number;
	correlation_id: string | null;
}

export interface PairingLinksTable {
	instance_id: InstanceId;
	token_hash: string;
	expires_at: number;
}

export interface AuthStateTable {
	instance_id: InstanceId;
	type: string;
	id: string;
	sealed_value: Uint8Array;
}

export interface JournalTable {
	id: Generated<number>;
	instance_id: InstanceId;
	sealed_stanza: Uint8Array;
	sealed_plaintext: Uint8Array;
	received_at: number;
}

export interface MessagesTable {
	id: MessageId;
	instance_id: InstanceId;
	direction: Message['direction'];
	wa_id: string;
	chat: string;
	peer: string;
	/** JSON. */
	body: string;
	client_ref: string | null;
	status: MessageStatus;
	error_code: string | null;
	error_message: string | null;
	correlation_id: string | null;
	created_at: number;
	sent_at: number | null;
	delivered_at: number | null;
	read_at: number | null;
	failed_at: number | null;
}

export interface EventsTable {
	id: EventId;
	instance_id: InstanceId | null;
	customer_id: CustomerId;
	mode: Mode;
	event: EventName;
	sequence: number | null;
	occurred_at: number;
	/** The envelope's text, byte for byte as it is signed; `null` once nobody needs it any more. */
	body: string | null;
	correlation_id: string | null;
}

export interface WebhookEndpointsTable {
	id: EndpointId;
	customer_id: CustomerId;
	mode: Mode;
	description: string | null;
	url: string;
	/** JSON list of event names, or of `*`. */
	events: string;
	/** JSON list; empty for every instance. */
	instance_ids: string;
	/** JSON of `EventFilters`. */
	filters: string;
	ordered: number;
	max_age_seconds: number | null;
	max_per_second: number | null;
	enabled: number;
	disabled_reason: DisabledReason | null;
	disabled_at: number | null;
	failing_since: number | null;
	worked_until: number | null;
	has_custom_signing_secret: number;
	/** JSON list of one or two strings, newest first. */
	sealed_signing_secrets: Uint8Array;
	secret_rotated_at: number | null;
	/** The second secret signs until then. */
	previous_secret_until: number | null;
	created_at: number;
	updated_at: number;
	/** When it is to be deleted. */
	delete_at: number | null;
	deleted_at: number | null;
}

export interface WebhookDeliveriesTable {
	id: DeliveryId;
	event_id: EventId;
	endpoint_id: EndpointId;
	customer_id: CustomerId;
	mode: Mode;
	instance_id: InstanceId | null;
	event: EventName;
	/** Deliveries to one endpoint with the same number keep their order; `null`: this one need not. */
	lane: number | null;
	status: DeliveryStatus;
	attempts: number;
	/** How many of them were made before it was last redelivered. */
	earlier_attempts: number;
	/**
	 * How many have failed since, which says what comes next. One that a killed engine had begun is
	 * not among them, nor is the probe of a receiver that was down.
	 */
	failed_attempts: number;
	/** When to try next, or when the present claim runs out; `null` once settled. */
	due_at: number | null;
	last_error: string | null;
	last_response_status: number | null;
	/** One line of JSON for each attempt that has ended, oldest first. */
	attempt_log: string;
	/** 1 once the time to keep its payload is over. */
	payload_gone: number;
	delivered_at: number | null;
	redelivered_at: number | null;
	created_at: number;
	updated_at: number;
}

export interface WebhookReplaysTable {
	id: ReplayId;
	customer_id: CustomerId;
	mode: Mode;
	endpoint_id: EndpointId;
	/** JSON of a `ReplayFilter`. */
	filter: string;
	max_per_second: number;
	status: ReplayStatus;
	total: number;
	redelivered: number;
	skipped: number;
	last_delivery_id: DeliveryId | null;
	error: string | null;
	created_at: number;
	updated_at: number;
	finished_at: number | null;
}

/**
 * Words as parts of the query's text. Only of a constant does SQLite see, before it runs the query,
 * that a partial index (of queued messages, of drops) holds all that is asked for.
 */
export const QUEUED = sql.lit<MessageStatus>('queued');
export const CONNECTED = sql.lit<InstanceState>('connected');
