import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ListeningN8n } from '../support/listening-n8n';
import { SignedCalls } from '../support/signed-calls';

const n8n = new ListeningN8n();
const calls = new SignedCalls(n8n);

beforeAll(() => n8n.start());
afterAll(() => n8n.stop());

beforeEach(() => calls.begin());

describe('a message from me', () => {
	it('is ignored, and not delivered again', async () => {
		expect(await calls.deliver(calls.received({ from_me: true }))).toBe(200);
		expect(n8n.runs).toEqual([]);
	});

	it('starts the workflow when the trigger is told so', async () => {
		n8n.parameters = { ignoreFromMe: false };

		await calls.deliver(calls.received({ from_me: true }));

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('an event that tells a reason', () => {
	const filters = { reasons: ['logged_out', 'banned'] };

	it.each([
		['instance.disconnected', 'logged_out', 1],
		['instance.disconnected', 'connection_lost', 0],
		['instance.failed', 'banned', 1],
		['instance.failed', 'server_error', 0],
		['session.status', 'logged_out', 1],
		['session.status', null, 0],
		['instance.healed', 'server_error', 1],
	])('%s with %s starts the workflow %d times when others are filtered out', async (...given) => {
		const [event, reason, runs] = given;
		n8n.parameters = { events: [event], filters };

		expect(await calls.deliver(calls.eventOf(event, { reason }))).toBe(200);
		expect(n8n.runs).toHaveLength(runs);
	});

	it('starts the workflow whatever it is when no reason was chosen', async () => {
		n8n.parameters = { events: ['instance.failed'], filters: { reasons: [] } };

		await calls.deliver(calls.eventOf('instance.failed', { reason: 'server_error' }));

		expect(n8n.runs).toHaveLength(1);
	});

	it('is not asked for it when it was chosen for an event that is no longer', async () => {
		n8n.parameters = { events: ['message.received'], filters };

		await calls.deliver(calls.received());

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('an alert that an account needs attention', () => {
	it.each([
		[1, 0],
		[2, 1],
		[7, 1],
	])('of level %d starts the workflow %d times from level 2 on', async (level, runs) => {
		n8n.parameters = { events: ['instance.needs_attention'], filters: { minimumLevel: 2 } };

		const status = await calls.deliver(
			calls.eventOf('instance.needs_attention', { state: 'qr', level }),
		);

		expect(status).toBe(200);
		expect(n8n.runs).toHaveLength(runs);
	});

	it('of any level starts the workflow unless told otherwise', async () => {
		n8n.parameters = { events: ['instance.needs_attention'] };

		await calls.deliver(calls.eventOf('instance.needs_attention', { state: 'qr', level: 1 }));

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('a message of a chat', () => {
	it.each([
		['direct', {}, 1],
		['group', {}, 1],
		['status', {}, 0],
		['newsletter', {}, 0],
		['direct', { chats: 'direct_only' }, 1],
		['group', { chats: 'direct_only' }, 0],
		['direct', { chats: 'groups_only' }, 0],
		['group', { chats: 'groups_only' }, 1],
		['status', { options: { ignoreStatuses: false } }, 1],
		['newsletter', { options: { ignoreNewsletters: false } }, 1],
		[undefined, { chats: 'groups_only' }, 1],
	])('of type %s, with %j, starts the workflow %d times', async (chat_type, parameters, runs) => {
		n8n.parameters = parameters;

		expect(await calls.deliver(calls.received({ chat_type }))).toBe(200);
		expect(n8n.runs).toHaveLength(runs);
	});

	it('is filtered by the engine alone where a message was sent, not received', async () => {
		n8n.parameters = { events: ['message.sent'], chats: 'groups_only' };

		await calls.deliver(calls.eventOf('message.sent', { chat_type: 'direct' }));

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('a test of the endpoint', () => {
	const data = { endpoint_id: 'wh_1', message: 'It works.' };

	it('is accepted and starts nothing', async () => {
		n8n.parameters = { events: ['*'] };

		expect(await calls.deliver(calls.eventOf('webhook.test', data))).toBe(200);
		expect(n8n.runs).toEqual([]);
	});

	it('is refused when it is forged', async () => {
		const response = await calls.post(calls.eventOf('webhook.test', data), { secret: 'whsec_no' });

		expect(response.status).toBe(401);
	});

	it('shows up where somebody listens for a test event', async () => {
		n8n.isTest = true;

		await calls.deliver(calls.eventOf('webhook.test', data));

		expect(n8n.runs[0]?.[0]).toMatchObject({ event: 'webhook.test', ...data });
	});
});

describe('with all events chosen, those of one kind', () => {
	it.each([
		['instance.disconnected', { reason: 'server_error' }, 0],
		['instance.disconnected', { reason: 'banned' }, 1],
		['instance.needs_attention', { level: 1 }, 0],
		['message.received', { from_me: true }, 0],
		['endpoint.disabled', { reason: 'gone' }, 1],
	])('such as %s with %j start the workflow %d times', async (event, data, runs) => {
		n8n.parameters = { events: ['*'], filters: { reasons: ['banned'], minimumLevel: 2 } };

		await calls.deliver(calls.eventOf(event, data));

		expect(n8n.runs).toHaveLength(runs);
	});
});
