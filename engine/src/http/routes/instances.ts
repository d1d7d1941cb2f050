import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Instances } from '../../app/instances.ts';
import type { Instance } from '../../app/ports.ts';
import { CONTRACT_STATUS, SESSION_STATUS, type InstanceState } from '../../domain/instance.ts';
import { pageOf, paging, toPage, toPageAnswer } from '../paging.ts';
import { id, Instant, InstanceParams, text, toInstant, toInstantOrNull } from '../schemas.ts';

const MAX_METADATA_BYTES = 16 * 1024;
/** Deeper ones would overflow the stack where they are written as JSON again. */
const MAX_METADATA_DEPTH = 32;

const STATES = [
	'pending',
	'starting',
	'qr',
	'connected',
	'reconnecting',
	'stopped',
	'logged_out',
	'failed',
] as const satisfies readonly InstanceState[];

const Name = text(100).describe('A label for people; need not be unique');

const Metadata = z
	.record(z.string(), z.unknown())
	.refine((value) => nestsAtMost(MAX_METADATA_DEPTH, value), {
		error: `must not nest deeper than ${MAX_METADATA_DEPTH} levels`,
		abort: true,
	})
	.refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
		error: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
	})
	.describe('Whatever the caller wants to keep with the instance, up to 16 KiB of JSON');

const NewInstance = z.strictObject({ name: Name, metadata: Metadata.optional() });

const InstanceChange = z.strictObject({ name: Name.optional(), metadata: Metadata.optional() });

const InstanceList = z.strictObject(paging('inst'));

const InstanceJson = z
	.object({
		id: id('inst'),
		customer_id: id('cust'),
		name: z.string(),
		mode: z.enum(['live', 'test']),
		phone_number: z.string().nullable().describe('Of the linked account, digits only'),
		status: z.enum([...new Set(Object.values(CONTRACT_STATUS))]),
		state: z.enum(STATES).describe('The same as `status`, in more detail'),
		session_status: z.enum([...new Set(Object.values(SESSION_STATUS))]).describe("In Wawp's words"),
		status_reason: z.string().nullable(),
		status_since: Instant,
		restricted_until: Instant.nullable().describe('Until when WhatsApp throttles the account'),
		last_seen_at: Instant.nullable(),
		metadata: z.record(z.string(), z.unknown()),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'Instance' });

const common = { tags: ['Instances'] };

/** `/v1/instances`: create, read, change and remove instances, start and stop their sessions. */
export function instanceRoutes(instances: Instances): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		app.post(
			'/instances',
			{
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
				reply.code(201).send(toJson(await instances.create(request.scope, request.body))),
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
				toPageAnswer(await instances.list(scope, toPage(query)), query, toJson),
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
			async ({ scope, params }) => toJson(await instances.get(scope, params.instance_id)),
		);

		app.patch(
			'/instances/:instance_id',
			{
				config: { errors: ['instance_not_found'] },
				schema: {
					...common,
					operationId: 'changeInstance',
					summary: 'Change the name or the metadata',
					description: 'What is left out stays; metadata is replaced as a whole.',
					params: InstanceParams,
					body: InstanceChange,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params, body }) =>
				toJson(await instances.change(scope, params.instance_id, body)),
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

		app.post(
			'/instances/:instance_id/start',
			{
				config: { errors: ['instance_not_found', 'worker_at_capacity'] },
				schema: {
					...common,
					operationId: 'startInstance',
					summary: 'Start the session',
					description: 'Changes nothing when it runs already.',
					params: InstanceParams,
					response: { 200: InstanceJson },
				},
			},
			async ({ scope, params }) => toJson(await instances.start(scope, params.instance_id)),
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
			async ({ scope, params }) => toJson(await instances.stop(scope, params.instance_id)),
		);
		done();
	};
}

function toJson(instance: Instance): z.output<typeof InstanceJson> {
	const { state, reason } = instance.status;
	return {
		id: instance.id,
		customer_id: instance.customerId,
		name: instance.name,
		mode: instance.mode,
		phone_number: instance.account?.phoneNumber ?? null,
		status: CONTRACT_STATUS[state],
		state,
		session_status: SESSION_STATUS[state],
		status_reason: reason,
		status_since: toInstant(instance.statusSince),
		restricted_until: null,
		last_seen_at: toInstantOrNull(instance.lastSeenAt),
		metadata: instance.metadata,
		created_at: toInstant(instance.createdAt),
		updated_at: toInstant(instance.updatedAt),
	};
}

function nestsAtMost(depth: number, value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return true;
	return depth > 0 && Object.values(value).every((inner) => nestsAtMost(depth - 1, inner));
}
