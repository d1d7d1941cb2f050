import { randomBytes } from 'node:crypto';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { pngUrl } from '../../app/held-sessions.ts';
import type { Pairing } from '../../app/pairing.ts';
import type { PairingStep, PairingView } from '../../app/pairing-view.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { EXPIRED_PAGE, PAGE, type Page } from '../pairing-page/page.ts';
import { Instant, toInstant } from '../schemas.ts';
import { Code, CodeRequest } from './pairing.ts';

const STEPS = [
	'idle',
	'waiting',
	'scan',
	'connecting',
	'connected',
	'stopped',
	'failed',
] as const satisfies readonly PairingStep[];

const Params = z.object({ token: z.string().describe('The last part of the link') });

const Since = z.object({
	since: z
		.string()
		.max(64)
		.optional()
		.describe('The `version` that the caller has: the answer then waits for another one'),
});

const Progress = z
	.object({
		version: z.string().describe('Changes whenever something below does, but for `now`'),
		name: z.string().describe('Of the instance'),
		step: z.enum(STEPS),
		reason: z.string().nullable(),
		can_start: z.boolean().describe('Whether asking for codes makes sense now'),
		qr: z
			.object({
				image: z.string().describe('The picture, as a `data:image/png;base64,…` URL'),
				expires_at: Instant,
			})
			.nullable(),
		pairing_code: Code.nullable().describe('The last code that was asked for by this link'),
		phone_number: z.string().nullable().describe('The end of the linked number: `…9999`'),
		link_expires_at: Instant,
		now: Instant.describe("The engine's clock, to count down with"),
	})
	.meta({ id: 'PairingProgress' });

const common = { tags: ['Pairing page'], security: [], params: Params };
const NOT_FOUND: readonly ErrorCode[] = ['pairing_link_not_found'];

/** A link is a secret in a path: nothing may keep it, pass it on, list it or frame the page. */
const HEADERS = {
	'cache-control': 'no-store',
	'referrer-policy': 'no-referrer',
	'x-robots-tag': 'noindex, nofollow',
	'x-frame-options': 'DENY',
	'cross-origin-opener-policy': 'same-origin',
	'cross-origin-resource-policy': 'same-origin',
};

const NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'";

/**
 * `/pair/:token`: the page for whoever holds the phone, and what it asks for. No API key: the token
 * says which instance is meant, and that is all that it opens.
 */
export function pairingPageRoutes(pairing: Pairing): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.addHook('onRequest', (_request, reply, next) => {
			reply.headers({ ...HEADERS, 'content-security-policy': NOTHING_ALLOWED });
			next();
		});

		app.get(
			'/pair/:token',
			{
				schema: {
					...common,
					operationId: 'showPairingPage',
					summary: 'The page',
					response: {
						200: { description: 'The page', content: { 'text/html': { schema: z.string() } } },
						404: {
							description: 'A page that says that the link is not valid (any more)',
							content: { 'text/html': { schema: z.string() } },
						},
					},
				},
			},
			async ({ params }, reply) => {
				const isGood = (await pairing.links.findByToken(params.token)) !== undefined;
				const page: Page = isGood ? PAGE : EXPIRED_PAGE;
				const nonce = randomBytes(16).toString('base64');
				return reply
					.code(isGood ? 200 : 404)
					.header('content-security-policy', page.policy(nonce))
					.type('text/html; charset=utf-8')
					.send(page.html(nonce));
			},
		);

		app.get(
			'/pair/:token/state',
			{
				config: { errors: NOT_FOUND },
				schema: {
					...common,
					operationId: 'getPairingProgress',
					summary: 'How far the pairing has come',
					description: 'With `since` it answers at the next change, or after 10 seconds.',
					querystring: Since,
					response: { 200: Progress },
				},
			},
			async ({ params, query }) => toJson(await pairing.view(params.token, query.since)),
		);

		app.post(
			'/pair/:token/start',
			{
				config: {
					errors: [...NOT_FOUND, 'invalid_transition', 'too_many_restarts', 'worker_at_capacity'],
				},
				schema: {
					...common,
					operationId: 'startPairing',
					summary: 'Get QR codes, the first ones or new ones',
					response: { 200: Progress },
				},
			},
			async ({ params }) => toJson(await pairing.start(params.token)),
		);

		app.post(
			'/pair/:token/code',
			{
				config: {
					errors: [
						...NOT_FOUND,
						'pair_code_unavailable',
						'invalid_transition',
						'too_many_restarts',
						'worker_at_capacity',
					],
				},
				schema: {
					...common,
					operationId: 'requestPairingCode',
					summary: 'Get a code to type into the phone',
					description: 'At most three times in ten minutes.',
					body: CodeRequest,
					response: { 200: Code },
				},
			},
			async ({ params, body }) => {
				const { code, expiresAt } = await pairing.requestCode(params.token, body.phone_number);
				return { code, expires_at: toInstant(expiresAt) };
			},
		);
		done();
	};
}

function toJson(view: PairingView): z.output<typeof Progress> {
	const { qr, pairingCode } = view;
	return {
		version: view.version,
		name: view.name,
		step: view.step,
		reason: view.reason,
		can_start: view.canStart,
		qr: qr && { image: pngUrl(qr.png), expires_at: toInstant(qr.expiresAt) },
		pairing_code: pairingCode && {
			code: pairingCode.code,
			expires_at: toInstant(pairingCode.expiresAt),
		},
		phone_number: view.phoneNumber,
		link_expires_at: toInstant(view.linkExpiresAt),
		now: toInstant(view.at),
	};
}
