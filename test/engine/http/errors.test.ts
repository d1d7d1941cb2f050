import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../../engine/src/domain/errors.ts';
import { STATUS } from '../../../engine/src/http/errors.ts';
import { Api } from './api.ts';

describe('An error', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it('has a code, a message, a hint, details and the id of the request', async () => {
		const { headers, json } = await api.call('GET', '/v1/instances/1');

		expect(json).toEqual({
			error: { code: 'instance_not_found', ...ERRORS.instance_not_found, details: {} },
			request_id: headers['x-request-id'],
		});
		expect(headers['content-type']).toBe('application/json; charset=utf-8');
	});

	it.each(['/', '/v1', '/v1/', '/v2/instances', '/favicon.ico', '/v1/instances/a/b'])(
		'tells that there is nothing at %s',
		async (path) => {
			expect(await api.call('GET', path)).toMatchObject({
				status: 404,
				json: { error: { code: 'route_not_found', details: {} } },
			});
		},
	);

	it.each([
		['PUT', '/v1/instances', ['POST', 'GET'], 'This path takes POST or GET, not PUT.'],
		['POST', '/v1/instances/a?b=c', ['GET', 'PATCH', 'DELETE'], expect.anything()],
		['GET', '/v1/instances/a/start', ['POST'], 'This path takes POST, not GET.'],
		['DELETE', '/healthz', ['GET'], expect.anything()],
	])('names the methods that %s %s could have had', async (method, path, methods, hint) => {
		const { status, json } = await api.call(method, path);

		expect(status).toBe(404);
		expect(json.error).toMatchObject({
			code: 'route_not_found',
			hint,
			details: { allowed_methods: methods },
		});
	});

	it.each(['/v1/instances/%', '/v1/instances/%zz', '/v1/instances/%c3%28/qr', '/%ff'])(
		'tells that the path %s is malformed',
		async (path) => {
			const { status, headers, json } = await api.call('GET', path);

			expect(status).toBe(400);
			expect(json).toMatchObject({
				error: { code: 'invalid_request', details: { issues: [{ path: 'path' }] } },
				request_id: headers['x-request-id'],
			});
		},
	);

	it('that nobody expected is logged whole and answered bare', async () => {
		const fault = new Error('the password is hunter2');
		api.ready = () => Promise.reject(fault);

		const { status, headers, bytes, json } = await api.call('GET', '/readyz');

		expect(status).toBe(500);
		expect(json.error).toEqual({ code: 'internal_error', ...ERRORS.internal_error, details: {} });
		expect(bytes.toString()).not.toMatch(/hunter2|\.ts/);
		expect(api.log).toContainEqual({
			level: 'error',
			fields: {
				err: fault,
				request_id: headers['x-request-id'],
				method: 'GET',
				route: '/readyz',
			},
			message: 'a request failed',
		});
	});
});

describe('docs/errors.md', () => {
	const rows = readFileSync('docs/errors.md', 'utf8')
		.split('\n')
		.filter((line) => line.startsWith('| `'))
		.map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
		.map(([, code = '', status = '', meaning = '', remedy = '']) => ({
			code,
			status: Number(status),
			meaning,
			remedy,
		}));

	it('lists every code once, with its status', () => {
		const documented = rows.map(({ code, status }) => [code, status] as const);

		expect(documented).toHaveLength(Object.keys(ERRORS).length);
		expect(Object.fromEntries(documented)).toEqual(STATUS);
	});

	it('says of every code what it means and what to do', () => {
		for (const { meaning, remedy } of rows) {
			expect(meaning).toMatch(/\.$/);
			expect(remedy).toMatch(/\.$/);
		}
	});
});
