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
			description: null,
			url: 'https://example.com/hook',
			events: ['message.received'],
			instance_id: null,
			instance_ids: [],
			chat_type_filter: 'all',
			ignore_from_me: false,
			ignore_status: true,
			ignore_newsletters: true,
			ordered: true,
			max_age_seconds: null,
			max_per_second: null,
			enabled: true,
			disabled_reason: null,
			disabled_at: null,
			circuit: { state: 'closed', consecutive_failures: 0, next_probe_at: null },
			failing_since: null,
			worked_until: null,
			has_custom_signing_secret: false,
			secret_rotated_at: null,
			previous_secret_until: null,
			delete_at: null,
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

	it('takes every setting along, and gives it back', async () => {
		const settings = {
			description: 'Orders, 🛒',
			chat_type_filter: 'groups_only',
			ignore_from_me: true,
			ignore_status: false,
			ignore_newsletters: false,
			ordered: false,
			max_age_seconds: 60,
			max_per_second: 0.5,
		};

		const { status, json } = await create({ ...valid(), ...settings });

		expect(status).toBe(201);
		expect(json).toMatchObject(settings);
		const shown = await api.call('GET', `/v1/webhook-endpoints/${json.id}`);
		expect(shown.json).toMatchObject(settings);
	});

	it('takes all events for all of them, whatever else is named', async () => {
		const { status, json } = await create({ ...valid(), events: ['qr.updated', '*', '*'] });

		expect(status).toBe(201);
		expect(json.events).toEqual(['*']);
	});

	it('takes one instance, several, all, and both ways to name the same one', async () => {
		const [shop, store] = [await api.newInstance(), await api.newInstance()];

		const created = [
			await create({ ...valid(), instance_id: shop }),
			await create({ ...valid(), instance_ids: [shop] }),
			await create({ ...valid(), instance_id: shop, instance_ids: [shop, shop] }),
			await create({ ...valid(), instance_ids: [shop, store, shop] }),
			await create({ ...valid(), instance_id: null, instance_ids: [shop, store] }),
			await create({ ...valid(), instance_id: null, instance_ids: [] }),
		];

		const one = { instance_id: shop, instance_ids: [shop] };
		const two = { instance_id: null, instance_ids: [shop, store] };
		const all = { instance_id: null, instance_ids: [] };
		expect(created.map(({ json }) => json)).toMatchObject([one, one, one, two, two, all]);
	});

	it('shows how sending to it goes', async () => {
		const id = await api.newEndpoint();
		const nextProbeAt = Date.UTC(2026, 0, 1, 12);

		api.dispatching.state = { state: 'open', consecutiveFailures: 10, nextProbeAt };
		const { json } = await api.call('GET', `/v1/webhook-endpoints/${id}`);
		api.dispatching.state = { state: 'closed', consecutiveFailures: 0, nextProbeAt: null };

		expect(json.circuit).toEqual({
			state: 'open',
			consecutive_failures: 10,
			next_probe_at: '2026-01-01T12:00:00.000Z',
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
			expect.stringMatching(/^is not a known event.*"qr.updated".*"\*"/),
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
		['an unknown field', { instances: [] }, 'instances', 'is not a known field'],
		[
			'a filter of another name',
			{ chat_type_filter: 'group' },
			'chat_type_filter',
			expect.anything(),
		],
		['an age of nothing', { max_age_seconds: 0 }, 'max_age_seconds', 'must be at least 1'],
		['half a second of age', { max_age_seconds: 1.5 }, 'max_age_seconds', 'must be a whole number'],
		['a rate of nothing', { max_per_second: 0 }, 'max_per_second', 'must be at least 0.01'],
		['a long description', { description: 'a'.repeat(201) }, 'description', expect.anything()],
		[
			'two ways to name instances that disagree',
			{ instance_id: `inst_${NOBODY}`, instance_ids: [] },
			'instance_ids',
			expect.stringMatching(/same instance/),
		],
		[
			'all instances and one of them',
			{ instance_id: null, instance_ids: [`inst_${NOBODY}`] },
			'instance_ids',
			expect.stringMatching(/same instance/),
		],
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
		for (const named of [{ instance_id: id }, { instance_ids: [await api.newInstance(), id] }]) {
			expect(await create({ ...valid(), ...named })).toMatchObject({
				status: 404,
				json: { error: { code: 'instance_not_found' } },
			});
		}
	});

	it("finds no instance of a stranger's, nor of the other mode", async () => {
		for (const key of [api.keys.stranger, api.keys.live]) {
			const body = { ...valid(), instance_ids: [await api.newInstance(key)] };
			expect(await create(body)).toMatchObject({ status: 404 });
		}
	});

	it.each([`wh_${NOBODY}`, 'wh_1', '1', '%00'])('finds no endpoint %s', async (id) => {
		const path = `/v1/webhook-endpoints/${id}`;
		const answers = [
			await api.call('GET', path),
			await api.call('DELETE', path),
			await api.call('PATCH', path, { body: {} }),
			await api.call('POST', `${path}/enable`),
			await api.call('POST', `${path}/disable`),
			await api.call('POST', `${path}/rotate-secret`),
			await api.call('POST', `${path}/test`),
		];

		for (const answer of answers) {
			expect(answer).toMatchObject({
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
