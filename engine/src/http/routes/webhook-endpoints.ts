import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Endpoints } from '../../app/endpoints.ts';
import type { Endpoint } from '../../app/ports.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import {
	DeletionQuery,
	EndpointChangeBody,
	EndpointJson,
	EndpointParams,
	NewEndpointBody,
	RevealedEndpointJson,
	toEndpointInput,
	toEndpointJson,
} from '../webhook-endpoint-json.ts';

const EndpointList = z.strictObject(paging('wh'));

const common = { tags: ['Webhook endpoints'] };

/** `/v1/webhook-endpoints`: where events go. */
export function webhookEndpointRoutes(endpoints: Endpoints): FastifyPluginCallbackZod {
	const toJson = (endpoint: Endpoint) => toEndpointJson(endpoint, endpoints.circuit(endpoint.id));
	return (app, _options, done) => {
		app.post(
			'/webhook-endpoints',
			{
				config: { errors: ['instance_not_found', 'url_not_allowed'] },
				schema: {
					...common,
					operationId: 'createWebhookEndpoint',
					summary: 'Create a webhook endpoint',
					description: 'The answer holds the signing secret, which no later one shows again.',
					body: NewEndpointBody,
					response: { 201: RevealedEndpointJson },
				},
			},
			async ({ scope, body, id: correlationId }, reply) => {
				const { endpoint, signingSecret } = await endpoints.create(
					scope,
					{ ...toEndpointInput(body), signingSecret: body.signing_secret },
					{ correlationId },
				);
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

		app.patch(
			'/webhook-endpoints/:endpoint_id',
			{
				config: { errors: ['endpoint_not_found', 'instance_not_found', 'url_not_allowed'] },
				schema: {
					...common,
					operationId: 'changeWebhookEndpoint',
					summary: 'Change the settings',
					description:
						'What is left out stays. Other events, instances and filters count for events to come; another URL also for what waits to be sent.',
					params: EndpointParams,
					body: EndpointChangeBody,
					response: { 200: EndpointJson },
				},
			},
			async ({ scope, params, body, id: correlationId }) => {
				const input = toEndpointInput(body);
				return toJson(await endpoints.change(scope, params.endpoint_id, input, { correlationId }));
			},
		);

		app.delete(
			'/webhook-endpoints/:endpoint_id',
			{
				config: { errors: ['endpoint_not_found'] },
				schema: {
					...common,
					operationId: 'deleteWebhookEndpoint',
					summary: 'Delete a webhook endpoint',
					description:
						'What it has not received yet is given up; its deliveries stay in the log. With `after_seconds` it goes on receiving until then, shows `delete_at`, and stays if a change of settings, or enabling it, calls the deletion off.',
					params: EndpointParams,
					querystring: DeletionQuery,
					response: { 204: z.undefined().describe('Deleted, or to be deleted') },
				},
			},
			async ({ scope, params, query, id: correlationId }, reply) => {
				const { after_seconds: seconds } = query;
				const cause = { correlationId };
				await (seconds === 0
					? endpoints.remove(scope, params.endpoint_id, cause)
					: endpoints.removeAfter(scope, params.endpoint_id, seconds, cause));
				return reply.code(204).send();
			},
		);
		done();
	};
}
