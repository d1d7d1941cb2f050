import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { InstanceState, StatusReason } from '../../../engine/src/domain/instance.ts';
import { ids } from '../../support/system.ts';
import { Api, NOBODY } from './api.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the history of an instance', () => {
	/** The hour that is just over, so that nothing here happens in the future. */
	const from = Math.floor(Date.now() / HOUR) * HOUR - HOUR;
	const hour = `from=${iso(from)}&to=${iso(from + HOUR)}`;
	let api: Api;
	let shop: string;
	let store: string;
	let kiosk: string;

	beforeAll(async () => {
		api = await Api.open();
		shop = await api.newInstance();
		store = await api.newInstance();
		kiosk = await api.newInstance();
		for (const id of [shop, store, kiosk]) {
			await createdAt(id, from - DAY);
			await change(id, 'pending', 'connected', { at: from - HOUR });
		}
		await change(shop, 'connected', 'reconnecting', {
			at: from + 6 * MINUTE,
			reason: 'server_error',
			closeCode: 500,
		});
		await change(shop, 'reconnecting', 'connected', { at: from + 9 * MINUTE });
		for (const id of [shop, store, kiosk]) {
			await change(id, 'connected', 'reconnecting', {
				at: from + 30 * MINUTE,
				reason: 'connection_lost',
				closeCode: 428,
			});
			await change(id, 'reconnecting', 'connected', { at: from + 31 * MINUTE });
		}
		await change(kiosk, 'connected', 'stopped', {
			at: from + 45 * MINUTE,
			reason: 'stopped_by_user',
		});
	});

	afterAll(() => api.close());

	describe('/v1/instances/:instance_id/transitions', () => {
		it('lists every change of state, newest first', async () => {
			const { status, json } = await transitions(shop);

			expect(status).toBe(200);
			expect(json.next_cursor).toBeNull();
			expect(json.data).toHaveLength(5);
			expect(json.data[1]).toEqual({
				id: expect.stringMatching(/^trn_/),
				from: 'connected',
				to: 'reconnecting',
				reason: 'connection_lost',
				close_code: 428,
				at: iso(from + 30 * MINUTE),
				duration_ms: MINUTE,
				incident: true,
			});
			expect(json.data[0]).toMatchObject({
				to: 'connected',
				reason: null,
				close_code: null,
				duration_ms: null,
				incident: false,
			});
			expect(json.data[3]).toMatchObject({ reason: 'server_error', incident: false });
		});

		it('goes from page to page', async () => {
			const { json: whole } = await transitions(shop);

			const first = await transitions(shop, 'limit=2');
			const second = await transitions(shop, `limit=3&cursor=${first.json.next_cursor}`);

			expect([...first.json.data, ...second.json.data]).toEqual(whole.data);
			expect(second.json.next_cursor).toBeNull();
		});

		it('is empty for an instance that never left its first state', async () => {
			expect(await transitions(await api.newInstance())).toMatchObject({
				status: 200,
				json: { data: [], next_cursor: null },
			});
		});

		it.each([`inst_${NOBODY}`, 'inst_1'])('finds no instance %s', async (id) => {
			expect(await transitions(id)).toMatchObject({
				status: 404,
				json: { error: { code: 'instance_not_found' } },
			});
		});

		it("does not find a stranger's instance, nor one of the other mode", async () => {
			for (const key of [api.keys.stranger, api.keys.live]) {
				const { status } = await api.call('GET', `/v1/instances/${shop}/transitions`, { key });
				expect(status).toBe(404);
			}
		});

		it('refuses what it does not know', async () => {
			const { status, json } = await transitions(shop, 'from=2026-01-01T00:00:00Z');

			expect(status).toBe(400);
			expect(json.error.details.issues).toEqual([
				{ path: 'from', message: 'is not a known field' },
			]);
		});
	});

	describe('/v1/uptime', () => {
		it('tells how much of an hour an instance was up, and what took it down', async () => {
			const { status, json } = await uptime(`${hour}&instance_id=${shop}`);

			expect(status).toBe(200);
			expect(json).toEqual({
				from: iso(from),
				to: iso(from + HOUR),
				data: [
					{
						instance_id: shop,
						name: 'shop',
						uptime_percent: 93.333,
						connected_ms: 56 * MINUTE,
						observed_ms: HOUR,
						mean_time_to_recovery_ms: 2 * MINUTE,
						disconnects: { server_error: 1, connection_lost: 1 },
						incidents: 1,
						hourly: [{ at: iso(from), uptime_percent: 93.333 }],
					},
				],
				next_cursor: null,
			});
		});

		it('does not count time after a stop by choice', async () => {
			const { json } = await uptime(`${hour}&instance_id=${kiosk}`);

			expect(json.data[0]).toMatchObject({
				uptime_percent: 97.777,
				connected_ms: 44 * MINUTE,
				observed_ms: 45 * MINUTE,
				disconnects: { connection_lost: 1 },
			});
		});

		it('is of all instances of the key, newest first and page by page', async () => {
			const whole = await uptime(hour);

			const first = await uptime(`${hour}&limit=1`);
			const rest = await uptime(`${hour}&cursor=${first.json.next_cursor}`);

			expect(whole.json.data.map(idOf)).toEqual(expect.arrayContaining([kiosk, store, shop]));
			expect([...first.json.data, ...rest.json.data]).toEqual(whole.json.data);
			expect(rest.json.next_cursor).toBeNull();
		});

		it('is of the last 24 hours unless it is asked for others', async () => {
			const { json } = await uptime('');

			expect(Date.parse(json.to) - Date.parse(json.from)).toBe(DAY);
			expect(Math.abs(Date.now() - Date.parse(json.to))).toBeLessThan(MINUTE);
		});

		it('understands instants of any time zone', async () => {
			const query = `from=${plus(from, 2)}&to=${plus(from + HOUR, -3)}`;

			const { json } = await uptime(query);

			expect(json).toMatchObject({ from: iso(from), to: iso(from + HOUR) });
		});

		it('is null for an instance that was never started', async () => {
			const id = await api.newInstance();

			const { json } = await uptime(`instance_id=${id}`);

			expect(json.data[0]).toMatchObject({
				uptime_percent: null,
				connected_ms: 0,
				observed_ms: 0,
				mean_time_to_recovery_ms: null,
				disconnects: {},
				incidents: 0,
			});
		});

		it.each([
			['from=yesterday', 'from', 'must be an instant such as 2026-01-31T12:00:00Z'],
			['to=2026-01-31', 'to', 'must be an instant such as 2026-01-31T12:00:00Z'],
			['to=2026-02-30T12:00:00Z', 'to', 'must be an instant such as 2026-01-31T12:00:00Z'],
			['from=1767225600000', 'from', 'must be an instant such as 2026-01-31T12:00:00Z'],
			['from=2999-01-01T00:00:00Z', 'from', expect.stringMatching(/^must be before to/)],
			[
				'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00.001Z',
				'from',
				expect.stringMatching(/^must be at most 31 days before to/),
			],
			['instance=1', 'instance', 'is not a known field'],
		])('refuses the query %s', async (query, path, message) => {
			const { status, json } = await uptime(query);

			expect(status).toBe(400);
			expect(json.error).toMatchObject({
				code: 'invalid_request',
				details: { issues: [{ path, message }] },
			});
		});

		it.each([`inst_${NOBODY}`, 'inst_1', ''])('finds no instance "%s"', async (id) => {
			expect(await uptime(`instance_id=${id}`)).toMatchObject({
				status: 404,
				json: { error: { code: 'instance_not_found' } },
			});
		});

		it('shows a stranger nothing', async () => {
			const { json } = await api.call('GET', '/v1/uptime', { key: api.keys.stranger });

			expect(json.data).toEqual([]);
		});
	});

	function transitions(id: string, query = '') {
		return api.call('GET', `/v1/instances/${id}/transitions?${query}`);
	}

	function uptime(query: string) {
		return api.call('GET', `/v1/uptime?${query}`);
	}

	async function createdAt(id: string, at: number): Promise<void> {
		await api.database.db
			.updateTable('instances')
			.set({ created_at: at })
			.where('id', '=', id as InstanceId)
			.execute();
	}

	async function change(
		id: string,
		fromState: InstanceState,
		to: InstanceState,
		row: { at: number; reason?: StatusReason; closeCode?: number },
	): Promise<void> {
		await api.database.storage.transitions.add({
			id: ids.next('trn'),
			instanceId: id as InstanceId,
			from: fromState,
			to,
			reason: null,
			closeCode: null,
			...row,
		});
	}
});

function iso(at: number): string {
	return new Date(at).toISOString();
}

/** The same instant, as a clock so many hours away from UTC shows it. */
function plus(at: number, hours: number): string {
	const zone = `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`;
	return encodeURIComponent(iso(at + hours * HOUR).replace('Z', zone));
}

function idOf({ instance_id }: { instance_id: string }): string {
	return instance_id;
}
