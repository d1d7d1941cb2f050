import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import { runOperation, TEXTLESS } from '../support/run-operation';

const engine = new ContractServer();
let second: unknown;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.messages.length = 0;
	engine.addInstance({ group: 'Support / EU', priority: 1, state: 'failed' });
	({ id: second } = engine.addInstance({ group: 'Support / EU', priority: 2, state: 'connected' }));
	engine.addInstance({ group: 'Sales', state: 'connected' });
	engine.requests.length = 0;
});

describe('Group > Send Text', () => {
	it('sends through the first account that is connected, and tells which', async () => {
		const [item] = await send({ to: '+55 11 99999-9999', message: 'Hello' });

		expect(item?.json).toMatchObject({
			message_id: engine.messages[0]?.id,
			instance_id: second,
			status: 'queued',
		});
		expect(engine.lastRequest).toMatchObject({
			path: '/v1/groups/Support%20%2F%20EU/messages',
			body: { to: '5511999999999', body: { type: 'text', text: 'Hello' } },
		});
	});

	it('sends the reference along when there is one', async () => {
		const additionalFields = { clientRef: 'order-1042' };

		await send({ to: '5511999999999', message: 'Hello', additionalFields });

		expect(engine.lastRequest?.body).toMatchObject({ client_ref: 'order-1042' });
	});

	it('fails with the state of each account when none is connected', async () => {
		for (const instance of engine.instances) instance.state = 'stopped';

		await expect(send({ to: '5511999999999', message: 'Hello' })).rejects.toMatchObject({
			httpCode: '409',
			description: expect.stringMatching(/group_unavailable.*|.*stopped/),
		});
	});

	it.each([
		[{ to: '', message: 'Hello' }, 'The recipient is empty'],
		[{ to: '5511999999999', message: '' }, 'The text is empty'],
		[{ to: '5511999999999', message: 'Hello', ...byName('') }, 'No group is chosen'],
	])('refuses %j', async (parameters, message) => {
		await expect(send(parameters)).rejects.toMatchObject({ message });
		expect(engine.requests).toEqual([]);
	});

	it.each(TEXTLESS)('sends nothing in the place of a text that is %j', async (message) => {
		await expect(send({ to: '5511999999999', message })).rejects.toMatchObject({
			message: 'The text is empty',
			description: expect.stringContaining('the node before this one'),
		});
		expect(engine.requests).toEqual([]);
	});
});

describe('Group > Get', () => {
	it('gets the accounts of a group, in their order', async () => {
		const [item] = await run('get', byName('Support / EU'));

		expect(item?.json).toMatchObject({
			name: 'Support / EU',
			instances: [{ state: 'failed' }, { id: second }],
		});
	});

	it('tells how to make a group when there is none of this name', async () => {
		await expect(run('get', byName('Marketing'))).rejects.toMatchObject({ httpCode: '404' });
	});
});

function byName(value: string): INodeParameters {
	return { group: { __rl: true, mode: 'name', value } };
}

function send(parameters: INodeParameters) {
	return run('sendText', { ...byName('Support / EU'), ...parameters });
}

function run(operation: string, parameters: INodeParameters) {
	return runOperation(engine, { resource: 'group', operation, ...parameters });
}
