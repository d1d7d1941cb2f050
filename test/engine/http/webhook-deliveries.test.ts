import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { Api, NOBODY } from './api.ts';

describe('/v1/webhook-deliveries', () => {
	let api: Api;
	let shop: string;
	let store: string;
	let endpoint: string;

	beforeAll(async () => {
		api = await Api.open();
		endpoint = await api.newEndpoint();
		shop = await api.newInstance();
		store = await api.newInstance();
		await api.emitQr(shop, 3);
		await api.emitQr(store, 2);
	});

	afterAll(() => api.close());

	it('shows a delivery with the event as it is sent', async () => {
		const { json } = await list(`instance_id=${shop}`);

		const newest = json.data[0];
		expect(newest).toEqual({
			id: expect.stringMatching(/^dlv_/),
			endpoint_id: endpoint,
			customer_id: api.customerId,
			instance_id: shop,
			event: 'qr.updated',
			event_id: expect.stringMatching(/^evt_/),
			payload: {
				event: 'qr.updated',
				event_id: newest.event_id,
				api_version: '2026-04',
				instance_id: shop,
				occurred_at: expect.stringMatching(/Z$/),
				sequence: 3,
				data: { qr: 'data:,', code: 'code 2', expires_at: '2026-01-01T00:00:00.000Z' },
			},
			status: 'pending',
			attempt_count: 0,
			last_error: null,
			last_response_status: null,
			next_attempt_at: expect.stringMatching(/Z$/),
			delivered_at: null,
			redelivered_at: null,
			created_at: expect.stringMatching(/Z$/),
			updated_at: expect.stringMatching(/Z$/),
		});
		const alone = await api.call('GET', `/v1/webhook-deliveries/${newest.id}`);
		expect(alone).toMatchObject({ status: 200, json: newest });
	});

	it.each([
		['', 5],
		['status=pending', 5],
		['status=success', 0],
		['event=qr.updated', 5],
		['event=message.sent', 0],
		['to=2026-01-01T00:00:00Z', 0],
		['from=2026-01-01T00:00:00%2B02:00', 5],
	])('lists those that match "%s"', async (query, count) => {
		const { status, json } = await list(query);

		expect(status).toBe(200);
		expect(json.data).toHaveLength(count);
	});

	it('lists those of one instance', async () => {
		const { json } = await list(`instance_id=${store}&status=pending&event=qr.updated`);

		expect(json.data).toMatchObject([{ instance_id: store }, { instance_id: store }]);
	});

	it('lists those of one endpoint, of one event, and both', async () => {
		const { json: one } = await list(`endpoint_id=${endpoint}&limit=1`);
		const { id, event_id } = one.data[0];

		expect((await list(`endpoint_id=${endpoint}`)).json.data).toHaveLength(5);
		for (const query of [`event_id=${event_id}`, `event_id=${event_id}&endpoint_id=${endpoint}`]) {
			expect((await list(query)).json).toMatchObject({ data: [{ id }], next_cursor: null });
		}
		expect((await list(`event_id=evt_${NOBODY}`)).json.data).toEqual([]);
	});

	it('still lists what a deleted endpoint got', async () => {
		const gone = await api.newEndpoint();
		await api.emitQr(store, 1);
		await api.call('DELETE', `/v1/webhook-endpoints/${gone}`);

		const { json } = await list(`endpoint_id=${gone}`);

		expect(json.data).toMatchObject([{ endpoint_id: gone, status: 'failed' }]);
		await api.database.db
			.deleteFrom('webhook_deliveries')
			.where('endpoint_id', '=', gone as EndpointId)
			.execute();
	});

	it.each([
		['status=lost', 'status', expect.stringMatching(/^must be "pending" or /)],
		['event=message', 'event', expect.stringMatching(/^must be "message.received" or /)],
		['from=yesterday', 'from', 'must be an instant such as 2026-01-31T12:00:00Z'],
		['event_id=evt_1', 'event_id', 'is not an id of this kind'],
		['instance=1', 'instance', 'is not a known field'],
		['status=failed&status=success', 'status', expect.anything()],
	])('refuses the query %s', async (query, path, message) => {
		const { status, json } = await list(query);

		expect(status).toBe(400);
		expect(json.error.details).toEqual({ issues: [{ path, message }] });
	});

	it.each([`inst_${NOBODY}`, 'inst_1', ''])('finds no instance "%s"', async (id) => {
		expect(await list(`instance_id=${id}`)).toMatchObject({
			status: 404,
			json: { error: { code: 'instance_not_found' } },
		});
	});

	it.each([`wh_${NOBODY}`, 'wh_1'])('finds no endpoint "%s"', async (id) => {
		expect(await list(`endpoint_id=${id}`)).toMatchObject({
			status: 404,
			json: { error: { code: 'endpoint_not_found' } },
		});
	});

	it.each([`dlv_${NOBODY}`, 'dlv_1', '1', '%00'])('finds no delivery %s', async (id) => {
		expect(await api.call('GET', `/v1/webhook-deliveries/${id}`)).toMatchObject({
			status: 404,
			json: { error: { code: 'delivery_not_found' } },
		});
	});

	function list(query: string) {
		return api.call('GET', `/v1/webhook-deliveries?${query}`);
	}
});
