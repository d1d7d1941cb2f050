import type { ChatType } from './address.ts';
import type { EndpointId, EventId, InstanceId, MessageId } from './ids.ts';
import type { InstanceState } from './instance.ts';

/**
 * What the engine tells the outside, as a typed catalogue. The names are the contract; so are the
 * fields of each event's data (snake_case, because they leave the engine as they are).
 */
export interface EventData {
	'message.received': {
		message_id: MessageId;
		/** Phone number in digits; the sender's address where WhatsApp keeps the number private. */
		from: string;
		from_jid: string;
		from_lid: string | null;
		push_name: string | null;
		chat_id: string;
		chat_type: ChatType;
		from_me: boolean;
		body: MessageBody;
		received_at: string;
	};
	'message.sent': {
		message_id: MessageId;
		to: string;
		client_ref: string | null;
		sent_at: string;
	};
	'message.failed': {
		message_id: MessageId;
		to: string;
		client_ref: string | null;
		error: { code: string; message: string };
	};
	/** Every change of state, in Wawp's words and in ours. */
	'session.status': {
		name: string;
		status: string;
		state: InstanceState;
		reason: string | null;
		previous: InstanceState;
	};
	'instance.connected': {
		phone_number: string | null;
		jid: string;
		lid: string | null;
		push_name: string | null;
	};
	'instance.disconnected': {
		reason: string;
		will_reconnect: boolean;
		close_code: number | null;
	};
	'instance.failed': { reason: string; close_code: number | null };
	'instance.restricted': { reason: string; restricted_until: string };
	/** The engine restarted the instance by itself. Whether that helped, the next events tell. */
	'instance.healed': { action: HealAction; reason: string | null; restarts_last_hour: number };
	'instance.heal_exhausted': {
		reason: string | null;
		restarts_last_hour: number;
		next_try_at: string | null;
	};
	/** Somebody has to act: repeated with a rising level while nobody does. */
	'instance.needs_attention': {
		state: InstanceState;
		reason: string | null;
		level: number;
		waiting_ms: number;
		since: string;
	};
	'qr.updated': { qr: string; code: string; expires_at: string };
	/** About an endpoint, so of no instance. It goes to the customer's other endpoints. */
	'endpoint.disabled': {
		endpoint_id: EndpointId;
		reason: Exclude<DisabledReason, 'by_user'>;
		failing_since: string | null;
	};
}

/** Why an endpoint gets nothing: its receiver said it is gone, or did nothing but fail for days. */
export type DisabledReason = 'by_user' | 'gone' | 'failing';

export type HealAction = 'restart' | 'scheduled_restart' | 'stuck_restart';

export type MessageBody = { type: 'text'; text: string } | { type: 'unsupported' };

export type EventName = keyof EventData;

export const EVENT_NAMES = [
	'message.received',
	'message.sent',
	'message.failed',
	'session.status',
	'instance.connected',
	'instance.disconnected',
	'instance.failed',
	'instance.restricted',
	'instance.healed',
	'instance.heal_exhausted',
	'instance.needs_attention',
	'qr.updated',
	'endpoint.disabled',
] as const satisfies readonly EventName[];

export const API_VERSION = '2026-04';

export type NewEvent = {
	[Name in EventName]: {
		readonly event: Name;
		readonly occurredAt: number;
		readonly data: EventData[Name];
		/** The chat that it is about: the events of one chat reach an endpoint in order. */
		readonly chat?: string;
		/** The request that caused it, when one did. */
		readonly correlationId?: string;
	};
}[EventName];

export interface Placing {
	readonly eventId: EventId;
	/** `null` for an event that is about no instance. */
	readonly instanceId: InstanceId | null;
	/** Counts per instance from 1, without gaps. */
	readonly sequence: number | null;
}

/** The JSON text that is stored, signed and sent: made once, so that every repeat is the same. */
export function envelope(event: NewEvent, { eventId, instanceId, sequence }: Placing): string {
	return JSON.stringify({
		event: event.event,
		event_id: eventId,
		api_version: API_VERSION,
		instance_id: instanceId,
		occurred_at: new Date(event.occurredAt).toISOString(),
		sequence,
		data: event.data,
	});
}
