import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, NOBODY } from './api.ts';

describe('/v1/instances', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it('creates an instance that is pending and connected to nothing', async () => {
		const body = { name: 'Shop', metadata: { branch: 7, tags: ['a', null] } };

		const { status, json } = await api.call('POST', '/v1/instances', { body });

		expect(status).toBe(201);
		expect(json).toEqual({
			id: expect.stringMatching(/^inst_/),
			customer_id: api.customerId,
			name: 'Shop',
			mode: 'test',
			phone_number: null,
			status: 'pending',
			state: 'pending',
			session_status: 'STOPPED',
			status_reason: null,
			status_since: expect.stringMatching(/^\d{4}-.*Z$/),
			restricted_until: null,
			group: null,
			priority: 100,
			expected_phone_number: null,
			heal: { enabled: true, max_restarts_per_hour: 6, scheduled_restart: null },
			proxy: null,
			last_seen_at: null,
			metadata: body.metadata,
			created_at: json.created_at,
			updated_at: json.created_at,
		});
		expect(await api.call('GET', `/v1/instances/${json.id}`)).toMatchObject({ status: 200, json });
	});

	it('gives an instance of a live key its mode, and empty metadata by default', async () => {
		const body = { name: 'Shop' };

		const { json } = await api.call('POST', '/v1/instances', { key: api.keys.live, body });

		expect(json).toMatchObject({ mode: 'live', metadata: {} });
	});

	it('changes what a patch names and leaves the rest', async () => {
		const body = { name: 'Shop', metadata: { a: 1, b: 2 } };
		const { json } = await api.call('POST', '/v1/instances', { body });
		const url = `/v1/instances/${json.id}`;

		const renamed = await api.call('PATCH', url, { body: { name: 'Store' } });
		const tagged = await api.call('PATCH', url, { body: { metadata: { c: 3 } } });
		const same = await api.call('PATCH', url, { body: {} });

		expect(renamed).toMatchObject({
			status: 200,
			json: { name: 'Store', metadata: body.metadata },
		});
		expect(tagged.json).toMatchObject({ name: 'Store', metadata: { c: 3 } });
		expect(tagged.json.metadata).toEqual({ c: 3 });
		expect(same).toMatchObject({ status: 200, json: { name: 'Store' } });
	});

	it('deletes an instance, which is not found from then on', async () => {
		const url = `/v1/instances/${await api.newInstance()}`;

		const deleted = await api.call('DELETE', url);

		expect(deleted.status).toBe(204);
		expect(deleted.bytes).toHaveLength(0);
		expect(await api.call('GET', url)).toMatchObject({ status: 404 });
		expect(await api.call('DELETE', url)).toMatchObject({ status: 404 });
	});

	it('stops an instance that does not run, and says why it is stopped', async () => {
		const url = `/v1/instances/${await api.newInstance()}`;

		const stopped = await api.call('POST', `${url}/stop`);

		expect(stopped).toMatchObject({
			status: 200,
			json: { state: 'stopped', status: 'disconnected', status_reason: 'stopped_by_user' },
		});
	});

	it('answers a HEAD request with the headers alone', async () => {
		const head = await api.call('HEAD', `/v1/instances/${await api.newInstance()}`);

		expect(head.status).toBe(200);
		expect(head.bytes).toHaveLength(0);
	});

	it.each([
		['no body', undefined, 'body', 'must be an object'],
		['a list', [], 'body', 'must be an object'],
		['null', null, 'body', 'must be an object'],
		['no name', {}, 'name', 'is required'],
		['an empty name', { name: '' }, 'name', 'must not be empty'],
		['a number for a name', { name: 7 }, 'name', 'must be text'],
		['a long name', { name: 'n'.repeat(101) }, 'name', 'must be at most 100 characters'],
		['a name with NUL', { name: 'a\0b' }, 'name', expect.stringMatching(/NUL/)],
		['half a surrogate pair', { name: 'a\ud800' }, 'name', expect.stringMatching(/surrogate/)],
		['an unknown field', { name: 'a', colour: 1 }, 'colour', 'is not a known field'],
		['a list of metadata', { name: 'a', metadata: [] }, 'metadata', 'must be an object'],
		[
			'large metadata',
			{ name: 'a', metadata: { text: 'é'.repeat(8 * 1024) } },
			'metadata',
			'must be at most 16384 bytes of JSON',
		],
		[
			'deep metadata',
			{ name: 'a', metadata: nested(40) },
			'metadata',
			'must not nest deeper than 32 levels',
		],
	])('refuses %s', async (_, body, path, message) => {
		const { status, json } = await api.call('POST', '/v1/instances', { body });

		expect(status).toBe(400);
		expect(json.error).toMatchObject({
			code: 'invalid_request',
			details: { issues: [{ path, message }] },
		});
	});

	it('survives metadata that nests as deep as a body can', async () => {
		const depth = 250_000;
		const raw = `{"name":"a","metadata":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

		expect(await api.call('POST', '/v1/instances', { raw })).toMatchObject({ status: 400 });
	});

	it('names every field at fault, up to twenty of them', async () => {
		const unknown = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field${i}`, i]));

		const { json } = await api.call('POST', '/v1/instances', { body: { name: 1, ...unknown } });

		expect(json.error.details.issues).toHaveLength(20);
		expect(json.error.details.issues).toContainEqual({ path: 'name', message: 'must be text' });
		expect(json.error.details.issues).toContainEqual({
			path: 'field0',
			message: 'is not a known field',
		});
	});

	it.each([
		['GET', ''],
		['PATCH', ''],
		['DELETE', ''],
		['POST', '/start'],
		['POST', '/stop'],
		['GET', '/qr'],
	])('finds no instance for a malformed id: %s /v1/instances/:id%s', async (method, rest) => {
		const malformed = [
			'1',
			`wh_${NOBODY}`,
			`inst_${NOBODY.toUpperCase()}`,
			'%00',
			'i'.repeat(3000),
		];
		const body = method === 'PATCH' ? { body: {} } : {};

		for (const id of [`inst_${NOBODY}`, ...malformed]) {
			expect(await api.call(method, `/v1/instances/${id}${rest}`, body)).toMatchObject({
				status: 404,
				json: { error: { code: 'instance_not_found' } },
			});
		}
	});

	it('refuses fields on routes that have none', async () => {
		const url = `/v1/instances/${await api.newInstance()}`;

		expect(await api.call('POST', `${url}/start`, { body: { force: true } })).toMatchObject({
			status: 400,
			json: { error: { details: { issues: [{ path: 'force' }] } } },
		});
		expect(await api.call('GET', `${url}?expand=all`)).toMatchObject({
			status: 400,
			json: { error: { details: { issues: [{ path: 'expand' }] } } },
		});
	});
});

function nested(depth: number): object {
	return depth === 0 ? {} : { deeper: nested(depth - 1) };
}
