import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

export interface Readiness {
	/** What the engine needs in order to work, by name, and whether it is there. */
	readonly checks: Readonly<Record<string, boolean>>;
	readonly sessions: {
		readonly connected: number;
		readonly open: number;
		readonly capacity: number;
	};
}

export interface Health {
	ready(): Promise<Readiness>;
}

const Alive = z.object({ status: z.literal('ok') });

const ReadinessJson = z
	.object({
		status: z.enum(['ok', 'unavailable']),
		checks: z.record(z.string(), z.enum(['ok', 'failed'])),
		sessions: z.object({
			connected: z.number().int(),
			open: z.number().int(),
			capacity: z.number().int(),
		}),
	})
	.meta({ id: 'Readiness' });

const common = { tags: ['Health'], security: [] };

/** `/healthz`: the process answers. `/readyz`: it can do its work. */
export function healthRoutes(health: Health): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/healthz',
			{
				schema: {
					...common,
					operationId: 'getHealth',
					summary: 'Whether the process answers',
					response: { 200: Alive },
				},
			},
			() => ({ status: 'ok' as const }),
		);

		app.get(
			'/readyz',
			{
				schema: {
					...common,
					operationId: 'getReadiness',
					summary: 'Whether the engine can do its work',
					response: { 200: ReadinessJson, 503: ReadinessJson },
				},
			},
			async (_request, reply) => {
				const answer = toJson(await health.ready());
				return reply.code(answer.status === 'ok' ? 200 : 503).send(answer);
			},
		);
		done();
	};
}

function toJson({ checks, sessions }: Readiness): z.output<typeof ReadinessJson> {
	const names = Object.keys(checks);
	return {
		status: names.every((name) => checks[name]) ? 'ok' : 'unavailable',
		checks: Object.fromEntries(names.map((name) => [name, checks[name] ? 'ok' : 'failed'])),
		sessions,
	};
}
