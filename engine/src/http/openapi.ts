import { STATUS_CODES } from 'node:http';
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { OpenAPIV3_1 } from 'openapi-types';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../domain/errors.ts';
import { API_VERSION } from '../domain/events.ts';
import { STATUS } from './errors.ts';

declare module 'fastify' {
	interface FastifyContextConfig {
		/** What a route can answer beside what all routes can; for the documentation. */
		readonly errors?: readonly ErrorCode[];
	}
}

const DESCRIPTION = `WhatsApp for workflows: pair a number, send messages, receive events by webhook.

Every answer has the header \`X-Request-Id\`. Errors have a stable \`code\` and a \`hint\` that says what
to do. Lists are newest first; send \`next_cursor\` back as \`cursor\` for the next page. Instants are
ISO 8601 in UTC. A key that starts with \`zpk_test_\` sees test instances only, which connect to a
simulated network.`;

const TAGS = [
	{ name: 'Instances', description: 'WhatsApp accounts, linked or yet to be linked' },
	{ name: 'Sessions', description: 'The live connection of an instance' },
	{ name: 'Groups', description: 'Instances that stand in for each other' },
	{
		name: 'Pairing page',
		description: 'What the page behind a pairing link asks for; no API key needed',
	},
	{ name: 'Messages', description: 'Outbound messages and how far they have come' },
	{ name: 'Webhook endpoints', description: 'Where events go' },
	{ name: 'Webhook deliveries', description: 'What was sent to the endpoints, and the outcome' },
	{ name: 'Events', description: 'Events as they happen, as a stream' },
	{ name: 'Sandbox', description: 'The simulated network, for test keys only' },
	{ name: 'Health', description: 'For load balancers and monitors; no API key needed' },
];

const EVERYWHERE: readonly ErrorCode[] = ['internal_error', 'shutting_down'];
const BEHIND_A_KEY: readonly ErrorCode[] = [
	'invalid_request',
	'auth_missing',
	'auth_malformed',
	'auth_invalid',
];
const WITH_A_BODY: readonly ErrorCode[] = ['payload_too_large', 'unsupported_media_type'];

/** Its id makes it a component, to which the answers below refer. */
z.object({
	error: z.object({
		code: z.enum(Object.keys(ERRORS)).describe('Stable; match on this'),
		message: z.string().describe('What is wrong, for people'),
		hint: z.string().describe('What to do about it, for people'),
		details: z.record(z.string(), z.unknown()).describe('Facts that depend on the code'),
	}),
	request_id: z.string().describe('The same as the header `X-Request-Id`'),
}).meta({ id: 'Error' });

/** Serves the description of all routes that are added after it, made from their schemas. */
export function describeRoutes(app: FastifyInstance): void {
	app.register(swagger, {
		openapi: {
			openapi: '3.1.0',
			info: { title: 'WhatIsUp', version: API_VERSION, description: DESCRIPTION },
			tags: TAGS,
			security: [{ api_key: [] }],
			components: {
				securitySchemes: {
					api_key: {
						type: 'http',
						scheme: 'bearer',
						description: 'An API key, `zpk_live_…` or `zpk_test_…`',
					},
					stream_token: {
						type: 'apiKey',
						in: 'query',
						name: 'token',
						description: 'What `POST /v1/events/token` answers, for browsers',
					},
				},
			},
		},
		transform: withErrors,
		transformObject: finish,
	});
	app.register((scope, _options, done) => {
		scope.get('/openapi.json', { schema: { hide: true } }, () => scope.swagger());
		done();
	});
}

const withErrors: SwaggerTransform = (document) => {
	const { schema, url } = jsonSchemaTransform(document);
	const isOpen = document.schema.security?.length === 0;
	const errors = [
		...EVERYWHERE,
		...(isOpen ? [] : BEHIND_A_KEY),
		...(document.schema.body === undefined ? [] : WITH_A_BODY),
		...(document.route.config?.errors ?? []),
	];
	// Its own answers last: the 503 of /readyz has a body that is no error.
	const response = { ...errorAnswers(errors), ...(schema.response as object) };
	return { schema: { ...schema, response }, url };
};

function errorAnswers(codes: readonly ErrorCode[]): Record<number, OpenAPIV3_1.ResponseObject> {
	const answers: Record<number, OpenAPIV3_1.ResponseObject> = {};
	for (const code of codes) {
		const line = `\`${code}\`: ${ERRORS[code].message}`;
		const others = answers[STATUS[code]]?.description;
		answers[STATUS[code]] = {
			description: others === undefined ? line : `${others}\n\n${line}`,
			content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
		};
	}
	return answers;
}

const finish: SwaggerTransformObject = (document) => {
	const whole = jsonSchemaTransformObject(document) as OpenAPIV3_1.Document;
	const operations = Object.values(whole.paths ?? {}).flatMap((path) => Object.values(path ?? {}));
	for (const operation of operations) tidy(operation as OpenAPIV3_1.OperationObject);
	const schemas = usedSchemas(whole);
	return { ...whole, components: { ...whole.components, schemas } };
};

/** Says what the generator does not know: that a body which may be null may be left out. */
function tidy({ requestBody, responses = {} }: OpenAPIV3_1.OperationObject): void {
	if (requestBody && 'content' in requestBody) {
		const { schema } = requestBody.content['application/json'] ?? {};
		const options = (schema && 'anyOf' in schema && schema.anyOf) || [];
		requestBody.required = !options.some((option) => 'type' in option && option.type === 'null');
	}
	for (const [status, response] of Object.entries(responses)) {
		if (!('description' in response) || response.description !== 'Default Response') continue;
		response.description = STATUS_CODES[status] ?? status;
	}
}

/** Each component is generated twice, as input and as output, and seldom needed as both. */
function usedSchemas({ paths, components }: OpenAPIV3_1.Document) {
	const schemas = components?.schemas ?? {};
	const used = new Set<string>();
	const collect = (part: unknown) => {
		for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
			if (used.has(name)) continue;
			used.add(name);
			collect(schemas[name]);
		}
	};
	collect(paths);
	return Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
}
