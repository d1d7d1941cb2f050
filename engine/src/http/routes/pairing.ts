import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Pairing } from '../../app/pairing.ts';
import { Instant, InstanceParams, PhoneNumber, toInstant } from '../schemas.ts';

const NewLink = z
	.object({
		url: z.string().describe('To hand to the person at the phone. It is shown only this once.'),
		expires_at: Instant,
	})
	.meta({ id: 'NewPairingLink' });

const Link = z
	.object({ active: z.boolean(), expires_at: Instant.nullable() })
	.meta({ id: 'PairingLink' });

export const CodeRequest = z.strictObject({
	phone_number: PhoneNumber.describe('The number of the phone that is to be linked'),
});

export const Code = z
	.object({
		code: z.string().describe('Eight characters to type into the phone'),
		expires_at: Instant,
	})
	.meta({ id: 'PairingCode' });

const common = { tags: ['Instances'], params: InstanceParams };

/** `/v1/instances/:instance_id/pairing-link` and `/pair-code`: linking a phone without a QR code. */
export function pairingRoutes(pairing: Pairing): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/instances/:instance_id/pair-code',
			{
				config: { errors: ['instance_not_found', 'pair_code_unavailable', 'worker_at_capacity'] },
				schema: {
					...common,
					operationId: 'getPairingCode',
					summary: 'Get a code to type into the phone',
					description:
						'In WhatsApp: Linked devices, Link a device, Link with phone number instead. Starts an instance that was not paired yet. A new code takes the place of the one before.',
					body: CodeRequest,
					response: { 200: Code },
				},
			},
			async ({ scope, params, body }) => {
				const { instance_id: id } = params;
				const { code, expiresAt } = await pairing.pairCode(scope, id, body.phone_number);
				return { code, expires_at: toInstant(expiresAt) };
			},
		);

		app.post(
			'/instances/:instance_id/pairing-link',
			{
				config: { errors: ['instance_not_found', 'invalid_transition'] },
				schema: {
					...common,
					operationId: 'createPairingLink',
					summary: 'Make a link to a page for pairing',
					description:
						'The page shows the QR code, or a code to type, until a phone is linked. The link works once, for 30 minutes and without a key; the one made before it ends.',
					response: { 201: NewLink },
				},
			},
			async ({ scope, params, id }, reply) => {
				const cause = { correlationId: id };
				const { url, expiresAt } = await pairing.links.create(scope, params.instance_id, cause);
				return reply.code(201).send({ url, expires_at: toInstant(expiresAt) });
			},
		);

		app.get(
			'/instances/:instance_id/pairing-link',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'getPairingLink',
					summary: 'See whether there is a pairing link',
					response: { 200: Link },
				},
			},
			async ({ scope, params }) => {
				const link = await pairing.links.find(scope, params.instance_id);
				return { active: link !== undefined, expires_at: link ? toInstant(link.expiresAt) : null };
			},
		);

		app.delete(
			'/instances/:instance_id/pairing-link',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'revokePairingLink',
					summary: 'End the pairing link',
					response: { 204: z.undefined().describe('There is no link now') },
				},
			},
			async ({ scope, params, id }, reply) => {
				await pairing.links.revoke(scope, params.instance_id, { correlationId: id });
				return reply.code(204).send();
			},
		);
		done();
	};
}
