import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Api } from './api.ts';

describe('DELETE /v1/webhook-endpoints/:endpoint_id?after_seconds', () => {
	let api: Api;
	let path: string;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(async () => {
		path = `/v1/webhook-endpoints/${await api.newEndpoint()}`;
	});

	afterAll(() => api.close());

	it('says in the endpoint when it will be deleted', async () => {
		const before = await shown();
		const askedAt = Date.now();

		const answer = await remove('?after_seconds=3600');

		expect(answer).toMatchObject({ status: 204, json: undefined });
		const { delete_at: deleteAt, ...rest } = await shown();
		expect(Date.parse(deleteAt)).toBeGreaterThanOrEqual(askedAt + 3_600_000);
		expect(Date.parse(deleteAt)).toBeLessThanOrEqual(Date.now() + 3_600_000);
		expect({ ...rest, delete_at: null }).toEqual({ ...before, updated_at: rest.updated_at });
		const listed = await api.call('GET', '/v1/webhook-endpoints');
		expect(listed.json.data).toContainEqual({ ...rest, delete_at: deleteAt });
	});

	it('goes by the last one that was asked for', async () => {
		await remove('?after_seconds=3600');

		await remove('?after_seconds=60');

		expect(Date.parse((await shown()).delete_at) - Date.now()).toBeLessThanOrEqual(60_000);
	});

	it('deletes at once after no seconds, also an endpoint that has notice', async () => {
		await remove('?after_seconds=60');

		expect(await remove('?after_seconds=0')).toMatchObject({ status: 204 });

		expect(await api.call('GET', path)).toMatchObject({ status: 404 });
		expect(await remove('?after_seconds=60')).toMatchObject({ status: 404 });
	});

	it.each([
		['another setting', 'PATCH', '', { description: 'Orders' }],
		['a setting as it is already', 'PATCH', '', { events: ['qr.updated'] }],
		['a filter as it is already', 'PATCH', '', { ignore_status: true }],
		['being disabled', 'PATCH', '', { enabled: false }],
		['being enabled, which it is already', 'POST', '/enable', undefined],
	])('is called off by %s', async (_, method, act, body) => {
		await remove('?after_seconds=60');

		const { status, json } = await api.call(method, path + act, { body });

		expect({ status, json }).toMatchObject({ status: 200, json: { ...body, delete_at: null } });
		expect(await shown()).toEqual(json);
	});

	it('is called off by nothing that fails, and by no empty change', async () => {
		await remove('?after_seconds=60');
		const before = await shown();

		const refused = await api.call('PATCH', path, { body: { url: 'http://10.0.0.1/' } });
		const empty = await api.call('PATCH', path, { body: {} });

		expect([refused.status, empty.status]).toEqual([422, 200]);
		expect(before.delete_at).not.toBeNull();
		expect(await shown()).toEqual(before);
	});

	it.each([
		['after_seconds=3601', 'after_seconds'],
		['after_seconds=-1', 'after_seconds'],
		['after_seconds=1.5', 'after_seconds'],
		['after_seconds=soon', 'after_seconds'],
		['seconds=1', 'seconds'],
	])('refuses %s and deletes nothing', async (query, issuePath) => {
		const { status, json } = await remove(`?${query}`);

		expect(status).toBe(400);
		expect(json.error.details.issues).toMatchObject([{ path: issuePath }]);
		expect(await shown()).toMatchObject({ delete_at: null });
	});

	it("gives no notice to another customer's endpoint, nor to one of the other mode", async () => {
		for (const key of [api.keys.stranger, api.keys.live]) {
			const answer = await api.call('DELETE', `${path}?after_seconds=60`, { key });
			expect(answer).toMatchObject({ status: 404 });
		}

		expect(await shown()).toMatchObject({ delete_at: null });
	});

	function remove(query: string) {
		return api.call('DELETE', path + query);
	}

	async function shown() {
		return (await api.call('GET', path)).json;
	}
});
