import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, NOBODY } from './api.ts';

describe('A list', () => {
	let api: Api;
	/** Newest first. */
	const ids: string[] = [];

	beforeAll(async () => {
		api = await Api.open();
		for (let i = 0; i < 53; i++) ids.unshift(await api.newInstance());
	});

	afterAll(() => api.close());

	it('is newest first, fifty to a page', async () => {
		const first = await list('');
		const second = await list(`cursor=${first.json.next_cursor}`);

		expect(idsOf(first)).toEqual(ids.slice(0, 50));
		expect(idsOf(second)).toEqual(ids.slice(50));
		expect(second.json.next_cursor).toBeNull();
	});

	it('has as many on a page as asked for', async () => {
		const first = await list('limit=2');
		const second = await list(`limit=3&cursor=${first.json.next_cursor}`);

		expect(idsOf(first)).toEqual(ids.slice(0, 2));
		expect(idsOf(second)).toEqual(ids.slice(2, 5));
	});

	it('has no next page when the last entry ends the page', async () => {
		const { json } = await list('limit=53');

		expect(json.data).toHaveLength(53);
		expect(json.next_cursor).toBeNull();
	});

	it('goes on where it was, although the entry of the cursor is gone', async () => {
		const { json } = await list('limit=1');
		await api.call('DELETE', `/v1/instances/${ids.shift()}`);

		const next = await list(`limit=1&cursor=${json.next_cursor}`);

		expect(idsOf(next)).toEqual([ids[0]]);
	});

	it.each([
		['limit=0', 'limit', 'must be at least 1'],
		['limit=101', 'limit', 'must be at most 100'],
		['limit=-1', 'limit', 'must be at least 1'],
		['limit=1.5', 'limit', 'must be a whole number'],
		['limit=many', 'limit', 'must be a number'],
		['limit=', 'limit', 'must be at least 1'],
		['limit=1&limit=2', 'limit', 'must be a number'],
		['limit=1e999', 'limit', 'must be a number'],
		['cursor=', 'cursor', 'is not a next_cursor of this list'],
		['cursor=garbage', 'cursor', 'is not a next_cursor of this list'],
		['cursor=%00%ff', 'cursor', 'is not a next_cursor of this list'],
		[`cursor=inst_${NOBODY}`, 'cursor', 'is not a next_cursor of this list'],
		[`cursor=${cursorFor(`wh_${NOBODY}`)}`, 'cursor', 'is not a next_cursor of this list'],
		['page=2', 'page', 'is not a known field'],
	])('refuses %s', async (query, path, message) => {
		const { status, json } = await list(query);

		expect(status).toBe(400);
		expect(json.error.details).toEqual({ issues: [{ path, message }] });
	});

	it('accepts a well-formed cursor that it never gave', async () => {
		expect(await list(`cursor=${cursorFor(`inst_${NOBODY}`)}`)).toMatchObject({
			status: 200,
			json: { data: [], next_cursor: null },
		});
	});

	it.each(['webhook-endpoints', 'webhook-deliveries'])('pages %s alike', async (path) => {
		await api.newEndpoint();
		await api.newEndpoint();
		await api.emitQr(ids[0]!, 2);
		const { json: whole } = await api.call('GET', `/v1/${path}`);

		const first = await api.call('GET', `/v1/${path}?limit=1`);
		const second = await api.call('GET', `/v1/${path}?limit=1&cursor=${first.json.next_cursor}`);

		expect([...idsOf(first), ...idsOf(second)]).toEqual(idsOf({ json: whole }).slice(0, 2));
	});

	function list(query: string) {
		return api.call('GET', `/v1/instances?${query}`);
	}
});

function cursorFor(id: string): string {
	return Buffer.from(id).toString('base64url');
}

function idsOf({ json }: { json: { data: { id: string }[] } }): string[] {
	return json.data.map(({ id }) => id);
}
