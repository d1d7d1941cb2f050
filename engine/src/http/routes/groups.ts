import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Groups } from '../../app/groups.ts';
import { GroupName, STATES } from '../instance-json.ts';
import { id, text, TextBody } from '../schemas.ts';

const GroupParams = z.object({ group: GroupName });

const GroupJson = z
	.object({
		name: z.string(),
		instances: z.array(
			z.object({
				id: id('inst'),
				name: z.string(),
				priority: z.number(),
				state: z.enum(STATES),
			}),
		),
	})
	.meta({ id: 'Group' });

const NewMessage = z.strictObject({
	to: text(100).describe('A phone number with its country code, or the JID of a chat'),
	body: TextBody,
	client_ref: text(255).optional().describe("The caller's own name for it, repeated in its events"),
});

const Accepted = z.object({
	message_id: id('msg'),
	instance_id: id('inst').describe('The one that sends it'),
	client_ref: z.string().nullable(),
	status: z.literal('queued'),
});

const common = { tags: ['Groups'] };

/** `/v1/groups/:group`: instances that stand in for each other. */
export function groupRoutes(groups: Groups): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.get(
			'/groups/:group',
			{
				config: { errors: ['group_not_found'] },
				schema: {
					...common,
					operationId: 'getGroup',
					summary: 'Get the instances of a group',
					description: 'In the order in which they stand in for each other.',
					params: GroupParams,
					response: { 200: GroupJson },
				},
			},
			async ({ scope, params }) => ({
				name: params.group,
				instances: (await groups.members(scope, params.group)).map(
					({ id: instanceId, name, priority, status }) => ({
						id: instanceId,
						name,
						priority,
						state: status.state,
					}),
				),
			}),
		);

		app.post(
			'/groups/:group/messages',
			{
				config: { errors: ['group_not_found', 'group_unavailable'] },
				schema: {
					...common,
					operationId: 'sendGroupMessage',
					summary: 'Send a message through a group',
					description: 'Through the first instance that is connected, by priority.',
					params: GroupParams,
					body: NewMessage,
					response: { 202: Accepted },
				},
			},
			async ({ id: correlationId, scope, params, body: { to, body, client_ref } }, reply) => {
				const message = await groups.send(scope, params.group, {
					to,
					text: body.text,
					clientRef: client_ref,
					correlationId,
				});
				return reply.code(202).send({
					message_id: message.id,
					instance_id: message.instanceId,
					client_ref: message.clientRef,
					status: 'queued',
				});
			},
		);
		done();
	};
}
