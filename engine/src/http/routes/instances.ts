import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Instances } from '../../app/instances.ts';
import {
	InstanceChange,
	InstanceJson,
	NewInstance,
	toInstanceJson,
	toSettings,
} from '../instance-json.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { InstanceParams } from '../schemas.ts';

const InstanceList = z.strictObject(paging('inst'));

const common = { tags: ['Instances'] };

/** `/v1/instances`: create, read, change and remove instances. */
export function instanceRoutes(instances: Instances): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/instances',
			{
				config: { errors: ['proxy_not_allowed', 'proxy_unreachable'] },
				schema: {
					...common,
					operationId: 'createInstance',
					summary: 'Create an instance',
					description: 'It connects to nothing until it is started or its QR code is asked for.',
					body: NewInstance,
					response: { 201: InstanceJson },
				},
			},
			async (request, reply) =>
				reply.code(201).send(
					toInstanceJson(
						await instances.create(request.scope, {
							...toSettings(request.body),
							name: request.body.name,
						}),
					),
				),
		);

		app.get(
			'/instances',
			{
				schema: {
					...common,
					operationId: 'listInstances',
					summary: 'List instances',
					querystring: InstanceList,
					response: { 200: pageOf(InstanceJson) },
				},
			},
			async ({ scope, query }) =>
				toPageAnswer(await instances.list(scope, toPage(query)), query, toInstanceJson),
		);

		app.get(
			'/instances/:instance_id',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'getInstance',
					summary: 'Get an instance',
					params: InstanceParams,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params }) => toInstanceJson(await instances.get(scope, params.instance_id)),
		);

		app.patch(
			'/instances/:instance_id',
			{
				config: { errors: ['instance_not_found', 'proxy_not_allowed', 'proxy_unreachable'] },
				schema: {
					...common,
					operationId: 'changeInstance',
					summary: 'Change the settings',
					description:
						'What is left out stays; metadata is replaced as a whole. A proxy counts from the next connection on.',
					params: InstanceParams,
					body: InstanceChange,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params, body }) =>
				toInstanceJson(await instances.change(scope, params.instance_id, toSettings(body))),
		);

		app.delete(
			'/instances/:instance_id',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'deleteInstance',
					summary: 'Delete an instance',
					description: 'Ends its session and forgets the link. Its deliveries stay in the log.',
					params: InstanceParams,
					response: { 204: z.undefined().describe('Deleted') },
				},
			},
			async ({ scope, params }, reply) => {
				await instances.remove(scope, params.instance_id);
				return reply.code(204).send();
			},
		);
		done();
	};
}
