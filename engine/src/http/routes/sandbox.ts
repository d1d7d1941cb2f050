import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FAULT_KINDS, WRITING_PLACES, type SimulatedArrival } from '../../app/ports.ts';
import type { TestPhones } from '../../app/test-phones.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { Instant, InstanceParams, PhoneNumber, PushName, TextBody, toInstant } from '../schemas.ts';

const Scan = z.strictObject({
	phone_number: PhoneNumber.optional().describe('By default a number that nobody has'),
	push_name: PushName.optional(),
});

const Scanned = z.object({ phone_number: z.string() });

const Typed = z.strictObject({
	phone_number: PhoneNumber.describe('The number that the code was asked for with'),
	code: z.string().min(1).max(32).describe('As the instance shows it, with or without a dash'),
	push_name: PushName.optional(),
});

const Written = z.strictObject({
	from: PhoneNumber.describe('The number of the contact who writes'),
	body: TextBody,
	push_name: PushName.optional(),
	as: z
		.enum(WRITING_PLACES)
		.default('direct')
		.describe('To the instance, or where it only reads: a status, or a post in a newsletter'),
});

const Taken = z.object({ message_id: z.string().describe("WhatsApp's own id") });

const Outbox = z.object({
	data: z.array(
		z.object({
			message_id: z.string().describe("WhatsApp's own id"),
			to: z.string(),
			body: z.object({ type: z.literal('text'), text: z.string() }),
			received_at: Instant,
		}),
	),
});

const Fault = z.strictObject({ kind: z.enum(FAULT_KINDS) });

const common = { tags: ['Sandbox'], params: InstanceParams };
const ERRORS: readonly ErrorCode[] = ['instance_not_found', 'test_key_required', 'sandbox_refused'];

/** `/v1/sandbox/instances/:instance_id`: the people and the troubles of the simulated network. */
export function sandboxRoutes(phones: TestPhones): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/sandbox/instances/:instance_id/scan',
			{
				config: { errors: [...ERRORS, 'no_qr', 'worker_at_capacity'] },
				schema: {
					...common,
					operationId: 'scanQrCode',
					summary: 'Scan the QR code with a simulated phone',
					description: 'Starts the instance where need be. The body may be left out.',
					body: Scan.nullish(),
					response: { 200: Scanned },
				},
			},
			async ({ scope, params, body }) => {
				const { phoneNumber } = await phones.scan(scope, params.instance_id, {
					phoneNumber: body?.phone_number,
					pushName: body?.push_name,
				});
				return { phone_number: phoneNumber };
			},
		);

		app.post(
			'/sandbox/instances/:instance_id/enter-code',
			{
				config: { errors: ERRORS },
				schema: {
					...common,
					operationId: 'enterPairingCode',
					summary: 'Type a pairing code into a simulated phone',
					body: Typed,
					response: { 200: Scanned },
				},
			},
			async ({ scope, params, body }) => {
				const { phoneNumber } = await phones.enterCode(scope, params.instance_id, {
					phoneNumber: body.phone_number,
					code: body.code,
					pushName: body.push_name,
				});
				return { phone_number: phoneNumber };
			},
		);

		app.post(
			'/sandbox/instances/:instance_id/messages',
			{
				config: { errors: ERRORS },
				schema: {
					...common,
					operationId: 'writeToInstance',
					summary: 'Let a simulated contact write to the instance',
					body: Written,
					response: { 202: Taken },
				},
			},
			async ({ scope, params, body }, reply) => {
				const { waId } = await phones.write(scope, params.instance_id, {
					from: body.from,
					text: body.body.text,
					pushName: body.push_name,
					as: body.as,
				});
				return reply.code(202).send({ message_id: waId });
			},
		);

		app.get(
			'/sandbox/instances/:instance_id/outbox',
			{
				config: { errors: ERRORS },
				schema: {
					...common,
					operationId: 'getOutbox',
					summary: 'List what simulated contacts received from the instance',
					response: { 200: Outbox },
				},
			},
			async ({ scope, params }) => ({
				data: (await phones.outbox(scope, params.instance_id)).map(toJson),
			}),
		);

		app.post(
			'/sandbox/instances/:instance_id/fault',
			{
				config: { errors: ERRORS },
				schema: {
					...common,
					operationId: 'causeFault',
					summary: 'Let something go wrong with the connection of the instance',
					body: Fault,
					response: { 202: Fault },
				},
			},
			async ({ scope, params, body }, reply) => {
				await phones.fault(scope, params.instance_id, body.kind);
				return reply.code(202).send(body);
			},
		);
		done();
	};
}

function toJson({ waId, to, text, receivedAt }: SimulatedArrival) {
	return {
		message_id: waId,
		to,
		body: { type: 'text' as const, text },
		received_at: toInstant(receivedAt),
	};
}
