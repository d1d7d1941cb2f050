import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { arrivalsOf } from '../../../nodes/WhatIsUpTrigger/arrivals';
import { refused } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import { hookOf, only, trigger, WEBHOOK_URL } from '../support/hooked-trigger';
import { staticDataOf } from '../support/n8n-context';

const engine = new ContractServer();
const { checkExists, create, delete: remove } = trigger.webhookMethods.default;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.endpoints.length = 0;
	engine.requests.length = 0;
	engine.webhooks.unknownFields.length = 0;
	engine.webhooks.notice = 'given';
});

describe('a server that does not know all fields', () => {
	const core = { url: WEBHOOK_URL, events: ['message.received'] };

	it('gets those that every version knows', async () => {
		engine.webhooks.unknownFields.push('description', 'ignore_status', 'ordered');

		await create.call(context());

		expect(engine.lastRequest?.body).toEqual({
			...core,
			signing_secret: expect.stringMatching(/^whsec_/),
		});
		expect(engine.endpoints).toHaveLength(1);
	});

	it('is not asked for less than the chosen chats', async () => {
		engine.webhooks.unknownFields.push('description');

		await create.call(context({ parameters: { chats: 'groups_only' } }));

		expect(engine.lastRequest?.body).toMatchObject({ ...core, chat_type_filter: 'groups_only' });
	});

	it('may say so in words of its own', async () => {
		engine.overrides.push({ status: 200, body: { data: [], next_cursor: null } });
		engine.overrides.push({ status: 422, body: { message: 'property ordered should not exist' } });

		await create.call(context());

		expect(engine.endpoints).toMatchObject([core]);
	});

	it('keeps what was registered when the settings change', async () => {
		const staticData = staticDataOf();
		engine.webhooks.unknownFields.push('ordered');
		await create.call(context({ staticData }));
		const { endpointId } = staticData;

		await create.call(context({ staticData, parameters: { events: ['qr.updated'] } }));

		expect(engine.endpoints).toMatchObject([{ id: endpointId, events: ['qr.updated'] }]);
	});

	it('hears that all chats are wanted again', async () => {
		const staticData = staticDataOf();
		engine.webhooks.unknownFields.push('ordered');
		await create.call(context({ staticData, parameters: { chats: 'groups_only' } }));
		const { endpointId } = staticData;

		await create.call(context({ staticData }));

		expect(engine.endpoints).toMatchObject([{ id: endpointId, chat_type_filter: 'all' }]);
	});

	it('not even the chats, is content with a change of the rest', async () => {
		const staticData = staticDataOf();
		engine.webhooks.unknownFields.push('ordered', 'chat_type_filter');
		await create.call(context({ staticData }));

		await create.call(context({ staticData, parameters: { events: ['qr.updated'] } }));

		expect(engine.endpoints).toMatchObject([{ events: ['qr.updated'] }]);
		expect(engine.endpoints[0]).not.toHaveProperty('chat_type_filter');
	});

	it('that cannot change an endpoint gets a new one in its place', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		engine.overrides.push({ status: 405, body: {} });

		await create.call(context({ staticData, parameters: { events: ['qr.updated'] } }));

		expect(engine.endpoints).toMatchObject([{ events: ['qr.updated'] }]);
		expect(staticData.endpointId).toBe(engine.endpoints[0]?.id);
	});

	it('does not pass over a value that the engine refuses', async () => {
		const issues = [{ path: 'max_age_seconds', message: 'must be at most 2592000' }];
		engine.overrides.push({ status: 200, body: { data: [], next_cursor: null } });
		engine.overrides.push(refused(400, 'invalid_request', { issues }));

		await expect(create.call(context())).rejects.toMatchObject({ httpCode: '400' });
		expect(engine.endpoints).toEqual([]);
	});
});

