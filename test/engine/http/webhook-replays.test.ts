import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../../../engine/src/app/ports.ts';
import { addDeliveries, FAILED, SUCCEEDED } from '../storage/delivery-rows.ts';
import { anEndpoint, NOON } from '../storage/records.ts';
import { Api, NOBODY, type Call } from './api.ts';

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('/v1/webhook-endpoints/:endpoint_id/replay', () => {
	let api: Api;
	let endpoint: Endpoint;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(async () => {
		endpoint = anEndpoint({ customerId: api.customerId, mode: 'test' });
		await api.database.storage.endpoints.add(endpoint, 'whsec_a');
	});

	afterAll(() => api.close());

	it('starts a replay of what failed, and shows it', async () => {
		await addDeliveries(api.database.db, endpoint, [FAILED, SUCCEEDED, FAILED]);

		const { status, json, headers } = await post('replay');

		expect(status).toBe(202);
		expect(json).toEqual({
			id: expect.stringMatching(/^rpl_/),
			endpoint_id: endpoint.id,
			status: 'running',
			from: '1970-01-01T00:00:00.000Z',
			to: INSTANT,
			statuses: ['failed'],
			events: [],
			max_per_second: 20,
			total: 2,
			redelivered: 0,
			skipped: 0,
			error: null,
			created_at: INSTANT,
			updated_at: INSTANT,
			finished_at: null,
		});
		expect(await get(`replays/${json.id}`)).toMatchObject({ status: 200, json });
		expect((await get('replays')).json).toEqual({ data: [json], next_cursor: null });
		const [row] = await api.database.storage.audit.list(api.customerId, { limit: 1 });
		expect(row).toMatchObject({
			action: 'replay.started',
			correlationId: headers['x-request-id'],
		});
	});

	it('takes a range, a status, events and a pace', async () => {
		const body = {
			from: '2026-01-01T12:00:00Z',
			to: '2026-01-02T12:00:00+02:00',
			status: 'all',
			events: ['message.sent', 'qr.updated', 'message.sent'],
			max_per_second: 100,
		};

		expect(await post('replay', { body })).toMatchObject({
			status: 202,
			json: {
				from: '2026-01-01T12:00:00.000Z',
				to: '2026-01-02T10:00:00.000Z',
				statuses: ['success', 'failed'],
				events: ['message.sent', 'qr.updated'],
				max_per_second: 100,
				total: 0,
			},
		});
	});

	it.each(['replay', 'recover'])('only counts in a dry run of %s', async (path) => {
		await addDeliveries(api.database.db, endpoint, [FAILED, FAILED]);

		const { status, json } = await post(path, { body: { dry_run: true } });

		expect(status).toBe(200);
		expect(json).toEqual({ dry_run: true, total: 2, total_is_exact: true });
		expect((await get('replays')).json.data).toEqual([]);
	});

	it('recovers what failed since the endpoint last worked', async () => {
		const health = { failingSince: NOON + 2, workedUntil: NOON + 2 };
		await api.database.storage.endpoints.noteHealth(endpoint.id, health);
		await addDeliveries(api.database.db, endpoint, [
			{ ...FAILED, updated_at: NOON + 1 },
			{ ...FAILED, updated_at: NOON + 3 },
		]);

		expect(await post('recover', { body: { max_per_second: 5 } })).toMatchObject({
			status: 202,
			json: { total: 1, statuses: ['failed'], max_per_second: 5 },
		});
	});

	it('refuses a second one while the first is running, and takes it after that', async () => {
		const { json: first } = await post('replay');

		expect(await post('recover')).toMatchObject({
			status: 409,
			json: { error: { code: 'replay_running', details: { replay_id: first.id } } },
		});
		const cancelled = await post(`replays/${first.id}/cancel`);
		expect(cancelled).toMatchObject({
			status: 200,
			json: { id: first.id, status: 'cancelled', finished_at: INSTANT },
		});
		expect(await post(`replays/${first.id}/cancel`)).toMatchObject({ json: cancelled.json });
		const second = await post('recover');
		expect(second.status).toBe(202);
		expect((await get('replays?limit=1')).json).toMatchObject({ data: [second.json] });
	});

	it('refuses a disabled endpoint, but counts for it', async () => {
		await api.database.storage.endpoints.disable(endpoint.id, 'failing', NOON);

		expect(await post('replay')).toMatchObject({
			status: 409,
			json: { error: { code: 'endpoint_disabled' } },
		});
		expect(await post('replay', { body: { dry_run: true } })).toMatchObject({ status: 200 });
	});

	it.each([
		[{ max_per_second: 0 }, 'max_per_second', 'must be at least 1'],
		[{ max_per_second: 101 }, 'max_per_second', 'must be at most 100'],
		[{ max_per_second: 1.5 }, 'max_per_second', 'must be a whole number'],
		[{ status: 'pending' }, 'status', 'must be "failed" or "success" or "all"'],
		[{ events: ['*'] }, 'events.0', expect.stringMatching(/^must be "message.received" or /)],
		[{ from: 'noon' }, 'from', 'must be an instant such as 2026-01-31T12:00:00Z'],
		[{ from: '2026-01-02T00:00:00Z', to: '2026-01-02T00:00:00Z' }, 'from', 'must be before "to"'],
		[{ since: 1 }, 'since', 'is not a known field'],
	])('refuses %j', async (body, path, message) => {
		const { status, json } = await post('replay', { body });

		expect(status).toBe(400);
		expect(json.error.details).toEqual({ issues: [{ path, message }] });
	});

	it('is there for the owner of the endpoint only', async () => {
		const { json: replay } = await post('replay');

		for (const key of [api.keys.stranger, api.keys.live]) {
			const answers = [
				await post('replay', { key }),
				await post('recover', { key, body: { dry_run: true } }),
				await post(`replays/${replay.id}/cancel`, { key }),
				await get(`replays/${replay.id}`, { key }),
				await get('replays', { key }),
			];
			for (const answer of answers) {
				expect(answer).toMatchObject({
					status: 404,
					json: { error: { code: 'endpoint_not_found' } },
				});
			}
		}
		expect((await get(`replays/${replay.id}`)).json.status).toBe('running');
	});

	it.each([`rpl_${NOBODY}`, 'rpl_1'])('finds no replay %s', async (id) => {
		for (const answer of [await get(`replays/${id}`), await post(`replays/${id}/cancel`)]) {
			expect(answer).toMatchObject({ status: 404, json: { error: { code: 'replay_not_found' } } });
		}
	});

	it("finds no replay of another of the customer's endpoints", async () => {
		const other = anEndpoint({ customerId: api.customerId, mode: 'test' });
		await api.database.storage.endpoints.add(other, 'whsec_a');
		const { json: replay } = await post('replay');

		const path = `/v1/webhook-endpoints/${other.id}/replays/${replay.id}`;
		expect(await api.call('GET', path)).toMatchObject({
			status: 404,
			json: { error: { code: 'replay_not_found' } },
		});
	});

	function post(path: string, call?: Call) {
		return api.call('POST', `/v1/webhook-endpoints/${endpoint.id}/${path}`, call);
	}

	function get(path: string, call?: Call) {
		return api.call('GET', `/v1/webhook-endpoints/${endpoint.id}/${path}`, call);
	}
});
