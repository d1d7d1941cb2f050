import { z } from 'zod';
import type { Attempt, Delivery, DeliveryStatus } from '../app/ports.ts';
import { EVENT_NAMES } from '../domain/events.ts';
import { id, Instant, toInstant, toInstantOrNull } from './schemas.ts';

export const DELIVERY_STATUSES = [
	'pending',
	'retrying',
	'success',
	'failed',
] as const satisfies readonly DeliveryStatus[];

/** An instant as a caller writes it; Unix milliseconds inside. */
export const GivenInstant = z.iso
	.datetime({ offset: true, error: 'must be an instant such as 2026-01-31T12:00:00Z' })
	.transform((text) => Date.parse(text));

export const DeliveryJson = z
	.object({
		id: id('dlv'),
		endpoint_id: id('wh'),
		customer_id: id('cust'),
		instance_id: id('inst').nullable(),
		event: z.enum(EVENT_NAMES),
		event_id: id('evt').describe('The same for every endpoint and attempt'),
		payload: z
			.record(z.string(), z.unknown())
			.nullable()
			.describe('The body of the request; `null` once it is no longer kept'),
		status: z.enum(DELIVERY_STATUSES),
		attempt_count: z.number().int(),
		last_error: z.string().nullable(),
		last_response_status: z.number().int().nullable(),
		next_attempt_at: Instant.nullable(),
		delivered_at: Instant.nullable(),
		redelivered_at: Instant.nullable().describe('When somebody last asked to send it again'),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'WebhookDelivery' });

export const AttemptJson = z
	.object({
		attempt: z.number().int().describe('Counts from 1; the end of the engine may leave a gap'),
		at: Instant,
		status: z.number().int().nullable().describe('HTTP status; `null` without an answer'),
		latency_ms: z.number(),
		error: z.string().nullable(),
		response: z
			.string()
			.nullable()
			.describe('The first kilobyte of the answer; `null` once it is no longer kept'),
		address: z.string().nullable().describe('The IP address that was connected'),
	})
	.meta({ id: 'WebhookAttempt' });

export function toDeliveryJson(delivery: Delivery): z.output<typeof DeliveryJson> {
	return {
		id: delivery.id,
		endpoint_id: delivery.endpointId,
		customer_id: delivery.customerId,
		instance_id: delivery.instanceId,
		event: delivery.event,
		event_id: delivery.eventId,
		payload: delivery.payload === null ? null : parseEnvelope(delivery.payload),
		status: delivery.status,
		attempt_count: delivery.attemptCount,
		last_error: delivery.lastError,
		last_response_status: delivery.lastResponseStatus,
		next_attempt_at: toInstantOrNull(delivery.nextAttemptAt),
		delivered_at: toInstantOrNull(delivery.deliveredAt),
		redelivered_at: toInstantOrNull(delivery.redeliveredAt),
		created_at: toInstant(delivery.createdAt),
		updated_at: toInstant(delivery.updatedAt),
	};
}

export function toAttemptJson(attempt: Attempt): z.output<typeof AttemptJson> {
	const { at, latencyMs, ...rest } = attempt;
	return { ...rest, at: toInstant(at), latency_ms: latencyMs };
}

function parseEnvelope(payload: string): Record<string, unknown> {
	return JSON.parse(payload) as Record<string, unknown>;
}
