import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/system.ts';
import { Api } from '../http/api.ts';

const CONTACT = '5511988887777';

describe('a simulated contact', () => {
	let api: Api;
	let instance: string;

	beforeAll(async () => {
		api = await Api.open();
		instance = await api.newInstance();
		await api.call('POST', `/v1/sandbox/instances/${instance}/scan`);
		await eventually(async () => {
			const { json } = await api.call('GET', `/v1/instances/${instance}`);
			return json.state === 'connected';
		});
	});

	afterAll(() => api.close());

	it.each([
		[undefined, 'direct', CONTACT, /^5511988887777@s\.whatsapp\.net$/],
		['direct', 'direct', CONTACT, /^5511988887777@s\.whatsapp\.net$/],
		['status', 'status', CONTACT, /^status@broadcast$/],
		['newsletter', 'newsletter', /^\d+@newsletter$/, /^\d+@newsletter$/],
	])('who writes as %s is received in a chat of type %s', async (as, chatType, from, chatId) => {
		const text = `as ${as}`;

		const written = await write({ text, as });

		expect(written).toMatchObject({ status: 202, json: { message_id: expect.any(String) } });
		const data = await eventually(() => received(text));
		expect(data).toMatchObject({
			from: expect.stringMatching(from),
			chat_id: expect.stringMatching(chatId),
			chat_type: chatType,
			from_me: false,
		});
	});

	it('writes nowhere else', async () => {
		expect(await write({ text: 'Hi', as: 'group' })).toMatchObject({
			status: 400,
			json: { error: { code: 'invalid_request', details: { issues: [{ path: 'as' }] } } },
		});
	});

	it.each(['status@broadcast', '120363144038483540@newsletter'])(
		'is answered in no status and no newsletter: %s is no recipient',
		async (to) => {
			const sent = await api.call('POST', `/v1/instances/${instance}/messages`, {
				body: { to, body: { type: 'text', text: 'Hi' } },
			});

			expect(sent).toMatchObject({
				status: 400,
				json: { error: { code: 'invalid_request', details: { issues: [{ path: 'to' }] } } },
			});
		},
	);

	function write({ text, as }: { text: string; as: string | undefined }) {
		return api.call('POST', `/v1/sandbox/instances/${instance}/messages`, {
			body: { from: CONTACT, body: { type: 'text', text }, as },
		});
	}

	/** What the event of the message with this text says. */
	async function received(text: string): Promise<unknown> {
		const rows = await api.database.db
			.selectFrom('events')
			.select('body')
			.where('event', '=', 'message.received')
			.execute();
		const events = rows.map(({ body }) => JSON.parse(body ?? '{}') as { data?: Received });
		return events.find(({ data }) => data?.body.text === text)?.data;
	}
});

interface Received {
	readonly body: { readonly text?: string };
}
