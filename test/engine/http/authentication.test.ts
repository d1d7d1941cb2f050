import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, NOBODY } from './api.ts';

describe('Authentication', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it.each([
		['no header', undefined, 'auth_missing'],
		['an empty header', '', 'auth_missing'],
		['a key alone', 'zpk_test_abc', 'auth_malformed'],
		['another scheme', 'Basic dXNlcjpwYXNz', 'auth_malformed'],
		['no key', 'Bearer ', 'auth_malformed'],
		['a short key', 'Bearer zpk_test_abc', 'auth_malformed'],
		['a key of another kind', `Bearer sk_live_${'a'.repeat(43)}`, 'auth_malformed'],
		['two keys', `Bearer zpk_test_${'a'.repeat(43)} zpk_test_x`, 'auth_malformed'],
		['a long header', `Bearer zpk_test_${'a'.repeat(10_000)}`, 'auth_malformed'],
		['a key that nobody has', `Bearer zpk_test_${'a'.repeat(43)}`, 'auth_invalid'],
	])('answers %s with 401', async (_, authorization, code) => {
		const headers: Record<string, string> = authorization === undefined ? {} : { authorization };

		const answer = await api.call('GET', '/v1/instances', { key: null, headers });

		expect(answer).toMatchObject({ status: 401, json: { error: { code } } });
		expect(answer.headers['www-authenticate']).toBe('Bearer');
	});

	it('takes a key with the other mode in its name for one that nobody has', async () => {
		const key = api.keys.live.replace('zpk_live_', 'zpk_test_');

		const answer = await api.call('GET', '/v1/instances', { key });

		expect(answer).toMatchObject({ status: 401, json: { error: { code: 'auth_invalid' } } });
	});

	it('accepts the scheme in any case', async () => {
		const headers = { authorization: `bearer ${api.keys.test}` };

		expect(await api.call('GET', '/v1/instances', { key: null, headers })).toMatchObject({
			status: 200,
		});
	});

	it('comes before everything else under /v1', async () => {
		const raw = '{"broken';

		expect(await api.call('GET', '/v1/no/such/path', { key: null })).toMatchObject({ status: 401 });
		expect(await api.call('POST', '/v1/instances', { key: null, raw })).toMatchObject({
			status: 401,
		});
	});

	it.each(['/healthz', '/readyz', '/openapi.json'])('is not needed for %s', async (path) => {
		expect(await api.call('GET', path, { key: null })).toMatchObject({ status: 200 });
	});

	describe('hides the objects of another customer', () => {
		let instance: string;
		let endpoint: string;
		let message: string;
		let delivery: string;

		beforeAll(async () => {
			instance = await api.newInstance();
			endpoint = await api.newEndpoint();
			message = await sendMessage(instance);
			delivery = await addDelivery(instance);
		});

		it.each([
			['GET', () => `/v1/instances/${instance}`, 'instance_not_found'],
			['PATCH', () => `/v1/instances/${instance}`, 'instance_not_found'],
			['DELETE', () => `/v1/instances/${instance}`, 'instance_not_found'],
			['POST', () => `/v1/instances/${instance}/start`, 'instance_not_found'],
			['POST', () => `/v1/instances/${instance}/stop`, 'instance_not_found'],
			['GET', () => `/v1/instances/${instance}/qr`, 'instance_not_found'],
			['GET', () => `/v1/instances/${instance}/messages/${message}`, 'instance_not_found'],
			['GET', () => `/v1/webhook-endpoints/${endpoint}`, 'endpoint_not_found'],
			['DELETE', () => `/v1/webhook-endpoints/${endpoint}`, 'endpoint_not_found'],
			['GET', () => `/v1/webhook-deliveries/${delivery}`, 'delivery_not_found'],
			['GET', () => `/v1/webhook-deliveries?instance_id=${instance}`, 'instance_not_found'],
			['POST', () => `/v1/sandbox/instances/${instance}/scan`, 'instance_not_found'],
			['GET', () => `/v1/sandbox/instances/${instance}/outbox`, 'instance_not_found'],
		])('%s, case %#', async (method, url, code) => {
			const body = method === 'PATCH' ? { body: { name: 'mine' } } : {};

			const theirs = await api.call(method, url(), { key: api.keys.stranger, ...body });

			expect(theirs).toMatchObject({ status: 404, json: { error: { code } } });
		});

		it('from messages and endpoints that would name their instance', async () => {
			const key = api.keys.stranger;
			const text = { to: '5511999999999', body: { type: 'text', text: 'Hi' } };
			const hook = {
				url: 'https://example.com/',
				events: ['qr.updated'],
				instance_id: instance,
			};

			const sent = await api.call('POST', `/v1/instances/${instance}/messages`, {
				key,
				body: text,
			});
			const subscribed = await api.call('POST', '/v1/webhook-endpoints', { key, body: hook });

			expect(sent).toMatchObject({ status: 404 });
			expect(subscribed).toMatchObject({ status: 404 });
		});

		it('from lists', async () => {
			for (const path of ['instances', 'webhook-endpoints', 'webhook-deliveries']) {
				const ours = await api.call('GET', `/v1/${path}`);
				const theirs = await api.call('GET', `/v1/${path}`, { key: api.keys.stranger });

				expect(ours.json.data).not.toEqual([]);
				expect(theirs.json).toEqual({ data: [], next_cursor: null });
			}
		});

		it('and live objects from a test key, as test objects from a live key', async () => {
			const live = await api.newInstance(api.keys.live);

			expect(await api.call('GET', `/v1/instances/${live}`)).toMatchObject({ status: 404 });
			expect(
				await api.call('GET', `/v1/instances/${instance}`, { key: api.keys.live }),
			).toMatchObject({ status: 404 });
			const { json } = await api.call('GET', '/v1/instances', { key: api.keys.live });
			expect(json.data).toMatchObject([{ id: live, mode: 'live' }]);
		});

		it('and has left everything as it was', async () => {
			expect(await api.call('GET', `/v1/instances/${instance}`)).toMatchObject({
				json: { name: 'shop', state: 'pending' },
			});
			expect(await api.call('GET', `/v1/webhook-endpoints/${endpoint}`)).toMatchObject({
				status: 200,
			});
		});
	});

	it('opens the sandbox to test keys only', async () => {
		const key = api.keys.live;
		const id = await api.newInstance(key);
		const url = `/v1/sandbox/instances/${id}`;
		const refused = { status: 403, json: { error: { code: 'test_key_required' } } };

		expect(await api.call('POST', `${url}/scan`, { key })).toMatchObject(refused);
		expect(await api.call('GET', `${url}/outbox`, { key })).toMatchObject(refused);
		expect(await api.call('POST', `${url}/fault`, { key, body: { kind: 'banned' } })).toMatchObject(
			refused,
		);
		expect(
			await api.call('POST', `/v1/sandbox/instances/inst_${NOBODY}/scan`, { key }),
		).toMatchObject(refused);
	});

	async function sendMessage(instance: string): Promise<string> {
		const body = { to: '5511999999999', body: { type: 'text', text: 'Hi' } };
		const { json } = await api.call('POST', `/v1/instances/${instance}/messages`, { body });
		return json.message_id as string;
	}

	async function addDelivery(instance: string): Promise<string> {
		await api.emitQr(instance, 1);
		const { json } = await api.call('GET', '/v1/webhook-deliveries');
		return json.data[0].id as string;
	}
});
