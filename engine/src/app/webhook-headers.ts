import type { DeliveryId, EndpointId, EventId } from '../domain/ids.ts';
import { signContract, signStandard } from '../domain/signature.ts';

export interface WebhookHeaders {
	readonly userAgent: string;
	/** Those that sign now, newest first. */
	readonly secrets: readonly string[];
	readonly event: string;
	readonly eventId: EventId;
	readonly endpointId: EndpointId;
	readonly deliveryId: DeliveryId;
	/** Counts from 1. */
	readonly attempt: number;
	/** `null` for an event that no request caused: the event's own id takes its place. */
	readonly correlationId: string | null;
	/** The instant of sending, which both signatures cover. */
	readonly nowSeconds: number;
	/** The bytes that are sent, and signed. */
	readonly body: Uint8Array;
}

/** The headers of every webhook request, with both signatures. */
export function webhookHeaders(request: WebhookHeaders): Record<string, string> {
	const { secrets, eventId, nowSeconds, body } = request;
	return {
		'content-type': 'application/json',
		'user-agent': request.userAgent,
		'x-whatisup-signature': signContract(secrets, nowSeconds, body),
		'x-whatisup-event': request.event,
		'x-whatisup-event-id': eventId,
		'x-whatisup-endpoint-id': request.endpointId,
		'x-whatisup-delivery-id': request.deliveryId,
		'x-whatisup-attempt': String(request.attempt),
		'x-whatisup-correlation-id': request.correlationId ?? eventId,
		'webhook-id': eventId,
		'webhook-timestamp': String(nowSeconds),
		'webhook-signature': signStandard(secrets, eventId, nowSeconds, body),
	};
}
