import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Endpoints } from '../../app/endpoints.ts';
import type { Endpoint } from '../../app/ports.ts';
import { EVENT_NAMES } from '../../domain/events.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { id, Instant, text, toInstant } from '../schemas.ts';

const Events = z.array(z.enum(EVENT_NAMES));

const NewEndpoint = z.strictObject({
	url: text(2048).describe('Public and https; test keys may also use http and loopback'),
	events: Events.min(1).max(100),
	instance_id: id('inst').optional().describe('Only events of this instance; by default of all'),
	signing_secret: z
		.string()
		.regex(/^[\x21-\x7e]{16,256}$/, 'must be 16 to 256 visible ASCII characters without spaces')
		.optional()
		.describe('By default the engine makes one'),
	enabled: z.boolean().optional().describe('By default true'),
});

const EndpointJson = z
	.object({
		id: id('wh'),
		customer_id: id('cust'),
		instance_id: id('inst').nullable(),
		url: z.string(),
		events: Events,
		enabled: z.boolean(),
		has_custom_signing_secret: z.boolean(),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'WebhookEndpoint' });

const CreatedEndpoint = EndpointJson.extend({
	signing_secret: z.string().describe('Shown this once'),
}).meta({ id: 'CreatedWebhookEndpoint' });

const EndpointList = z.strictObject(paging('wh'));
const EndpointParams = z.object({ endpoint_id: id('wh') });

const common = { tags: ['Webhook endpoints'] };

/** `/v1/webhook-endpoints`: where events go. */
export function webhookEndpointRoutes(endpoints: Endpoints): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/webhook-endpoints',
			{
				config: { errors: ['instance_not_found', 'url_not_allowed'] },
				schema: {
					...common,
					operationId: 'createWebhookEndpoint',
					summary: 'Create a webhook endpoint',
					description: 'The only answer that holds the signing secret.',
					body: NewEndpoint,
					response: { 201: CreatedEndpoint },
				},
			},
			async ({ scope, body }, reply) => {
				const { endpoint, signingSecret } = await endpoints.create(scope, {
					url: body.url,
					events: body.events,
					instanceId: body.instance_id,
					signingSecret: body.signing_secret,
					enabled: body.enabled,
				});
				return reply.code(201).send({ ...toJson(endpoint), signing_secret: signingSecret });
			},
		);

		app.get(
			'/webhook-endpoints',
			{
				schema: {
					...common,
					operationId: 'listWebhookEndpoints',
					summary: 'List webhook endpoints',
					querystring: EndpointList,
					response: { 200: pageOf(EndpointJson) },
				},
			},
			async ({ scope, query }) =>
				toPageAnswer(await endpoints.list(scope, toPage(query)), query, toJson),
		);

		app.get(
			'/webhook-endpoints/:endpoint_id',
			{
				config: { errors: ['endpoint_not_found'] },
				schema: {
					...common,
					operationId: 'getWebhookEndpoint',
					summary: 'Get a webhook endpoint',
					params: EndpointParams,
					response: { 200: EndpointJson },
				},
			},
			async ({ scope, params }) => toJson(await endpoints.get(scope, params.endpoint_id)),
		);

		app.delete(
			'/webhook-endpoints/:endpoint_id',
			{
				config: { errors: ['endpoint_not_found'] },
				schema: {
					...common,
					operationId: 'deleteWebhookEndpoint',
					summary: 'Delete a webhook endpoint',
					description: 'What it has not received yet is given up; its deliveries stay in the log.',
					params: EndpointParams,
					response: { 204: z.undefined().describe('Deleted') },
				},
			},
			async ({ scope, params }, reply) => {
				await endpoints.remove(scope, params.endpoint_id);
				return reply.code(204).send();
			},
		);
		done();
	};
}

function toJson(endpoint: Endpoint): z.output<typeof EndpointJson> {
	return {
		id: endpoint.id,
		customer_id: endpoint.customerId,
		instance_id: endpoint.instanceId,
		url: endpoint.url,
		events: [...endpoint.events],
		enabled: endpoint.enabled,
		has_custom_signing_secret: endpoint.hasCustomSigningSecret,
		created_at: toInstant(endpoint.createdAt),
		updated_at: toInstant(endpoint.updatedAt),
	};
}
