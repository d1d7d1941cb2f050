import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Instances } from '../../app/instances.ts';
import { InstanceJson, STATES, toInstanceJson } from '../instance-json.ts';
import { id, Instant, InstanceParams } from '../schemas.ts';

const common = { tags: ['Sessions'] };

const Unlinking = z.object({
	instance: InstanceJson,
	confirmed: z.boolean().describe('Whether WhatsApp confirmed that the phone no longer lists it'),
	hint: z.string().nullable(),
});

const Status = z
	.object({
		instance_id: id('inst'),
		name: z.string(),
		state: z.enum(STATES),
		status: z.string(),
		session_status: z.string(),
		status_reason: z.string().nullable(),
		status_since: Instant,
		restricted_until: Instant.nullable(),
		attempt: z.number().describe('Failed connections in a row'),
		heal: z.object({ restarts_last_hour: z.number(), exhausted: z.boolean() }),
	})
	.meta({ id: 'InstanceStatus' });

const Me = z
	.object({
		jid: z.string(),
		lid: z.string().nullable(),
		phone_number: z.string().nullable(),
		push_name: z.string().nullable(),
	})
	.meta({ id: 'Account' });

const UNCONFIRMED =
	'WhatsApp did not confirm it. Look in the phone under Settings, Linked devices, and remove it there.';

/** `/v1/instances/:instance_id/…`: the session of an instance, and the account it is linked to. */
export function sessionRoutes(instances: Instances): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/instances/:instance_id/start',
			{
				config: { errors: ['instance_not_found', 'worker_at_capacity', 'too_many_restarts'] },
				schema: {
					...common,
					operationId: 'startInstance',
					summary: 'Start the session',
					description: 'Changes nothing when it runs already.',
					params: InstanceParams,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params }) => toInstanceJson(await instances.start(scope, params.instance_id)),
		);

		app.post(
			'/instances/:instance_id/stop',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'stopInstance',
					summary: 'Stop the session',
					description: 'Keeps the link to the phone. Only a start leads out of it.',
					params: InstanceParams,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params }) => toInstanceJson(await instances.stop(scope, params.instance_id)),
		);

		app.post(
			'/instances/:instance_id/restart',
			{
				config: {
					errors: [
						'instance_not_found',
						'invalid_transition',
						'worker_at_capacity',
						'too_many_restarts',
					],
				},
				schema: {
					...common,
					operationId: 'restartInstance',
					summary: 'Restart the session',
					description: 'Closes the connection and opens a new one; the link stays.',
					params: InstanceParams,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params }) =>
				toInstanceJson(await instances.restart(scope, params.instance_id)),
		);

		app.post(
			'/instances/:instance_id/logout',
			{
				config: { errors: ['instance_not_found', 'invalid_transition'] },
				schema: {
					...common,
					operationId: 'logoutInstance',
					summary: 'Unlink the phone',
					description: 'The instance stays; it needs a new scan. Waits up to 15 s for WhatsApp.',
					params: InstanceParams,
					response: { 200: Unlinking },
				},
			},
			async ({ scope, params }) => {
				const { instance, confirmed } = await instances.logout(scope, params.instance_id);
				const hint = confirmed ? null : UNCONFIRMED;
				return { instance: toInstanceJson(instance), confirmed, hint };
			},
		);

		app.get(
			'/instances/:instance_id/status',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'getInstanceStatus',
					summary: 'Get the status of an instance',
					params: InstanceParams,
					response: { 200: Status },
				},
			},
			async ({ scope, params }) => {
				const instance = await instances.get(scope, params.instance_id);
				const { state, status, ...rest } = toInstanceJson(instance);
				const restarts = instances.restartsLastHour(instance);
				return {
					...rest,
					instance_id: instance.id,
					state,
					status,
					attempt: instance.status.attempt,
					heal: {
						restarts_last_hour: restarts,
						exhausted: state === 'failed' && restarts >= instance.heal.maxRestartsPerHour,
					},
				};
			},
		);

		app.get(
			'/instances/:instance_id/me',
			{
				config: { errors: ['instance_not_found', 'not_paired'] },
				schema: {
					...common,
					operationId: 'getInstanceAccount',
					summary: 'Get the linked WhatsApp account',
					params: InstanceParams,
					response: { 200: Me },
				},
			},
			async ({ scope, params }) => {
				const { jid, lid, phoneNumber, pushName } = await instances.me(scope, params.instance_id);
				return { jid, lid, phone_number: phoneNumber, push_name: pushName };
			},
		);
		done();
	};
}
