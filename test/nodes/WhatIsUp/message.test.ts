import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import { byId, runOperation, TEXTLESS } from '../support/run-operation';

const engine = new ContractServer();
let instance: string;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.requests.length = 0;
	engine.messages.length = 0;
	instance = String(engine.addInstance().id);
});

describe('Send Text', () => {
	it('sends a text and gives back the ID of the message', async () => {
		const [item] = await send({ to: '5511999999999', message: 'Olá, João 👋' });

		expect(item?.json).toMatchObject({ status: 'queued', client_ref: null });
		expect(item?.json.message_id).toBe(engine.messages[0]?.id);
		expect(engine.lastRequest?.body).toEqual({
			to: '5511999999999',
			body: { type: 'text', text: 'Olá, João 👋' },
		});
	});

	it('keeps the text as it is, blanks and line ends included', async () => {
		await send({ to: '5511999999999', message: '  two\nlines ' });

		expect(engine.lastRequest?.body.body).toEqual({ type: 'text', text: '  two\nlines ' });
	});

	it('sends the additional fields when they are given', async () => {
		const additionalFields = { clientRef: 'order-1042', failFast: true };

		await send({ to: '5511999999999', message: 'Hello', additionalFields });

		expect(engine.lastRequest?.body).toMatchObject({ client_ref: 'order-1042', fail_fast: true });
	});

	it.each([
		['+55 11 99999-9999', '5511999999999'],
		['(+55) 11 99999.9999', '5511999999999'],
		['+55\u00a011\u00a099999\u201399999', '55119999999999'],
		[' 5511999999999 ', '5511999999999'],
		[5511999999999, '5511999999999'],
		['120363012345678901@g.us', '120363012345678901@g.us'],
		['12345678901234@lid', '12345678901234@lid'],
	])('takes %s as a recipient', async (to, sent) => {
		await send({ to, message: 'Hello' });

		expect(engine.lastRequest?.body.to).toBe(sent);
	});

	it.each(['João', '5511-HELLO', '+', '12+34'])('refuses %s as a recipient', async (to) => {
		await expect(send({ to, message: 'Hello' })).rejects.toMatchObject({
			message: `"${to}" is not a phone number`,
			description: expect.stringContaining('country code'),
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});

	it.each([
		[{ to: '', message: 'Hello' }, 'The recipient is empty'],
		[{ to: '5511999999999', message: '' }, 'The text is empty'],
	])('refuses %j', async (parameters, message) => {
		await expect(send(parameters)).rejects.toMatchObject({ message });
	});

	it.each(TEXTLESS)('sends nothing in the place of a text that is %j', async (message) => {
		await expect(send({ to: '5511999999999', message })).rejects.toMatchObject({
			message: 'The text is empty',
			description: expect.stringContaining('the node before this one'),
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});

	it.each([
		[1042, '1042'],
		[0, '0'],
		[true, 'true'],
	])('writes %j as people do', async (message, text) => {
		await send({ to: '5511999999999', message });

		expect(engine.lastRequest?.body.body).toEqual({ type: 'text', text });
	});
});

describe('Get', () => {
	it('gets a message and how far it has come', async () => {
		const [sent] = await send({ to: '5511999999999', message: 'Hello' });

		const [item] = await run('get', { messageId: String(sent?.json.message_id) });

		expect(item?.json).toMatchObject({ status: 'delivered', to: '5511999999999' });
	});

	it('says so when the message ID is empty', async () => {
		await expect(run('get', { messageId: ' ' })).rejects.toMatchObject({
			message: 'The message ID is empty',
		});
	});
});

function send(parameters: INodeParameters) {
	return run('sendText', parameters);
}

function run(operation: string, parameters: INodeParameters) {
	return runOperation(engine, {
		resource: 'message',
		operation,
		...byId(instance),
		...parameters,
	});
}
