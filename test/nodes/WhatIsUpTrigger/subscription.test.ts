import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IDataObject } from 'n8n-workflow';
import { refused } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import { hookOf, only, TEST_URL, trigger, WEBHOOK_URL } from '../support/hooked-trigger';
import { staticDataOf } from '../support/n8n-context';

const ROTATED_AT = '2026-01-01T12:00:00.000Z';

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

describe('activation', () => {
	it('registers an endpoint for all instances, with a secret of its own', async () => {
		const staticData = staticDataOf();

		await create.call(context({ staticData }));

		expect(engine.lastRequest?.body).toEqual({
			url: WEBHOOK_URL,
			events: ['message.received'],
			description: 'n8n: Answer messages',
			chat_type_filter: 'all',
			ignore_from_me: true,
			ignore_newsletters: true,
			ignore_status: true,
			max_age_seconds: null,
			max_per_second: null,
			ordered: true,
			signing_secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
		});
		expect(staticData).toMatchObject({
			endpointId: engine.endpoints[0]?.id,
			url: WEBHOOK_URL,
			secret: engine.lastRequest?.body.signing_secret,
		});
	});

	it('makes a new secret every time', async () => {
		await create.call(context());
		const first = engine.lastRequest?.body.signing_secret;
		await create.call(context());

		expect(engine.lastRequest?.body.signing_secret).not.toBe(first);
	});

	it('registers the chosen events of the chosen instance', async () => {
		const { id } = engine.addInstance();
		const parameters = { events: ['qr.updated', 'message.sent'], ...only(id) };

		await create.call(context({ parameters }));

		expect(engine.lastRequest?.body).toMatchObject({
			events: ['qr.updated', 'message.sent'],
			instance_id: id,
		});
	});

	it('registers several instances, and all events by one name', async () => {
		const parameters = {
			events: ['message.received', '*'],
			listenTo: 'someInstances',
			instances: ['inst_1', 'inst_2'],
		};

		await create.call(context({ parameters }));

		expect(engine.lastRequest?.body).toMatchObject({
			events: ['*'],
			instance_ids: ['inst_1', 'inst_2'],
		});
	});

	it('tells the engine what to leave out, how late is too late and how fast is too fast', async () => {
		const parameters = {
			ignoreFromMe: false,
			chats: 'direct_only',
			options: {
				ignoreNewsletters: false,
				ignoreStatuses: false,
				maxAge: 600,
				maxPerSecond: 5,
				ordered: false,
			},
		};

		await create.call(context({ parameters }));

		expect(engine.lastRequest?.body).toMatchObject({
			chat_type_filter: 'direct_only',
			ignore_from_me: false,
			ignore_newsletters: false,
			ignore_status: false,
			max_age_seconds: 600,
			max_per_second: 5,
			ordered: false,
		});
	});

	it('wants what the account writes itself where only other events were chosen', async () => {
		await create.call(context({ parameters: { events: ['instance.failed'] } }));

		expect(engine.lastRequest?.body).toMatchObject({ ignore_from_me: false });
	});

	it.each([
		['Answer messages', false, 'n8n: Answer messages'],
		['Answer messages', true, 'n8n: Answer messages (test)'],
		['', false, 'n8n: workflow'],
		['long'.repeat(50), true, expect.stringMatching(/^n8n: (long){28}lon \(test\)$/)],
	])('is found in lists by the name of the workflow: %s', async (workflowName, isTest, words) => {
		await create.call(context({ workflowName, isTest }));

		expect(engine.lastRequest?.body).toMatchObject({ description: words });
	});

	it('removes what an n8n that was killed has left at its URL, and nothing else', async () => {
		engine.addEndpoint({ url: WEBHOOK_URL });
		const other = engine.addEndpoint({ url: 'https://example.com/another' });
		engine.addEndpoint({ url: WEBHOOK_URL });

		await create.call(context());

		expect(engine.endpoints.map(({ id, url }) => [id === other.id, url])).toEqual([
			[false, WEBHOOK_URL],
			[true, 'https://example.com/another'],
		]);
	});

	it('fails with the hint of the engine when the engine refuses the URL', async () => {
		engine.overrides.push({ status: 200, body: { data: [], next_cursor: null } });
		engine.overrides.push(refused(422, 'url_not_allowed', { host: '127.0.0.1' }));

		await expect(create.call(context())).rejects.toMatchObject({
			message: 'Message of url_not_allowed.',
			description: expect.stringContaining('Hint of url_not_allowed.'),
			httpCode: '422',
		});
	});

	it.each([
		[{ events: [] }, 'No event is chosen'],
		[only(''), 'No instance is chosen'],
	])('fails with %j', async (parameters, message) => {
		await expect(create.call(context({ parameters }))).rejects.toMatchObject({ message });
		expect(engine.requests).toEqual([]);
	});
});

