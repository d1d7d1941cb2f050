import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from './api.ts';

describe('Health', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it('is fine as long as the process answers', async () => {
		const { status, json } = await api.call('GET', '/healthz', { key: null });

		expect(status).toBe(200);
		expect(json).toEqual({ status: 'ok' });
	});

	it('is ready when every check passes', async () => {
		const { status, json } = await api.call('GET', '/readyz', { key: null });

		expect(status).toBe(200);
		expect(json).toEqual({
			status: 'ok',
			checks: { database: 'ok' },
			sessions: { connected: 0, open: 0, capacity: 3 },
		});
	});

	it('is not ready when one check fails, and shows which', async () => {
		const sessions = { connected: 1, open: 2, capacity: 3, secret: 'not for the world' };
		api.ready = () =>
			Promise.resolve({ checks: { database: false, sessions_resumed: true }, sessions });

		const { status, json } = await api.call('GET', '/readyz', { key: null });

		expect(status).toBe(503);
		expect(json).toEqual({
			status: 'unavailable',
			checks: { database: 'failed', sessions_resumed: 'ok' },
			sessions: { connected: 1, open: 2, capacity: 3 },
		});
	});
});
