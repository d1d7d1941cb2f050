import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Replay, ReplayStatus } from '../../app/ports.ts';
import type { ReplayCount, Replays } from '../../app/replays.ts';
import { EVENT_NAMES } from '../../domain/events.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { id, Instant, toInstant, toInstantOrNull } from '../schemas.ts';
import { GivenInstant } from '../webhook-delivery-json.ts';

const DEFAULT_PER_SECOND = 20;

const pace = {
	max_per_second: z
		.number()
		.int()
		.min(1)
		.max(100)
		.default(DEFAULT_PER_SECOND)
		.describe('So many are made due in a second, at most'),
	dry_run: z.boolean().optional().describe('Count only'),
};

const Recovery = z.strictObject(pace);

const Range = z
	.strictObject({
		from: GivenInstant.optional().describe('Created then or later; by default from the first on'),
		to: GivenInstant.optional().describe('Created before; by default, and at most, the present'),
		status: z.enum(['failed', 'success', 'all']).default('failed'),
		events: z.array(z.enum(EVENT_NAMES)).max(100).optional().describe('By default all'),
		...pace,
	})
	.refine(({ from, to }) => from === undefined || to === undefined || from < to, {
		path: ['from'],
		error: 'must be before "to"',
	});

const STATUSES_OF = {
	failed: ['failed'],
	success: ['success'],
	all: ['success', 'failed'],
} as const;

const REPLAY_STATUSES = [
	'running',
	'completed',
	'cancelled',
	'failed',
] as const satisfies readonly ReplayStatus[];

const ReplayJson = z
	.object({
		id: id('rpl'),
		endpoint_id: id('wh'),
		status: z.enum(REPLAY_STATUSES),
		from: Instant,
		to: Instant,
		statuses: z.array(z.enum(['success', 'failed'])),
		events: z.array(z.enum(EVENT_NAMES)).describe('Empty: all'),
		max_per_second: z.number(),
		total: z.number().int().describe('Deliveries that matched at its start; 100000 at most'),
		redelivered: z.number().int().describe('Made due again so far'),
		skipped: z.number().int().describe('Passed over, because their payload is no longer kept'),
		error: z.string().nullable().describe('Why it failed: a stable word'),
		created_at: Instant,
		updated_at: Instant,
		finished_at: Instant.nullable(),
	})
	.meta({ id: 'WebhookReplay' });

const DryRunJson = z
	.object({
		dry_run: z.literal(true),
		total: z.number().int(),
		total_is_exact: z.boolean().describe('False when there are more than were counted'),
	})
	.meta({ id: 'WebhookReplayDryRun' });

const EndpointParams = z.object({ endpoint_id: id('wh') });
const ReplayParams = EndpointParams.extend({ replay_id: id('rpl') });
const ReplayList = z.strictObject(paging('rpl'));

const common = { tags: ['Webhook endpoints'] };
const starting = {
	config: { errors: ['endpoint_not_found', 'endpoint_disabled', 'replay_running'] },
} as const;
const answers = { 200: DryRunJson, 202: ReplayJson };

/** `/v1/webhook-endpoints/:endpoint_id/replays`: many deliveries once more, at a bounded rate. */
export function webhookReplayRoutes(replays: Replays): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/webhook-endpoints/:endpoint_id/replay',
			{
				...starting,
				schema: {
					...common,
					operationId: 'startWebhookReplay',
					summary: 'Send a range of deliveries again',
					description:
						'In the order in which they were made, with the same event ids. One replay of an endpoint runs at a time; it waits while the receiver does not answer or has much to do.',
					params: EndpointParams,
					body: Range.nullish(),
					response: answers,
				},
			},
			async ({ scope, params, body, id: correlationId }, reply) => {
				const { status, events = [], from, to, ...how } = body ?? Range.parse({});
				const range = { statuses: STATUSES_OF[status], events: [...new Set(events)], from, to };
				if (how.dry_run) {
					return toDryRunJson(await replays.count(scope, params.endpoint_id, range));
				}
				const start = { maxPerSecond: how.max_per_second, correlationId };
				const replay = await replays.start(scope, params.endpoint_id, range, start);
				return reply.code(202).send(toJson(replay));
			},
		);

		app.post(
			'/webhook-endpoints/:endpoint_id/recover',
			{
				...starting,
				schema: {
					...common,
					operationId: 'recoverWebhookEndpoint',
					summary: 'Send again what failed since the endpoint last worked',
					description: 'A replay of every delivery that failed after the last success before them.',
					params: EndpointParams,
					body: Recovery.nullish(),
					response: answers,
				},
			},
			async ({ scope, params, body, id: correlationId }, reply) => {
				const how = body ?? Recovery.parse({});
				const wish = 'failed_since_it_worked';
				if (how.dry_run) {
					return toDryRunJson(await replays.count(scope, params.endpoint_id, wish));
				}
				const start = { maxPerSecond: how.max_per_second, correlationId };
				const replay = await replays.start(scope, params.endpoint_id, wish, start);
				return reply.code(202).send(toJson(replay));
			},
		);

		app.get(
			'/webhook-endpoints/:endpoint_id/replays',
			{
				config: { errors: ['endpoint_not_found'] },
				schema: {
					...common,
					operationId: 'listWebhookReplays',
					summary: 'List the replays of a webhook endpoint',
					params: EndpointParams,
					querystring: ReplayList,
					response: { 200: pageOf(ReplayJson) },
				},
			},
			async ({ scope, params, query }) => {
				const rows = await replays.list(scope, params.endpoint_id, toPage(query));
				return toPageAnswer(rows, query, toJson);
			},
		);

		app.get(
			'/webhook-endpoints/:endpoint_id/replays/:replay_id',
			{
				config: { errors: ['endpoint_not_found', 'replay_not_found'] },
				schema: {
					...common,
					operationId: 'getWebhookReplay',
					summary: 'Get a replay',
					params: ReplayParams,
					response: { 200: ReplayJson },
				},
			},
			async ({ scope, params }) =>
				toJson(await replays.get(scope, params.endpoint_id, params.replay_id)),
		);

		app.post(
			'/webhook-endpoints/:endpoint_id/replays/:replay_id/cancel',
			{
				config: { errors: ['endpoint_not_found', 'replay_not_found'] },
				schema: {
					...common,
					operationId: 'cancelWebhookReplay',
					summary: 'Cancel a replay',
					description:
						'What it has made due is still sent. A replay that has ended stays as it is.',
					params: ReplayParams,
					response: { 200: ReplayJson },
				},
			},
			async ({ scope, params, id: correlationId }) => {
				const { endpoint_id: endpointId, replay_id: replayId } = params;
				return toJson(await replays.cancel(scope, endpointId, replayId, correlationId));
			},
		);
		done();
	};
}

function toDryRunJson({ total, isExact }: ReplayCount): z.output<typeof DryRunJson> {
	return { dry_run: true, total, total_is_exact: isExact };
}

function toJson(replay: Replay): z.output<typeof ReplayJson> {
	const { from, to, statuses, events } = replay.filter;
	return {
		id: replay.id,
		endpoint_id: replay.endpointId,
		status: replay.status,
		from: toInstant(from),
		to: toInstant(to),
		statuses: [...statuses],
		events: [...events],
		max_per_second: replay.maxPerSecond,
		total: replay.total,
		redelivered: replay.redelivered,
		skipped: replay.skipped,
		error: replay.error,
		created_at: toInstant(replay.createdAt),
		updated_at: toInstant(replay.updatedAt),
		finished_at: toInstantOrNull(replay.finishedAt),
	};
}
