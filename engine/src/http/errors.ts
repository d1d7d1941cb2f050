import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../app/ports.ts';
import { EngineError, type ErrorCode, type ErrorDetails } from '../domain/errors.ts';

/** A code without a status is a type error here, so a new code cannot be forgotten. */
export const STATUS: Record<ErrorCode, number> = {
	invalid_request: 400,
	auth_missing: 401,
	auth_malformed: 401,
	auth_invalid: 401,
	test_key_required: 403,
	instance_not_found: 404,
	message_not_found: 404,
	endpoint_not_found: 404,
	delivery_not_found: 404,
	replay_not_found: 404,
	route_not_found: 404,
	endpoint_disabled: 409,
	payload_expired: 409,
	replay_running: 409,
	no_qr: 409,
	invalid_transition: 409,
	not_connected: 409,
	not_paired: 409,
	pair_code_unavailable: 409,
	group_unavailable: 409,
	pairing_link_not_found: 404,
	group_not_found: 404,
	proxy_not_allowed: 422,
	proxy_unreachable: 422,
	too_many_restarts: 429,
	too_many_streams: 429,
	sandbox_refused: 409,
	payload_too_large: 413,
	unsupported_media_type: 415,
	url_not_allowed: 422,
	worker_at_capacity: 503,
	shutting_down: 503,
	internal_error: 500,
};

/** The body of every answer with a status of 400 or more. */
export interface ErrorAnswer {
	readonly error: {
		readonly code: ErrorCode;
		readonly message: string;
		readonly hint: string;
		readonly details: ErrorDetails;
	};
	readonly request_id: string;
}

export function toErrorAnswer(error: EngineError, requestId: string): ErrorAnswer {
	const { code, message, hint, details } = error;
	return { error: { code, message, hint, details }, request_id: requestId };
}

type ErrorHandler = (
	error: FastifyError | EngineError,
	request: FastifyRequest,
	reply: FastifyReply,
) => FastifyReply;

/** The one place where an error becomes a response. */
export function errorHandler(log: Log): ErrorHandler {
	return (error, request, reply) => {
		const told = error instanceof EngineError ? error : translate(error);
		const status = STATUS[told.code];
		if (status === 500) {
			log.error({ err: error, request_id: request.id, ...routeOf(request) }, 'a request failed');
		}
		if (status === 401) reply.header('www-authenticate', 'Bearer');
		const retryAfter = told.details['retry_after_seconds'];
		if (typeof retryAfter === 'number') reply.header('retry-after', String(retryAfter));
		return reply.code(status).send(toErrorAnswer(told, request.id));
	};
}

/** The path as the route has it: no ids, no query string. */
export function routeOf(request: FastifyRequest): {
	readonly method: string;
	readonly route: string | null;
} {
	return { method: request.method, route: request.routeOptions.url ?? null };
}

/** Fastify's own refusals. What is not among them is a fault of ours, whatever status it claims. */
function translate(error: FastifyError): EngineError {
	switch (error.code) {
		case 'FST_ERR_CTP_BODY_TOO_LARGE':
			return new EngineError('payload_too_large');
		case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
		case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
			return new EngineError('unsupported_media_type');
		case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
			return invalidRequest('body', 'is not as long as the Content-Length header says');
		case 'FST_ERR_BAD_URL':
			return invalidRequest('path', 'is not a valid percent-encoded path');
		// The caller went away in the middle of the body; nobody reads this.
		case 'ECONNRESET':
			return invalidRequest('body', 'did not arrive whole');
		default:
			return new EngineError('internal_error');
	}
}

/** As much of a field's name as an answer repeats: whoever sent it may have made it long. */
export const MOST_NAME_CHARACTERS = 100;

export function invalidRequest(path: string, message: string, hint?: string): EngineError {
	return new EngineError(
		'invalid_request',
		{ issues: [{ path: path.slice(0, MOST_NAME_CHARACTERS), message }] },
		hint === undefined ? {} : { hint },
	);
}
