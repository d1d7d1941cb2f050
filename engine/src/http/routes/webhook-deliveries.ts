import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Deliveries } from '../../app/deliveries.ts';
import type { Delivery, DeliveryStatus } from '../../app/ports.ts';
import { EVENT_NAMES } from '../../domain/events.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { id, Instant, toInstant, toInstantOrNull } from '../schemas.ts';

const STATUSES = [
	'pending',
	'retrying',
	'success',
	'failed',
] as const satisfies readonly DeliveryStatus[];

const DeliveryList = z.strictObject({
	...paging('dlv'),
	status: z.enum(STATUSES).optional(),
	event: z.enum(EVENT_NAMES).optional(),
	instance_id: id('inst').optional(),
});

const DeliveryParams = z.object({ delivery_id: id('dlv') });

const DeliveryJson = z
	.object({
		id: id('dlv'),
		endpoint_id: id('wh'),
		customer_id: id('cust'),
		instance_id: id('inst').nullable(),
		event: z.enum(EVENT_NAMES),
		event_id: id('evt').describe('The same for every endpoint and attempt'),
		payload: z.record(z.string(), z.unknown()).nullable().describe('The body of the request'),
		status: z.enum(STATUSES),
		attempt_count: z.number().int(),
		last_error: z.string().nullable(),
		last_response_status: z.number().int().nullable(),
		next_attempt_at: Instant.nullable(),
		delivered_at: Instant.nullable(),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'WebhookDelivery' });

const common = { tags: ['Webhook deliveries'] };

/** `/v1/webhook-deliveries`: the log of what was sent to the endpoints. */
export function webhookDeliveryRoutes(deliveries: Deliveries): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/webhook-deliveries',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'listWebhookDeliveries',
					summary: 'List webhook deliveries',
					querystring: DeliveryList,
					response: { 200: pageOf(DeliveryJson) },
				},
			},
			async ({ scope, query }) => {
				const { status, event, instance_id: instanceId } = query;
				const rows = await deliveries.list(scope, { status, event, instanceId }, toPage(query));
				return toPageAnswer(rows, query, toJson);
			},
		);

		app.get(
			'/webhook-deliveries/:delivery_id',
			{
				config: { errors: ['delivery_not_found'] },
				schema: {
					...common,
					operationId: 'getWebhookDelivery',
					summary: 'Get a webhook delivery',
					params: DeliveryParams,
					response: { 200: DeliveryJson },
				},
			},
			async ({ scope, params }) => toJson(await deliveries.get(scope, params.delivery_id)),
		);
		done();
	};
}

function toJson(delivery: Delivery): z.output<typeof DeliveryJson> {
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
		created_at: toInstant(delivery.createdAt),
		updated_at: toInstant(delivery.updatedAt),
	};
}

function parseEnvelope(payload: string): Record<string, unknown> {
	return JSON.parse(payload) as Record<string, unknown>;
}
