import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, NOBODY } from './api.ts';

describe('/v1/webhook-endpoints', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it('makes a signing secret and shows it this once', async () => {
		const created = await create(valid());

		expect(created.status).toBe(201);
		expect(created.headers['cache-control']).toBe('no-store');
		const { signing_secret: secret, ...endpoint } = created.json;
		expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
		expect(endpoint).toEqual({
			id: expect.stringMatching(/^wh_/),
			customer_id: api.customerId,
			instance_id: null,
			url: 'https://example.com/hook',
			events: ['message.received'],
			enabled: true,
			has_custom_signing_secret: false,
			created_at: expect.stringMatching(/Z$/),
			updated_at: endpoint.created_at,
		});
		const shown = await api.call('GET', `/v1/webhook-endpoints/${endpoint.id}`);
		const listed = await api.call('GET', '/v1/webhook-endpoints');
		expect(shown.json).toEqual(endpoint);
		expect(listed.json.data).toContainEqual(endpoint);
	});

	it('takes a secret along, an instance, and events that are named twice', async () => {
		const instance = await api.newInstance();

		const { status, json } = await create({
			...valid(),
			events: ['qr.updated', 'qr.updated', 'message.sent'],
			instance_id: instance,
			signing_secret: 'sixteen-or-more!',
			enabled: false,
		});

		expect(status).toBe(201);
		expect(json).toMatchObject({
			instance_id: instance,
			events: ['qr.updated', 'message.sent'],
			enabled: false,
			has_custom_signing_secret: true,
			signing_secret: 'sixteen-or-more!',
		});
	});

	it('deletes an endpoint, which is not found from then on', async () => {
		const url = `/v1/webhook-endpoints/${await api.newEndpoint()}`;

		expect(await api.call('DELETE', url)).toMatchObject({ status: 204 });
		expect(await api.call('GET', url)).toMatchObject({ status: 404 });
		expect(await api.call('DELETE', url)).toMatchObject({ status: 404 });
	});

	it.each([
		['no address', { url: undefined }, 'url', 'is required'],
		[
			'a long address',
			{ url: `https://example.com/${'a'.repeat(2048)}` },
			'url',
			expect.anything(),
		],
		['no events', { events: [] }, 'events', 'must not be empty'],
		['one event in no list', { events: 'qr.updated' }, 'events', 'must be a list'],
		[
			'an unknown event',
			{ events: ['message.eaten'] },
			'events.0',
			expect.stringMatching(/"qr.up/),
		],
		['a short secret', { signing_secret: 'short' }, 'signing_secret', expect.stringMatching(/16/)],
		[
			'spaces in a secret',
			{ signing_secret: 'a b'.repeat(9) },
			'signing_secret',
			expect.anything(),
		],
		['another alphabet', { signing_secret: 'é'.repeat(20) }, 'signing_secret', expect.anything()],
		['a long secret', { signing_secret: 's'.repeat(257) }, 'signing_secret', expect.anything()],
		['a number for an instance', { instance_id: 7 }, 'instance_id', 'must be text'],
		['an unknown field', { instance_ids: [] }, 'instance_ids', 'is not a known field'],
	])('refuses %s', async (_, fault, path, message) => {
		const { status, json } = await create({ ...valid(), ...fault });

		expect(status).toBe(400);
		expect(json.error).toMatchObject({
			code: 'invalid_request',
			details: { issues: [{ path, message }] },
		});
	});

	it.each([
		['hook', 'invalid_url'],
		['ftp://example.com/', 'scheme_not_allowed'],
		['http://10.0.0.1/', 'address_not_allowed'],
		['https://user:pass@example.com/', 'credentials_not_allowed'],
	])('refuses to send webhooks to %s, and says why', async (url, reason) => {
		const { status, json } = await create({ ...valid(), url });

		expect(status).toBe(422);
		expect(json.error).toMatchObject({ code: 'url_not_allowed', details: { reason } });
		expect(json.error.hint).not.toBe('');
	});

	it('lets test keys, and only those, send webhooks to this machine', async () => {
		const body = { ...valid(), url: 'http://127.0.0.1:5678/hook' };

		expect(await create(body)).toMatchObject({ status: 201 });
		expect(
			await api.call('POST', '/v1/webhook-endpoints', { key: api.keys.live, body }),
		).toMatchObject({ status: 422 });
	});

	it.each([`inst_${NOBODY}`, 'inst_1', 'shop'])('finds no instance %s', async (id) => {
		expect(await create({ ...valid(), instance_id: id })).toMatchObject({
			status: 404,
			json: { error: { code: 'instance_not_found' } },
		});
	});

	it.each([`wh_${NOBODY}`, 'wh_1', '1', '%00'])('finds no endpoint %s', async (id) => {
		for (const method of ['GET', 'DELETE']) {
			expect(await api.call(method, `/v1/webhook-endpoints/${id}`)).toMatchObject({
				status: 404,
				json: { error: { code: 'endpoint_not_found' } },
			});
		}
	});

	function valid() {
		return { url: 'https://example.com/hook', events: ['message.received'] };
	}

	function create(body: unknown) {
		return api.call('POST', '/v1/webhook-endpoints', { body });
	}
});
