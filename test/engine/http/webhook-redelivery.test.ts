import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import type { DeliveryId } from '../../../engine/src/domain/ids.ts';
import {
	addDeliveries,
	anAttempt,
	FAILED,
	logOf,
	SUCCEEDED,
	type DeliveryRow,
} from '../storage/delivery-rows.ts';
import { anEndpoint } from '../storage/records.ts';
import { Api, NOBODY } from './api.ts';

describe('A webhook delivery', () => {
	let api: Api;
	let endpoint: Endpoint;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(async () => {
		endpoint = anEndpoint({ customerId: api.customerId, mode: 'test' });
		await api.database.storage.endpoints.add(endpoint, 'whsec_a');
	});

	afterEach(() => {
		api.dispatching.woken.length = 0;
	});

	afterAll(() => api.close());

	it('shows its attempts, oldest first', async () => {
		const attempts = [anAttempt({ status: null, address: null }), anAttempt({ attempt: 2 })];
		const id = await add({ ...FAILED, attempt_log: logOf(...attempts) });

		const { status, json } = await api.call('GET', `/v1/webhook-deliveries/${id}/attempts`);

		expect(status).toBe(200);
		expect(json).toEqual({
			data: [
				{
					attempt: 1,
					at: '2026-01-01T12:00:00.000Z',
					status: null,
					latency_ms: 12,
					error: 'The receiver answered 500.',
					response: 'oh {"no"}\n',
					address: null,
				},
				expect.objectContaining({ attempt: 2, status: 500, address: '93.184.216.34' }),
			],
		});
	});

	it.each([
		['failed', FAILED],
		['successful', SUCCEEDED],
	])('is sent again when it was %s, with the same event', async (_, settled) => {
		const id = await add(settled);
		const before = (await get(id)).json;

		const { status, json, headers } = await redeliver(id);

		expect(status).toBe(202);
		expect(json).toEqual({
			...before,
			status: 'pending',
			delivered_at: null,
			next_attempt_at: expect.stringMatching(/Z$/),
			redelivered_at: json.next_attempt_at,
			updated_at: json.next_attempt_at,
		});
		expect((await get(id)).json).toEqual(json);
		expect(api.dispatching.woken).toEqual([endpoint.id]);
		expect(await newestAuditRow()).toMatchObject({
			action: 'delivery.redelivered',
			details: { delivery_id: id, endpoint_id: endpoint.id, event_id: before.event_id },
			correlationId: headers['x-request-id'],
		});
	});

	it('stays as it is while it is on its way', async () => {
		const id = await add({});
		const before = (await get(id)).json;
		const audited = await newestAuditRow();

		expect(await redeliver(id)).toMatchObject({ status: 202, json: before });
		expect(await newestAuditRow()).toEqual(audited);
	});

	it('is not sent again once its payload is gone', async () => {
		const id = await add({ ...SUCCEEDED, payload_gone: 1 });

		expect(await get(id)).toMatchObject({ status: 200, json: { payload: null } });
		expect(await redeliver(id)).toMatchObject({
			status: 409,
			json: { error: { code: 'payload_expired' } },
		});
	});

	it('is not sent again to an endpoint that is disabled or deleted', async () => {
		const id = await add(FAILED);

		await api.database.storage.endpoints.disable(endpoint.id, 'by_user', Date.now());
		expect(await redeliver(id)).toMatchObject({
			status: 409,
			json: { error: { code: 'endpoint_disabled' } },
		});
		await api.database.storage.endpoints.remove(endpoint.id, Date.now());
		expect(await redeliver(id)).toMatchObject({
			status: 404,
			json: { error: { code: 'endpoint_not_found' } },
		});
		expect(api.dispatching.woken).toEqual([]);
	});

	it('is there for its owner only', async () => {
		const id = await add(FAILED);

		for (const key of [api.keys.stranger, api.keys.live]) {
			for (const [method, path] of [
				['GET', 'attempts'],
				['POST', 'redeliver'],
			] as const) {
				const answer = await api.call(method, `/v1/webhook-deliveries/${id}/${path}`, { key });
				expect(answer).toMatchObject({ status: 404, json: { error: { code: NOT_FOUND } } });
			}
		}
		for (const nobody of [`dlv_${NOBODY}`, 'dlv_1']) {
			expect(await redeliver(nobody as DeliveryId)).toMatchObject({ status: 404 });
		}
		expect((await get(id)).json.status).toBe('failed');
	});

	const NOT_FOUND = 'delivery_not_found';

	async function add(changes: Partial<DeliveryRow>): Promise<DeliveryId> {
		const [id] = await addDeliveries(api.database.db, endpoint, [changes]);
		return id!;
	}

	function get(id: DeliveryId) {
		return api.call('GET', `/v1/webhook-deliveries/${id}`);
	}

	function redeliver(id: DeliveryId) {
		return api.call('POST', `/v1/webhook-deliveries/${id}/redeliver`);
	}

	async function newestAuditRow() {
		const [row] = await api.database.storage.audit.list(api.customerId, { limit: 1 });
		return row;
	}
});