describe('settings that changed', () => {
	it.each<[string, INodeParameters]>([
		['the events', { events: ['message.received', 'message.sent'] }],
		['the instance', only('inst_1')],
		['the chats', { chats: 'direct_only' }],
		['whether to ignore what the account writes itself', { ignoreFromMe: false }],
		['the greatest age', { options: { maxAge: 60 } }],
		['the order', { options: { ordered: false } }],
	])('such as %s change the endpoint, which keeps its secret', async (_, parameters) => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const { endpointId, secret } = staticData;

		const before = await checkExists.call(context({ staticData, parameters }));
		await create.call(context({ staticData, parameters }));

		expect([before, await checkExists.call(context({ staticData, parameters }))]).toEqual([
			false,
			true,
		]);
		expect(engine.endpoints.map(({ id }) => id)).toEqual([endpointId]);
		expect(staticData).toMatchObject({ endpointId, secret });
	});

	it('back to their defaults take the limits away again', async () => {
		const staticData = staticDataOf();
		const parameters = { ...only('inst_1'), options: { maxAge: 60 } };
		await create.call(context({ staticData, parameters }));

		await create.call(context({ staticData }));

		expect(engine.endpoints).toMatchObject([{ instance_ids: [], max_age_seconds: null }]);
	});

	it('of n8n, such as its URL, change the endpoint as well', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData, webhookUrl: 'http://old.example/webhook/0d8f' }));
		const { endpointId } = staticData;

		const exists = await checkExists.call(context({ staticData }));
		await create.call(context({ staticData }));

		expect(exists).toBe(false);
		expect(engine.endpoints).toMatchObject([{ id: endpointId, url: WEBHOOK_URL }]);
		expect(staticData).toMatchObject({ url: WEBHOOK_URL });
	});

	it('enable what was disabled meanwhile', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		changeEndpoint({ enabled: false });

		await create.call(context({ staticData }));

		expect(engine.endpoints).toMatchObject([{ id: staticData.endpointId, enabled: true }]);
	});

	it('make a new endpoint where the old one is gone', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const { endpointId } = staticData;
		engine.endpoints.length = 0;

		await create.call(context({ staticData }));

		expect(engine.endpoints).toHaveLength(1);
		expect(staticData.endpointId).not.toBe(endpointId);
	});

	it('let no recorded call of the old endpoint run while n8n has yet to save the new one', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const endpointId = String(staticData.endpointId);
		const call = { eventId: 'evt_recorded', signedAt: Math.floor(Date.now() / 1000) };
		arrivalsOf(endpointId).admit(call);
		engine.endpoints.length = 0;

		await create.call(context({ staticData }));

		expect(arrivalsOf(endpointId).admit(call)).toBe('replayed');
	});

	it('leave the endpoint as it is when the new instance does not exist', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const before = structuredClone(engine.endpoints);
		engine.overrides.push(refused(404, 'instance_not_found'));

		const refusal = create.call(context({ staticData, parameters: only('inst_gone') }));

		await expect(refusal).rejects.toMatchObject({ message: 'Message of instance_not_found.' });
		expect(engine.endpoints).toEqual(before);
	});

	it('are told to the engine when a node of an earlier version registered', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		delete staticData.fingerprint;

		expect(await checkExists.call(context({ staticData }))).toBe(false);
	});
});

describe('a workflow that is published anew', () => {
	it.each<[string, INodeParameters]>([
		['changed settings', { events: ['message.received', 'qr.updated'] }],
		['the same settings', {}],
	])('with %s keeps its endpoint and its secret', async (_, parameters) => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const { endpointId, secret } = staticData;

		await republish({ staticData, parameters });

		expect(engine.endpoints).toMatchObject([{ id: endpointId, delete_at: null, ...parameters }]);
		expect(staticData).toMatchObject({ endpointId, secret });
		expect(await checkExists.call(context({ staticData, parameters }))).toBe(true);
	});

	it.each(['ignored', 'refused'] as const)(
		'gets a new endpoint where a notice is %s',
		async (notice) => {
			const staticData = staticDataOf();
			await create.call(context({ staticData }));
			const { endpointId } = staticData;
			engine.webhooks.notice = notice;

			await republish({ staticData, parameters: { events: ['qr.updated'] } });

			expect(engine.endpoints).toMatchObject([{ events: ['qr.updated'] }]);
			expect(staticData.endpointId).toBe(engine.endpoints[0]?.id);
			expect(staticData.endpointId).not.toBe(endpointId);
		},
	);

	it('runs for no event that it has run for before', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const endpointId = String(staticData.endpointId);
		const event = { eventId: 'evt_1', signedAt: Math.floor(Date.now() / 1_000) };
		arrivalsOf(endpointId).admit(event);
		arrivalsOf(endpointId).settle(event.eventId, true);

		await republish({ staticData, parameters: { chats: 'direct_only' } });

		const again = { ...event, signedAt: event.signedAt + 10 };
		expect(arrivalsOf(endpointId).admit(again)).toBe('repeated');
	});

	/** What n8n does then, each time with the static data that it saved before. */
	async function republish(given: Parameters<typeof hookOf>[1]): Promise<void> {
		await remove.call(context(given));
		if (!(await checkExists.call(context(given)))) await create.call(context(given));
	}
});

function context(given: Parameters<typeof hookOf>[1] = {}) {
	return hookOf(engine, given);
}

function changeEndpoint(change: IDataObject): void {
	Object.assign(engine.endpoints[0]!, change);
}
