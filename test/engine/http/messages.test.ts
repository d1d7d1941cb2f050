import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_TEXT_LENGTH } from '../../../engine/src/domain/message.ts';
import type { InstanceId, MessageId } from '../../../engine/src/domain/ids.ts';
import { Api, NOBODY } from './api.ts';

describe('/v1/instances/:instance_id/messages', () => {
	let api: Api;
	let instance: string;

	beforeAll(async () => {
		api = await Api.open();
		instance = await api.newInstance();
	});

	afterAll(() => api.close());

	it('accepts a message for an instance that is not connected, and shows that it waits', async () => {
		const body = { to: '5511999999999', body: { type: 'text', text: 'Hi' }, client_ref: 'order 7' };

		const accepted = await send(body);

		expect(accepted.status).toBe(202);
		expect(accepted.json).toEqual({
			message_id: expect.stringMatching(/^msg_/),
			client_ref: 'order 7',
			status: 'queued',
		});
		expect((await get(accepted.json.message_id)).json).toEqual({
			message_id: accepted.json.message_id,
			instance_id: instance,
			to: '5511999999999',
			client_ref: 'order 7',
			body: { type: 'text', text: 'Hi' },
			status: 'queued',
			error: null,
			created_at: expect.stringMatching(/Z$/),
			sent_at: null,
			delivered_at: null,
			read_at: null,
			failed_at: null,
		});
	});

	it('shows how far a message has come', async () => {
		const { json } = await send(valid());
		await api.database.storage.messages.change(json.message_id, ['queued'], {
			status: 'failed',
			error: { code: 'rejected', message: 'WhatsApp refused the message.' },
			failedAt: Date.UTC(2026, 0, 1, 12),
		});

		expect((await get(json.message_id)).json).toMatchObject({
			status: 'failed',
			error: { code: 'rejected' },
			failed_at: '2026-01-01T12:00:00.000Z',
		});
	});

	it('keeps the id of the request, for the events that the message causes', async () => {
		const { json, headers } = await send(valid());

		const row = await api.database.storage.messages.find(
			instance as InstanceId,
			json.message_id as MessageId,
		);
		expect(row?.correlationId).toBe(headers['x-request-id']);
	});

	it.each(['+5511999999999', '5511999999999@s.whatsapp.net', '120363041234567890@g.us'])(
		'accepts the recipient %s',
		async (to) => {
			expect(await send({ ...valid(), to })).toMatchObject({
				status: 202,
				json: { client_ref: null },
			});
		},
	);

	it('accepts a text of the greatest length', async () => {
		const text = '😀'.repeat(MAX_TEXT_LENGTH / 2);

		expect(await send({ ...valid(), body: { type: 'text', text } })).toMatchObject({ status: 202 });
	});

	it('fails fast when it is asked to', async () => {
		expect(await send({ ...valid(), fail_fast: true })).toMatchObject({
			status: 409,
			json: { error: { code: 'not_connected', details: { state: 'pending' } } },
		});
	});

	it.each([
		['no recipient', { to: undefined }, 'to', 'is required'],
		['a name for a number', { to: 'Maria' }, 'to', 'is not a phone number'],
		['a number for text', { to: 5511999999999 }, 'to', 'must be text'],
		['no body', { body: undefined }, 'body', 'is required'],
		['text for a body', { body: 'Hi' }, 'body', 'must be an object'],
		['another type', { body: { type: 'image', text: 'a' } }, 'body.type', 'must be "text"'],
		['no text', { body: { type: 'text' } }, 'body.text', 'is required'],
		['an empty text', { body: { type: 'text', text: '' } }, 'body.text', 'must not be empty'],
		[
			'a long text',
			{ body: { type: 'text', text: 'a'.repeat(MAX_TEXT_LENGTH + 1) } },
			'body.text',
			'must be at most 65536 characters',
		],
		[
			'an unknown field in the body',
			{ body: { type: 'text', text: 'a', bold: true } },
			'body.bold',
			'is not a known field',
		],
		['an unknown field', { priority: 1 }, 'priority', 'is not a known field'],
		['text for a truth', { fail_fast: 'yes' }, 'fail_fast', 'must be true or false'],
		['a long client_ref', { client_ref: 'r'.repeat(256) }, 'client_ref', expect.any(String)],
	])('refuses %s', async (_, fault, path, message) => {
		const { status, json } = await send({ ...valid(), ...fault });

		expect(status).toBe(400);
		expect(json.error).toMatchObject({
			code: 'invalid_request',
			details: { issues: [{ path, message }] },
		});
	});

	it.each([`msg_${NOBODY}`, 'msg_1', '1', '%00'])('finds no message %s', async (id) => {
		expect(await get(id)).toMatchObject({
			status: 404,
			json: { error: { code: 'message_not_found' } },
		});
	});

	it('finds no message under another instance than its own', async () => {
		const { json } = await send(valid());
		const other = await api.newInstance();

		const answer = await api.call('GET', `/v1/instances/${other}/messages/${json.message_id}`);

		expect(answer).toMatchObject({ status: 404, json: { error: { code: 'message_not_found' } } });
	});

	function valid(): { to: string; body: unknown } {
		return { to: '5511999999999', body: { type: 'text', text: 'Hi' } };
	}

	function send(body: unknown) {
		return api.call('POST', `/v1/instances/${instance}/messages`, { body });
	}

	function get(id: string) {
		return api.call('GET', `/v1/instances/${instance}/messages/${id}`);
	}
});
