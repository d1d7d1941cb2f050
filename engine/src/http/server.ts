import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import type { Authentication } from '../app/authentication.ts';
import type { Deliveries } from '../app/deliveries.ts';
import type { Diagnosis } from '../app/diagnosis.ts';
import type { EndpointTest } from '../app/endpoint-test.ts';
import type { Endpoints } from '../app/endpoints.ts';
import type { EventStreams } from '../app/event-stream.ts';
import type { Groups } from '../app/groups.ts';
import type { History } from '../app/history.ts';
import type { Instances } from '../app/instances.ts';
import type { Outbound } from '../app/outbound.ts';
import type { Pairing } from '../app/pairing.ts';
import type { IdSource, Log } from '../app/ports.ts';
import type { Replays } from '../app/replays.ts';
import type { StreamTokens } from '../app/stream-tokens.ts';
import type { TestPhones } from '../app/test-phones.ts';
import type { Scope } from '../domain/scope.ts';
import { closeGently } from './closing.ts';
import { errorHandler, invalidRequest, routeOf } from './errors.ts';
import { readJsonBodies } from './json-body.ts';
import { malformedRequestHandler } from './malformed-request.ts';
import { describeRoutes } from './openapi.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes, type Health } from './routes/health.ts';
import { groupRoutes } from './routes/groups.ts';
import { historyRoutes } from './routes/history.ts';
import { instanceRoutes } from './routes/instances.ts';
import { messageRoutes } from './routes/messages.ts';
import { pairingPageRoutes } from './routes/pairing-page.ts';
import { pairingRoutes } from './routes/pairing.ts';
import { qrRoutes } from './routes/qr.ts';
import { sandboxRoutes } from './routes/sandbox.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { webhookDeliveryRoutes } from './routes/webhook-deliveries.ts';
import { webhookDiagnosisRoutes } from './routes/webhook-diagnosis.ts';
import { webhookEndpointActRoutes } from './routes/webhook-endpoint-acts.ts';
import { webhookEndpointRoutes } from './routes/webhook-endpoints.ts';
import { webhookReplayRoutes } from './routes/webhook-replays.ts';
import { takeStreamToken } from './stream-token.ts';
import { unknownRouteHandler } from './unknown-route.ts';
import { compileValidator } from './validation.ts';

export interface Services {
	readonly authentication: Authentication;
	readonly instances: Instances;
	readonly pairing: Pairing;
	readonly outbound: Outbound;
	readonly endpoints: Endpoints;
	readonly endpointTest: EndpointTest;
	readonly deliveries: Deliveries;
	readonly replays: Replays;
	readonly diagnosis: Diagnosis;
	readonly eventStreams: EventStreams;
	readonly streamTokens: StreamTokens;
	readonly groups: Groups;
	readonly history: History;
	readonly testPhones: TestPhones;
	readonly health: Health;
	readonly ids: IdSource;
	readonly log: Log;
}

declare module 'fastify' {
	interface FastifyRequest {
		/** What the caller's key may see. Set for every route under /v1. */
		scope: Scope;
	}
}

const MAX_BODY_BYTES = 1024 * 1024;

/** How long a caller may take to send a request, its body included. */
const REQUEST_TIMEOUT_MS = 30_000;

/** As long as a path can be at all, so that a long id is not found like any other wrong one. */
const MAX_ID_LENGTH = 16 * 1024;

/** The engine's HTTP server, not yet listening. */
export function buildServer(services: Services): FastifyInstance {
	const { ids, log } = services;
	const handleError = errorHandler(log);
	const app = fastify({
		bodyLimit: MAX_BODY_BYTES,
		requestTimeout: REQUEST_TIMEOUT_MS,
		routerOptions: { maxParamLength: MAX_ID_LENGTH },
		genReqId: () => ids.next('req'),
		return503OnClosing: false,
		forceCloseConnections: 'idle',
		clientErrorHandler: malformedRequestHandler(ids),
		// A path that cannot be decoded leads to no route, and so past every hook.
		frameworkErrors: (error, request, reply) => {
			nameRequest(request, reply);
			handleError(error, request, reply);
			logRequest(log, request, reply);
		},
	});
	app.setValidatorCompiler(compileValidator);
	app.setSerializerCompiler(serializerCompiler);
	app.setErrorHandler(handleError);
	const unknownRoute = unknownRouteHandler(app);
	app.setNotFoundHandler(unknownRoute);
	readJsonBodies(app);
	app.addHook('onRequest', (request, reply, done) => {
		nameRequest(request, reply);
		done();
	});
	app.addHook('onResponse', (request, reply, done) => {
		logRequest(log, request, reply);
		done();
	});
	app.addHook('onRequestAbort', (request, done) => {
		log.info({ ...routeOf(request), request_id: request.id }, 'request given up by its caller');
		done();
	});
	closeGently(app);
	describeRoutes(app);

	app.register(healthRoutes(services.health));
	app.register(pairingPageRoutes(services.pairing));
	app.register(
		(v1, _options, done) => {
			authenticate(v1, services);
			refuseWhatIsNotRead(v1);
			v1.setNotFoundHandler(unknownRoute);
			v1.register(instanceRoutes(services.instances));
			v1.register(sessionRoutes(services.instances));
			v1.register(qrRoutes(services.instances));
			v1.register(pairingRoutes(services.pairing));
			v1.register(historyRoutes(services.history));
			v1.register(groupRoutes(services.groups));
			v1.register(messageRoutes(services.outbound));
			v1.register(webhookEndpointRoutes(services.endpoints));
			v1.register(webhookEndpointActRoutes(services.endpoints, services.endpointTest));
			v1.register(webhookDiagnosisRoutes(services.diagnosis));
			v1.register(webhookDeliveryRoutes(services.deliveries));
			v1.register(webhookReplayRoutes(services.replays));
			v1.register(eventRoutes(services));
			v1.register(sandboxRoutes(services.testPhones));
			done();
		},
		{ prefix: '/v1' },
	);
	return app;
}

function nameRequest(request: FastifyRequest, reply: FastifyReply): void {
	reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
}

/** One line for each request: no header, body, query string or id of anything but the request. */
function logRequest(log: Log, request: FastifyRequest, reply: FastifyReply): void {
	const fields = {
		...routeOf(request),
		status: reply.statusCode,
		ms: Math.round(reply.elapsedTime),
		request_id: request.id,
	};
	// What went well is of interest to those who look for it.
	if (reply.statusCode < 400) log.debug(fields, 'request');
	else log.info(fields, 'request refused');
}

function authenticate(v1: FastifyInstance, { authentication, streamTokens }: Services): void {
	v1.addHook('onRequest', async (request, reply) => {
		reply.header('cache-control', 'no-store');
		const token = takeStreamToken(request, reply);
		request.scope =
			token === undefined
				? await authentication.authenticate(request.headers.authorization)
				: streamTokens.check(token);
	});
}

/** A route without a schema for its body or query string has no field that could be known. */
function refuseWhatIsNotRead(v1: FastifyInstance): void {
	v1.addHook('preHandler', (request, _reply, done) => {
		const { schema } = request.routeOptions;
		const [field] = [
			...(schema?.body || !isObject(request.body) ? [] : Object.keys(request.body)),
			...(schema?.querystring || !isObject(request.query) ? [] : Object.keys(request.query)),
		];
		done(
			field === undefined || request.is404
				? undefined
				: invalidRequest(field, 'is not a known field'),
		);
	});
}

function isObject(value: unknown): value is object {
	return typeof value === 'object' && value !== null;
}