describe('the check before activation', () => {
	it('finds what was registered', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));

		expect(await checkExists.call(context({ staticData }))).toBe(true);
	});

	it('finds it on a server that shows neither the chats nor when the secret was rotated', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		changeEndpoint({ chat_type_filter: undefined, secret_rotated_at: undefined });

		expect(await checkExists.call(context({ staticData }))).toBe(true);
	});

	it('finds nothing when nothing was stored', async () => {
		expect(await checkExists.call(context())).toBe(false);
		expect(engine.requests).toEqual([]);
	});

	it.each([
		['was removed', () => void engine.endpoints.pop()],
		['was disabled', () => changeEndpoint({ enabled: false })],
		['is about to be removed', () => changeEndpoint({ delete_at: '2026-01-01T12:00:00.000Z' })],
		['has another URL', () => changeEndpoint({ url: 'https://example.com' })],
		['is for one instance only', () => changeEndpoint({ instance_id: 'inst_1' })],
		['is for some instances only', () => changeEndpoint({ instance_ids: ['inst_1', 'inst_2'] })],
		['has fewer events', () => changeEndpoint({ events: [] })],
		['is for groups only', () => changeEndpoint({ chat_type_filter: 'groups_only' })],
		['has another secret by now', () => changeEndpoint({ secret_rotated_at: ROTATED_AT })],
		['has other events', () => changeEndpoint({ events: ['qr.updated'] })],
	])('finds nothing when the endpoint %s', async (_, change) => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		change();

		expect(await checkExists.call(context({ staticData }))).toBe(false);
	});

	it('fails when the engine cannot tell', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		engine.overrides.push(refused(500, 'internal_error'));

		await expect(checkExists.call(context({ staticData }))).rejects.toMatchObject({
			httpCode: '500',
		});
	});
});

describe('deactivation', () => {
	it('has the endpoint removed a little later, and keeps what finds it again', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		const before = structuredClone({ ...staticData });

		await remove.call(context({ staticData }));

		const leftMs = Date.parse(String(engine.endpoints[0]?.delete_at)) - Date.now();
		expect(leftMs).toBeGreaterThan(5_000);
		expect(leftMs).toBeLessThanOrEqual(15_000);
		expect(staticData).toEqual(before);
	});

	it('removes the endpoint at once after listening for a test event, and all that was stored', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData, webhookUrl: TEST_URL, isTest: true }));

		await remove.call(context({ staticData, webhookUrl: TEST_URL }));

		expect(engine.endpoints).toEqual([]);
		expect(Object.keys(staticData)).toEqual([]);
	});

	it('removes the endpoint at once where the server knows no notice', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		engine.webhooks.notice = 'refused';

		await remove.call(context({ staticData }));

		expect(engine.endpoints).toEqual([]);
		expect(Object.keys(staticData)).toEqual([]);
	});

	it('is content when the endpoint is gone already', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		engine.endpoints.length = 0;

		expect(await remove.call(context({ staticData }))).toBe(true);
	});

	it('is content when nothing was stored', async () => {
		expect(await remove.call(context())).toBe(true);
	});

	it('fails and keeps what is stored when the engine does not answer', async () => {
		const staticData = staticDataOf();
		await create.call(context({ staticData }));
		engine.overrides.push(refused(503, 'shutting_down'));

		await expect(remove.call(context({ staticData }))).rejects.toMatchObject({ httpCode: '503' });
		expect(staticData).toHaveProperty('endpointId');
	});
});

it('listens for a test event beside the active workflow, without displacing it', async () => {
	const active = staticDataOf();
	await create.call(context({ staticData: active }));
	const testing = staticDataOf();
	await create.call(context({ staticData: testing, webhookUrl: TEST_URL, isTest: true }));

	const urls = engine.endpoints.map(({ url }) => url);
	await remove.call(context({ staticData: testing, webhookUrl: TEST_URL }));

	expect(urls).toEqual([TEST_URL, WEBHOOK_URL]);
	expect(await checkExists.call(context({ staticData: active }))).toBe(true);
});

function context(given: Parameters<typeof hookOf>[1] = {}) {
	return hookOf(engine, given);
}

function changeEndpoint(change: IDataObject): void {
	Object.assign(engine.endpoints[0]!, change);
}
