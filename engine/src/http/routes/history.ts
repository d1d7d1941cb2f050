import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { FlaggedTransition, History, InstanceUptime } from '../../app/history.ts';
import { CONTRACT_STATUS, type InstanceState } from '../../domain/instance.ts';
import { uptimePercent } from '../../domain/uptime.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { id, Instant, InstanceParams, toInstant } from '../schemas.ts';

const State = z.enum(Object.keys(CONTRACT_STATUS) as InstanceState[]);

const TransitionList = z.strictObject(paging('trn'));

const TransitionJson = z
	.object({
		id: id('trn'),
		from: State,
		to: State,
		reason: z.string().nullable().describe('`null` where the state says it all'),
		close_code: z.number().int().nullable().describe("WhatsApp's code, when it closed the session"),
		at: Instant,
		duration_ms: z.number().int().nullable().describe('Time spent in `to`; `null` while it lasts'),
		incident: z
			.boolean()
			.describe(
				'Two or more others lost theirs within a minute for the same reason: no phone is the cause',
			),
	})
	.meta({ id: 'Transition' });

const QueryInstant = z.iso
	.datetime({ offset: true, error: 'must be an instant such as 2026-01-31T12:00:00Z' })
	.transform((text) => Date.parse(text));

const UptimeQuery = z.strictObject({
	...paging('inst'),
	from: QueryInstant.optional().describe('24 hours before `to` by default, 31 days at most'),
	to: QueryInstant.optional().describe('Not included; the present by default'),
	instance_id: id('inst').optional().describe('All instances by default'),
});

const Percent = z
	.number()
	.nullable()
	.describe('Cut off after three decimals; `null` when it was not meant to run');

const UptimeJson = z
	.object({
		instance_id: id('inst'),
		name: z.string(),
		uptime_percent: Percent,
		connected_ms: z.number().int(),
		observed_ms: z
			.number()
			.int()
			.describe('Time in which it was meant to run: started, and not stopped by choice'),
		mean_time_to_recovery_ms: z
			.number()
			.int()
			.nullable()
			.describe('From a lost connection to the next one; `null` when there was none to measure'),
		disconnects: z
			.record(z.string(), z.number().int())
			.describe('Lost connections by reason, without those ended by choice'),
		incidents: z.number().int().describe('Lost connections that are part of an incident'),
		hourly: z.array(z.object({ at: Instant, uptime_percent: Percent })).describe('Hours in UTC'),
	})
	.meta({ id: 'Uptime' });

const UptimeReportJson = pageOf(UptimeJson).extend({ from: Instant, to: Instant });

const common = { tags: ['Instances'] };

/** What has become of instances: every change of state, and how much of the time they were up. */
export function historyRoutes(history: History): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/instances/:instance_id/transitions',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'listTransitions',
					summary: 'List the changes of state',
					description: 'Every change is kept for as long as the instance exists.',
					params: InstanceParams,
					querystring: TransitionList,
					response: { 200: pageOf(TransitionJson) },
				},
			},
			async ({ scope, params, query }) => {
				const rows = await history.transitions(scope, params.instance_id, toPage(query));
				return toPageAnswer(rows, query, toTransitionJson);
			},
		);

		app.get(
			'/uptime',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'getUptime',
					summary: 'Uptime of one instance or of all',
					description:
						'Paged like every list; send the `from` and `to` of the first page with the others. What lies in the future, before the creation, before the first start or after a stop by choice counts neither for nor against an instance.',
					querystring: UptimeQuery,
					response: { 200: UptimeReportJson },
				},
			},
			async ({ scope, query }) => {
				const { from, to, instance_id: instanceId } = query;
				const report = await history.uptime(scope, { from, to, instanceId }, toPage(query));
				return {
					from: toInstant(report.from),
					to: toInstant(report.to),
					...toPageAnswer(report.instances, query, toUptimeJson),
				};
			},
		);
		done();
	};
}

function toTransitionJson(transition: FlaggedTransition): z.output<typeof TransitionJson> {
	return {
		id: transition.id,
		from: transition.from,
		to: transition.to,
		reason: transition.reason,
		close_code: transition.closeCode,
		at: toInstant(transition.at),
		duration_ms: transition.durationMs,
		incident: transition.incident,
	};
}

function toUptimeJson(uptime: InstanceUptime): z.output<typeof UptimeJson> {
	return {
		instance_id: uptime.id,
		name: uptime.name,
		uptime_percent: uptimePercent(uptime),
		connected_ms: uptime.connectedMs,
		observed_ms: uptime.observedMs,
		mean_time_to_recovery_ms: uptime.meanTimeToRecoveryMs,
		disconnects: uptime.disconnects,
		incidents: uptime.incidents,
		hourly: uptime.hourly.map((hour) => ({
			at: toInstant(hour.at),
			uptime_percent: uptimePercent(hour),
		})),
	};
}
