import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { EndpointTest, TestOutcome } from '../../app/endpoint-test.ts';
import type { Endpoints } from '../../app/endpoints.ts';
import type { Endpoint } from '../../app/ports.ts';
import { id } from '../schemas.ts';
import {
	DEFAULT_OVERLAP_SECONDS,
	EndpointJson,
	EndpointParams,
	RevealedEndpointJson,
	RotationBody,
	toEndpointJson,
} from '../webhook-endpoint-json.ts';

const TestOutcomeJson = z
	.object({
		delivered: z.boolean().describe('Whether the receiver answered with a status of 200 to 299'),
		event_id: id('evt'),
		status: z.number().nullable().describe('HTTP status; `null` without an answer'),
		latency_ms: z.number(),
		error: z.string().nullable().describe('What went wrong, for people'),
		hint: z.string().nullable().describe('What to do about it, for people'),
		response: z.string().nullable().describe('The first kilobyte of the answer'),
		address: z.string().nullable().describe('The IP address that was connected'),
	})
	.meta({ id: 'WebhookTest' });

const common = { tags: ['Webhook endpoints'], params: EndpointParams };
const config = { errors: ['endpoint_not_found'] } as const;

/** `/v1/webhook-endpoints/:endpoint_id/…`: what one does with an endpoint. */
export function webhookEndpointActRoutes(
	endpoints: Endpoints,
	test: EndpointTest,
): FastifyPluginCallbackZod {
	const toJson = (endpoint: Endpoint) => toEndpointJson(endpoint, endpoints.circuit(endpoint.id));
	return (app, _options, done) => {
		app.post(
			'/webhook-endpoints/:endpoint_id/enable',
			{
				config,
				schema: {
					...common,
					operationId: 'enableWebhookEndpoint',
					summary: 'Enable a webhook endpoint',
					description:
						'What waited for it is sent now; what happened while it was disabled is not. Changes nothing when it is enabled already.',
					response: { 200: EndpointJson },
				},
			},
			async ({ scope, params, id: correlationId }) =>
				toJson(await endpoints.enable(scope, params.endpoint_id, { correlationId })),
		);

		app.post(
			'/webhook-endpoints/:endpoint_id/disable',
			{
				config,
				schema: {
					...common,
					operationId: 'disableWebhookEndpoint',
					summary: 'Disable a webhook endpoint',
					description:
						'It gets nothing until it is enabled; what it was to get by now waits. Changes nothing when it is disabled already.',
					response: { 200: EndpointJson },
				},
			},
			async ({ scope, params, id: correlationId }) =>
				toJson(await endpoints.disable(scope, params.endpoint_id, { correlationId })),
		);

		app.post(
			'/webhook-endpoints/:endpoint_id/rotate-secret',
			{
				config,
				schema: {
					...common,
					operationId: 'rotateWebhookSecret',
					summary: 'Give it a new signing secret',
					description:
						'The answer holds the new secret, which no later one shows again. Until the overlap is over, every request bears the signatures of both secrets; a second rotation ends the overlap of the first.',
					body: RotationBody.nullish(),
					response: { 200: RevealedEndpointJson },
				},
			},
			async ({ scope, params, body, id: correlationId }) => {
				const rotation = {
					signingSecret: body?.signing_secret,
					overlapSeconds: body?.overlap_seconds ?? DEFAULT_OVERLAP_SECONDS,
				};
				const { endpoint, signingSecret } = await endpoints.rotateSecret(
					scope,
					params.endpoint_id,
					rotation,
					{ correlationId },
				);
				return { ...toJson(endpoint), signing_secret: signingSecret };
			},
		);

		app.post(
			'/webhook-endpoints/:endpoint_id/test',
			{
				config,
				schema: {
					...common,
					operationId: 'testWebhookEndpoint',
					summary: 'Send a test event',
					description:
						'Sends a signed `webhook.test` now, also to an endpoint that is disabled, and answers how that went. It is in no log, is not repeated and counts for nothing.',
					response: { 200: TestOutcomeJson },
				},
			},
			async ({ scope, params, id: correlationId }) =>
				toTestJson(await test.run(scope, params.endpoint_id, { correlationId })),
		);
		done();
	};
}

function toTestJson({ result, ...outcome }: TestOutcome): z.output<typeof TestOutcomeJson> {
	const isAnswered = result.outcome === 'answered';
	return {
		delivered: outcome.delivered,
		event_id: outcome.eventId,
		status: isAnswered ? result.status : null,
		latency_ms: result.latencyMs,
		error: outcome.error,
		hint: outcome.hint,
		response: isAnswered ? result.responseText : null,
		address: result.address,
	};
}
