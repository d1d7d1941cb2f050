import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EVENT_NAMES } from '../../../engine/src/domain/events.ts';
import { EventSourceReader, type EventSourceOptions } from '../../support/event-source.ts';
import { eventually } from '../../support/system.ts';
import { Api, NOBODY } from './api.ts';

describe('GET /v1/events', () => {
	let api: Api;
	let base: string;
	let instance: string;
	const readers: EventSourceReader[] = [];

	beforeEach(async () => {
		api = await Api.open();
		base = await api.app.listen({ host: '127.0.0.1', port: 0 });
		instance = await api.newInstance();
	});

	afterEach(async () => {
		for (const reader of readers.splice(0)) reader.close();
		await api.close();
	});

	it('streams events as they are stored, and says at once that it is open', async () => {
		const reader = await open();

		await eventually(() => reader.comments.length);
		await api.emitQr(instance, 2);
		await reader.until(2);

		const rows = await api.database.db.selectFrom('events').select(['id', 'body']).execute();
		const frames = rows.map(({ id, body }) => `id: ${id}\ndata: ${body}\n\n`);
		expect(reader.text).toBe(`retry: 3000\n: events follow as they happen\n\n${frames.join('')}`);
		expect(reader.status).toBe(200);
		expect(reader.headers).toMatchObject({
			'content-type': 'text/event-stream',
			'cache-control': 'no-store',
			'x-accel-buffering': 'no',
			'x-request-id': expect.stringMatching(/^req_/),
		});
		expect(reader.headers).not.toHaveProperty('access-control-allow-origin');
	});

	it.each([
		['the header that browsers send', (id: string) => ({ headers: { 'last-event-id': id } })],
		['the query', (id: string) => ({ query: `?last_event_id=${id}` })],
		[
			'the header before the query',
			(id: string) => ({
				query: `?last_event_id=evt_${NOBODY}`,
				headers: { 'last-event-id': id },
			}),
		],
	])('goes on where a connection broke, by %s', async (_, resume) => {
		const first = await open();
		await api.emitQr(instance, 3);
		await first.until(3);
		first.close();
		await api.emitQr(instance, 2);

		const second = await open(resume(first.events[1]!.id));
		await api.emitQr(instance, 1);
		await second.until(4);

		expect(codesOf(second)).toEqual(['code 2', 'code 0', 'code 1', 'code 0']);
		expect(second.comments).toHaveLength(1);
	});

	it('loses and repeats nothing across connections while events are written', async () => {
		let reader = await open();
		const writing = (async () => {
			for (let i = 0; i < 100; i++) await api.emitQr(instance, 3);
		})();

		const got: string[] = [];
		while (got.length < 300) {
			await reader.until(1);
			reader.close();
			got.push(...reader.events.map(({ id }) => id));
			reader = await open({ headers: { 'last-event-id': got.at(-1)! } });
		}
		await writing;

		const rows = await api.database.db
			.selectFrom('events')
			.select('id')
			.orderBy('sequence')
			.execute();
		expect(got).toEqual(rows.map(({ id }) => id));
	});

	it('begins now when the last event is an empty text', async () => {
		await api.emitQr(instance, 1);

		const reader = await open({ headers: { 'last-event-id': '' }, query: '?last_event_id=' });
		await api.emitQr(instance, 2);

		expect(codesOf(await reader.until(2))).toEqual(['code 0', 'code 1']);
	});

	it('says that it does not know where to begin, and begins with what is kept', async () => {
		await api.emitQr(instance, 1);

		const reader = await open({ headers: { 'last-event-id': `evt_${NOBODY}` } });
		await reader.until(1);

		expect(reader.comments[1]).toContain('events are missing here');
		expect(codesOf(reader)).toEqual(['code 0']);
	});

	it('leaves out what was not asked for', async () => {
		const other = await api.newInstance();
		const one = await open({ query: `?instance_id=${instance}` });
		const none = await open({ query: '?events=message.sent,message.received' });
		const both = await open({ query: '?events=qr.updated,%20message.sent' });

		await api.emitQr(other, 1);
		await api.emitQr(instance, 2);
		await Promise.all([one.until(2), both.until(3)]);

		expect(codesOf(one)).toEqual(['code 0', 'code 1']);
		expect(codesOf(both)).toEqual(['code 0', 'code 0', 'code 1']);
		expect(none.events).toEqual([]);
	});

	it.each([
		['?events=message.sent,nonsense', 'events', EVENT_NAMES.join(', ')],
		['?events=', 'events', EVENT_NAMES.join(', ')],
		['?last_event_id=12', 'last_event_id', 'must be the id of an event, evt_…'],
		['?instances=1', 'instances', 'is not a known field'],
	])('refuses %s', async (query, path, message) => {
		const { status, json } = await api.call('GET', `/v1/events${query}`);

		expect(status).toBe(400);
		expect(json.error).toMatchObject({
			code: 'invalid_request',
			details: { issues: [{ path, message: expect.stringContaining(message) }] },
		});
	});

	it('refuses a last event that is none, and instances of others', async () => {
		const headers = { 'last-event-id': '12' };
		const url = `/v1/events?instance_id=${instance}`;

		expect(await api.call('GET', '/v1/events', { headers })).toMatchObject({ status: 400 });
		expect(await api.call('GET', url, { key: api.keys.stranger })).toMatchObject({
			status: 404,
			json: { error: { code: 'instance_not_found' } },
		});
		expect(await api.call('HEAD', '/v1/events')).toMatchObject({ status: 404 });
	});

	it('refuses the twenty-first stream until another one ends', async () => {
		const open20 = await Promise.all(Array.from({ length: 20 }, () => open()));

		const refused = await api.call('GET', '/v1/events');
		open20[3]!.close();

		expect(refused).toMatchObject({
			status: 429,
			headers: { 'retry-after': '30' },
			json: { error: { code: 'too_many_streams', details: { most: 20 } } },
		});
		await eventually(async () => (await open()).status === 200);
	});

	it('ends streams with a farewell when the engine stops, at once', async () => {
		const reader = await open();
		await eventually(() => reader.comments.length);

		await api.app.close();

		await eventually(() => reader.end !== 'open');
		expect(reader.end).toBe('whole');
		expect(reader.comments.at(-1)).toBe('the engine stops; connect again');
	});

	describe('with a token', () => {
		it('streams to browsers of any origin what the key would have seen', async () => {
			const { status, json } = await api.call('POST', '/v1/events/token');
			expect(status).toBe(201);
			expect(Date.parse(json.expires_at) - Date.now()).toBeGreaterThan(50_000);
			const theirs = await api.call('POST', '/v1/events/token', { key: api.keys.stranger });

			const ours = await open({ key: null, query: `?token=${json.token}` });
			const strange = await open({ key: null, query: `?token=${theirs.json.token}` });
			await api.emitQr(instance, 1);
			await ours.until(1);

			expect(ours.headers).toMatchObject({
				'access-control-allow-origin': '*',
				'cache-control': 'no-store',
			});
			expect(strange.status).toBe(200);
			expect(strange.events).toEqual([]);
		});

		it.each([
			['made up', () => 'zst_abc.def', 'Get a token with POST /v1/events/token'],
			['an API key', () => api.keys.test, 'An API key does not belong in a URL'],
			['empty', () => '', 'is not valid'],
			['given twice', () => 'a&token=b', 'is not valid'],
		])('refuses one that is %s, readably for the page', async (_, token, hint) => {
			const { status, headers, json } = await api.call('GET', `/v1/events?token=${token()}`, {
				key: null,
			});

			expect(status).toBe(401);
			expect(json.error).toMatchObject({
				code: 'auth_invalid',
				hint: expect.stringContaining(hint),
			});
			expect(headers['access-control-allow-origin']).toBe('*');
		});

		it('opens nothing else', async () => {
			const { json } = await api.call('POST', '/v1/events/token');
			const { token } = json as { token: string };
			const headers = { authorization: `Bearer ${token}` };

			for (const path of ['/v1/instances', '/v1/webhook-deliveries', '/v1/events/token']) {
				const method = path.endsWith('token') ? 'POST' : 'GET';
				const answers = [
					await api.call(method, `${path}?token=${token}`, { key: null }),
					await api.call(method, path, { key: null, headers }),
				];
				expect(answers.map(({ status }) => status)).toEqual([401, 401]);
				expect(answers[0]!.headers).not.toHaveProperty('access-control-allow-origin');
			}
		});

		it('is in no line of the log', async () => {
			const { json } = await api.call('POST', '/v1/events/token');
			const { token } = json as { token: string };

			const reader = await open({ key: null, query: `?token=${token}` });
			reader.close();
			await api.call('GET', `/v1/events?token=${token}x`, { key: null });

			await eventually(() => api.log.some(({ fields }) => fields['route'] === '/v1/events'));
			expect(api.log.length).toBeGreaterThan(2);
			expect(JSON.stringify(api.log)).not.toMatch(/zst_|token=/);
		});
	});

	async function open({
		key = api.keys.test,
		query = '',
		...options
	}: EventSourceOptions & { key?: string | null; query?: string } = {}) {
		const reader = await EventSourceReader.open(`${base}/v1/events${query}`, {
			...options,
			headers: {
				...(key === null ? {} : { authorization: `Bearer ${key}` }),
				...options.headers,
			},
		});
		readers.push(reader);
		return reader;
	}
});

function codesOf({ events }: EventSourceReader): string[] {
	return events.map(({ data }) => (JSON.parse(data) as { data: { code: string } }).data.code);
}
