import type { EventId, InstanceId, MessageId } from './ids.ts';

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
		chat_type: 'direct' | 'group';
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
	'qr.updated': { qr: string; code: string; expires_at: string };
}

export type MessageBody = { type: 'text'; text: string } | { type: 'unsupported' };

export type EventName = keyof EventData;

export const EVENT_NAMES = [
	'message.received',
	'message.sent',
	'message.failed',
	'instance.connected',
	'instance.disconnected',
	'qr.updated',
] as const satisfies readonly EventName[];

export const API_VERSION = '2026-04';

export type NewEvent = {
	[Name in EventName]: {
		readonly event: Name;
		readonly occurredAt: number;
		readonly data: EventData[Name];
		/** The request that caused it, when one did. */
		readonly correlationId?: string;
	};
}[EventName];

export interface Placing {
	readonly eventId: EventId;
	readonly instanceId: InstanceId;
	/** Counts per instance from 1, without gaps. */
	readonly sequence: number;
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
