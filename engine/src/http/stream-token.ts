import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
	interface FastifyContextConfig {
		/** Whether `?token=` may stand for an API key on this route. */
		readonly acceptsStreamToken?: boolean;
	}
}

/**
 * The stream token of a request, where its route accepts one; an empty text when there are several.
 *
 * Its answer, even a refusal, may be read by pages of any origin. That gives nothing away: the token
 * is all that such a request is let in by, and no cookie or other thing that a browser adds by
 * itself counts here.
 */
export function takeStreamToken(request: FastifyRequest, reply: FastifyReply): string | undefined {
	if (!request.routeOptions.config.acceptsStreamToken) return undefined;
	const { token } = request.query as Readonly<Record<string, unknown>>;
	if (token === undefined) return undefined;
	reply.header('access-control-allow-origin', '*');
	return typeof token === 'string' ? token : '';
}
