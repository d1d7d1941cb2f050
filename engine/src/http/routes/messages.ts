import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Outbound } from '../../app/outbound.ts';
import type { Message } from '../../app/ports.ts';
import type { MessageStatus } from '../../domain/message.ts';
import {
	id,
	Instant,
	InstanceParams,
	text,
	TextBody,
	toInstant,
	toInstantOrNull,
} from '../schemas.ts';

const STATUSES = [
	'queued',
	'sent',
	'delivered',
	'read',
	'failed',
] as const satisfies readonly MessageStatus[];

const NewMessage = z.strictObject({
	to: text(100).describe('A phone number with its country code, or the JID of a chat'),
	body: TextBody,
	client_ref: text(255).optional().describe("The caller's own name for it, repeated in its events"),
	fail_fast: z
		.boolean()
		.optional()
		.describe('Refuse with `not_connected` instead of waiting for the instance to be connected'),
});

const Accepted = z.object({
	message_id: id('msg'),
	client_ref: z.string().nullable(),
	status: z.literal('queued'),
});

const MessageParams = InstanceParams.extend({ message_id: id('msg') });

const MessageJson = z
	.object({
		message_id: id('msg'),
		instance_id: id('inst'),
		to: z.string(),
		client_ref: z.string().nullable(),
		body: z.discriminatedUnion('type', [
			z.object({ type: z.literal('text'), text: z.string() }),
			z.object({ type: z.literal('unsupported') }),
		]),
		status: z.enum(STATUSES),
		error: z.object({ code: z.string(), message: z.string() }).nullable(),
		created_at: Instant,
		sent_at: Instant.nullable(),
		delivered_at: Instant.nullable(),
		read_at: Instant.nullable(),
		failed_at: Instant.nullable(),
	})
	.meta({ id: 'Message' });

const common = { tags: ['Messages'] };

/** `/v1/instances/:instance_id/messages`: send messages and see how far they have come. */
export function messageRoutes(outbound: Outbound): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/instances/:instance_id/messages',
			{
				config: { errors: ['instance_not_found', 'not_connected'] },
				schema: {
					...common,
					operationId: 'sendMessage',
					summary: 'Send a message',
					description:
						'Answers as soon as the message is stored. It is sent in turn, once the instance is connected.',
					params: InstanceParams,
					body: NewMessage,
					response: { 202: Accepted },
				},
			},
			async (request, reply) => {
				const { to, body, client_ref: clientRef, fail_fast: failFast } = request.body;
				const message = await outbound.accept(request.scope, request.params.instance_id, {
					to,
					text: body.text,
					clientRef,
					failFast,
					correlationId: request.id,
				});
				return reply
					.code(202)
					.send({ message_id: message.id, client_ref: message.clientRef, status: 'queued' });
			},
		);

		app.get(
			'/instances/:instance_id/messages/:message_id',
			{
				config: { errors: ['instance_not_found', 'message_not_found'] },
				schema: {
					...common,
					operationId: 'getMessage',
					summary: 'Get an outbound message',
					params: MessageParams,
					response: { 200: MessageJson },
				},
			},
			async ({ scope, params }) =>
				toJson(await outbound.get(scope, params.instance_id, params.message_id)),
		);
		done();
	};
}

function toJson(message: Message): z.output<typeof MessageJson> {
	return {
		message_id: message.id,
		instance_id: message.instanceId,
		to: message.peer,
		client_ref: message.clientRef,
		body: message.body,
		status: message.status,
		error: message.error,
		created_at: toInstant(message.createdAt),
		sent_at: toInstantOrNull(message.sentAt),
		delivered_at: toInstantOrNull(message.deliveredAt),
		read_at: toInstantOrNull(message.readAt),
		failed_at: toInstantOrNull(message.failedAt),
	};
}
