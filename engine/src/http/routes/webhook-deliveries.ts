import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Deliveries } from '../../app/deliveries.ts';
import { EVENT_NAMES } from '../../domain/events.ts';
import { pageOf, paging } from '../paging.ts';
import { id } from '../schemas.ts';
import {
	AttemptJson,
	DELIVERY_STATUSES,
	DeliveryJson,
	GivenInstant,
	toAttemptJson,
	toDeliveryJson,
} from '../webhook-delivery-json.ts';

const DeliveryList = z.strictObject({
	...paging('dlv'),
	status: z.enum(DELIVERY_STATUSES).optional(),
	event: z.enum(EVENT_NAMES).optional(),
	instance_id: id('inst').optional(),
	endpoint_id: id('wh').optional().describe('A deleted one, too'),
	event_id: id('evt').optional(),
	from: GivenInstant.optional().describe('Created then or later'),
	to: GivenInstant.optional().describe('Created before'),
});

const DeliveryParams = z.object({ delivery_id: id('dlv') });

const common = { tags: ['Webhook deliveries'] };

/** `/v1/webhook-deliveries`: the log of what was sent to the endpoints, and sending it again. */
export function webhookDeliveryRoutes(deliveries: Deliveries): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/webhook-deliveries',
			{
				config: { errors: ['instance_not_found', 'endpoint_not_found'] },
				schema: {
					...common,
					operationId: 'listWebhookDeliveries',
					summary: 'List webhook deliveries',
					description:
						'A page looks at no more than some thousand deliveries: with a filter that few of them match it may have less than `limit` entries, or none, and still a `next_cursor`.',
					querystring: DeliveryList,
					response: { 200: pageOf(DeliveryJson) },
				},
			},
			async ({ scope, query }) => {
				const { limit, cursor, instance_id, endpoint_id, event_id, ...rest } = query;
				const filter = {
					...rest,
					instanceId: instance_id,
					endpointId: endpoint_id,
					eventId: event_id,
				};
				const page = await deliveries.list(scope, filter, { limit, before: cursor });
				return {
					data: page.deliveries.map(toDeliveryJson),
					next_cursor: page.next ? Buffer.from(page.next).toString('base64url') : null,
				};
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
			async ({ scope, params }) => toDeliveryJson(await deliveries.get(scope, params.delivery_id)),
		);

		app.get(
			'/webhook-deliveries/:delivery_id/attempts',
			{
				config: { errors: ['delivery_not_found'] },
				schema: {
					...common,
					operationId: 'listWebhookAttempts',
					summary: 'List the attempts of a webhook delivery',
					description:
						'All at once, oldest first. Of a delivery that was sent again often, the last.',
					params: DeliveryParams,
					response: { 200: z.object({ data: z.array(AttemptJson) }) },
				},
			},
			async ({ scope, params }) => {
				const attempts = await deliveries.attempts(scope, params.delivery_id);
				return { data: attempts.map(toAttemptJson) };
			},
		);

		app.post(
			'/webhook-deliveries/:delivery_id/redeliver',
			{
				config: {
					errors: [
						'delivery_not_found',
						'endpoint_not_found',
						'endpoint_disabled',
						'payload_expired',
					],
				},
				schema: {
					...common,
					operationId: 'redeliverWebhook',
					summary: 'Send a webhook delivery again',
					description:
						'With the same event id, and all attempts of the schedule ahead again. A retry that is planned is made now; a delivery that is on its way stays as it is.',
					params: DeliveryParams,
					response: { 202: DeliveryJson },
				},
			},
			async ({ scope, params, id: requestId }, reply) => {
				const delivery = await deliveries.redeliver(scope, params.delivery_id, requestId);
				return reply.code(202).send(toDeliveryJson(delivery));
			},
		);
		done();
	};
}
