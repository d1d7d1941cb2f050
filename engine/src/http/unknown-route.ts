import type { FastifyInstance, FastifyRequest } from 'fastify';
import { EngineError } from '../domain/errors.ts';

/**
 * Answers requests for which there is no route. A path that exists with other methods says which,
 * since that is the likelier mistake. Call it before the first route is added.
 */
export function unknownRouteHandler(app: FastifyInstance): (request: FastifyRequest) => never {
	const methodsOf = new Map<string, string[]>();
	app.addHook('onRoute', ({ url, method }) => {
		const methods = [method].flat().filter((name) => name !== 'HEAD');
		methodsOf.set(url, [...(methodsOf.get(url) ?? []), ...methods]);
	});
	return (request) => {
		const [path = ''] = request.url.split('?');
		const allowed = [...methodsOf].find(([pattern]) => matches(pattern, path))?.[1];
		if (!allowed) throw new EngineError('route_not_found');
		throw new EngineError(
			'route_not_found',
			{ allowed_methods: allowed },
			{ hint: `This path takes ${allowed.join(' or ')}, not ${request.method}.` },
		);
	};
}

function matches(pattern: string, path: string): boolean {
	const parts = path.split('/');
	const wanted = pattern.split('/');
	return (
		parts.length === wanted.length &&
		wanted.every((part, at) => part === parts[at] || (part.startsWith(':') && parts[at] !== ''))
	);
}
