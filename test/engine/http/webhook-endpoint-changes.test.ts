import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { Api, type Answer } from './api.ts';

const OVERLAP_MS = 24 * 60 * 60_000;

describe('a webhook endpoint', () => {
	let api: Api;
	let id: string;
	let path: string;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(async () => {
		id = await api.newEndpoint();
		path = `/v1/webhook-endpoints/${id}`;
		api.dispatching.resets.length = 0;
		api.dispatching.woken.length = 0;
	});

	afterAll(() => api.close());

	it('changes in what is named, and keeps the rest', async () => {
		const instance = await api.newInstance();
		const before = await shown();
		const changes = {
			description: 'Orders',
			url: 'https://example.com/other',
			events: ['message.sent', 'message.received'],
			instance_id: instance,
			ignore_from_me: true,
			max_per_second: 5,
		};

		const { status, json } = await change(changes);

		expect(status).toBe(200);
		expect(json).toEqual({
			...before,
			...changes,
			instance_ids: [instance],
			updated_at: expect.stringMatching(/Z$/),
		});
		expect(await shown()).toEqual(json);
		const back = await change({ description: null, instance_id: null, max_per_second: null });
		expect(back.json).toMatchObject({ description: null, instance_ids: [], max_per_second: null });
		expect(back.json).toMatchObject({ ignore_from_me: true, url: 'https://example.com/other' });
	});

	it('takes back what it has shown, without a change', async () => {
		const [shop, store] = [await api.newInstance(), await api.newInstance()];
		await change({ instance_ids: [shop, store], max_age_seconds: 9 });
		const { url, events, instance_id, instance_ids, max_age_seconds } = await shown();
		await api.call('DELETE', `/v1/instances/${store}`);
		const before = await shown();

		const same = { url, events, instance_id, instance_ids, max_age_seconds };
		const { status, json } = await change(same);

		expect(status).toBe(200);
		expect(json).toEqual(before);
		expect(await actions()).toEqual(['endpoint.created', 'endpoint.updated']);
	});

	it('keeps an instance that is gone by now beside one that is added', async () => {
		const [shop, store] = [await api.newInstance(), await api.newInstance()];
		await change({ instance_ids: [shop] });
		await api.call('DELETE', `/v1/instances/${shop}`);

		const { status, json } = await change({ instance_ids: [shop, store] });

		expect(status).toBe(200);
		expect(json.instance_ids).toEqual([shop, store]);
	});

	it.each([
		['http://10.0.0.1/', 'address_not_allowed'],
		['https://169.254.169.254/latest', 'address_not_allowed'],
		['https://user:pass@example.com/', 'credentials_not_allowed'],
		['ftp://example.com/', 'scheme_not_allowed'],
	])('may not be turned to %s', async (url, reason) => {
		const before = await shown();

		const { status, json } = await change({ url, description: 'turned' });

		expect(status).toBe(422);
		expect(json.error).toMatchObject({ code: 'url_not_allowed', details: { reason } });
		expect(await shown()).toEqual(before);
	});

	it('is given instances of its own customer and mode only', async () => {
		const foreign = await api.newInstance(api.keys.stranger);
		const live = await api.newInstance(api.keys.live);

		for (const instance of [foreign, live, 'inst_1']) {
			expect(await change({ instance_ids: [instance], description: 'no' })).toMatchObject({
				status: 404,
				json: { error: { code: 'instance_not_found' } },
			});
		}
		expect(await shown()).toMatchObject({ instance_ids: [], description: null });
	});

	it.each([
		['no events', { events: [] }, 'events', 'must not be empty'],
		['no address', { url: null }, 'url', 'must be text'],
		['a secret, which is rotated', { signing_secret: 's'.repeat(20) }, 'signing_secret', /known/],
		['another owner', { customer_id: 'cust_1' }, 'customer_id', /known/],
	])('refuses a change to %s', async (_, body, issuePath, message) => {
		const { status, json } = await change(body);

		expect(status).toBe(400);
		expect(json.error.details.issues).toEqual([
			{ path: issuePath, message: expect.stringMatching(message) },
		]);
	});

	it('starts afresh at another URL, and not for another change', async () => {
		await failing();

		await change({ description: 'Orders' });
		expect(api.dispatching.resets).toEqual([]);
		expect(await shown()).toMatchObject({ failing_since: expect.any(String) });

		await change({ url: 'https://example.com/other' });
		expect(api.dispatching.resets).toEqual([id]);
		expect(await shown()).toMatchObject({
			failing_since: null,
			worked_until: '1970-01-01T00:00:01.000Z',
		});
	});

	it('is disabled and enabled, as often as one likes', async () => {
		const before = await shown();

		const disabled = [await act('disable'), await act('disable')];
		expect(disabled[0]!.json).toMatchObject({
			enabled: false,
			disabled_reason: 'by_user',
			disabled_at: expect.stringMatching(/Z$/),
		});
		expect(disabled[1]).toMatchObject({ status: 200, json: disabled[0]!.json });
		expect(api.dispatching.resets).toEqual([id]);

		const enabled = [await act('enable'), await act('enable')];
		expect(enabled[0]!.json).toEqual({ ...before, updated_at: expect.any(String) });
		expect(enabled[1]).toMatchObject({ status: 200, json: enabled[0]!.json });
		expect(api.dispatching.resets).toEqual([id, id]);
		expect(await actions()).toEqual(['endpoint.created', 'endpoint.disabled', 'endpoint.enabled']);
	});

	it('that was disabled for failing is enabled with a clean record', async () => {
		await failing();
		await api.database.storage.endpoints.disable(id as EndpointId, 'failing', Date.now());
		expect(await shown()).toMatchObject({ enabled: false, disabled_reason: 'failing' });

		const { json } = await change({ enabled: true });

		expect(json).toMatchObject({ enabled: true, disabled_reason: null, failing_since: null });
		expect(json.worked_until).toBe('1970-01-01T00:00:01.000Z');
	});

	it('is disabled from the start when it is created so', async () => {
		const body = { url: 'https://example.com/hook', events: ['*'], enabled: false };

		const { json } = await api.call('POST', '/v1/webhook-endpoints', { body });

		expect(json).toMatchObject({ enabled: false, disabled_reason: 'by_user' });
		expect(json.disabled_at).toBe(json.created_at);
	});

	it('gets a new secret, which is shown this once, and a day to learn it', async () => {
		const { status, json } = await act('rotate-secret');

		const { signing_secret: secret, ...endpoint } = json;
		expect(status).toBe(200);
		expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
		expect(endpoint).toEqual(await shown());
		const { secret_rotated_at: rotatedAt, previous_secret_until: until } = endpoint;
		expect(Date.parse(until) - Date.parse(rotatedAt)).toBe(OVERLAP_MS);
	});

	it('takes a secret of its owner, and no overlap', async () => {
		const body = { signing_secret: 'sixteen-or-more!', overlap_seconds: 0 };

		const { status, json } = await act('rotate-secret', body);

		expect(status).toBe(200);
		expect(json).toMatchObject({
			signing_secret: 'sixteen-or-more!',
			has_custom_signing_secret: true,
			previous_secret_until: null,
		});
	});

	it.each([
		['a short secret', { signing_secret: 'short' }, 'signing_secret'],
		['more than a week of overlap', { overlap_seconds: 604_801 }, 'overlap_seconds'],
		['less than no overlap', { overlap_seconds: -1 }, 'overlap_seconds'],
		['an unknown field', { secret: 's'.repeat(20) }, 'secret'],
	])('refuses to be rotated with %s', async (_, body, issuePath) => {
		const { status, json } = await act('rotate-secret', body);

		expect(status).toBe(400);
		expect(json.error.details.issues).toMatchObject([{ path: issuePath }]);
		expect(await shown()).toMatchObject({ secret_rotated_at: null });
	});

	it('has each act on it in the audit log, with the request and without a secret', async () => {
		const answers = [
			await change({ url: 'https://example.com/hook?token=quiet', enabled: false }),
			await act('rotate-secret', { signing_secret: 'sixteen-or-more!' }),
			await api.call('DELETE', path),
		];

		const requests = answers.map(({ headers }) => headers['x-request-id']);
		const rows = await auditRows();
		const about = (details: object) => ({ endpoint_id: id, ...details });
		expect(rows.slice(1)).toMatchObject([
			{ action: 'endpoint.updated', details: about({ changed: ['url'] }) },
			{ action: 'endpoint.disabled', details: about({ reason: 'by_user' }) },
			{ action: 'endpoint.secret_rotated', details: about({ overlap_seconds: 86_400 }) },
			{ action: 'endpoint.deleted', details: about({}) },
		]);
		expect(rows.slice(1).map(({ correlationId }) => correlationId)).toEqual([
			requests[0],
			...requests,
		]);
		expect(JSON.stringify(rows)).not.toMatch(/quiet|sixteen/);
	});

	it("is nothing that a stranger's key can change", async () => {
		const before = await shown();

		for (const key of [api.keys.stranger, api.keys.live]) {
			const body = { description: 'mine' };
			expect(await api.call('PATCH', path, { key, body })).toMatchObject({ status: 404 });
			for (const name of ['enable', 'disable', 'rotate-secret', 'test']) {
				expect(await api.call('POST', `${path}/${name}`, { key })).toMatchObject({ status: 404 });
			}
			expect(await api.call('DELETE', path, { key })).toMatchObject({ status: 404 });
		}

		expect(await shown()).toEqual(before);
	});

	function change(body: unknown): Promise<Answer> {
		return api.call('PATCH', path, { body });
	}

	function act(name: string, body?: unknown): Promise<Answer> {
		return api.call('POST', `${path}/${name}`, { body });
	}

	async function shown() {
		return (await api.call('GET', path)).json;
	}

	/** As the dispatcher notes it when attempts begin to fail. */
	function failing(): Promise<void> {
		const health = { failingSince: 2_000, workedUntil: 1_000 };
		return api.database.storage.endpoints.noteHealth(id as EndpointId, health);
	}

	/** Of this endpoint, oldest first. */
	async function auditRows() {
		const rows = await api.database.storage.audit.list(api.customerId, { limit: 100 });
		return rows.filter(({ details }) => details['endpoint_id'] === id).reverse();
	}

	async function actions(): Promise<string[]> {
		return (await auditRows()).map(({ action }) => action);
	}
});
