import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { STATUS } from '../../../engine/src/http/errors.ts';
import { EVENT_NAMES } from '../../../engine/src/domain/events.ts';
import { Api, type Answer } from './api.ts';

const RUNS = { numRuns: 150 };

describe('A request body', () => {
	let api: Api;
	let instance: string;

	beforeAll(async () => {
		api = await Api.open();
		instance = await api.newInstance();
	});

	afterAll(() => api.close());

	it.each([
		['{"name":"a"', `Expected ',' or '}' after property value (line 1 column 12)`],
		['{"name": "say "hi""}', `Expected ',' or '}' after property value (line 1 column 16)`],
		['{\n"name": a}', `Unexpected token 'a'`],
		['{"name":"a\nb"}', 'Bad control character in string literal (line 1 column 11)'],
		['{"name":', 'Unexpected end'],
		['{"name":"a"} {}', 'Unexpected non-whitespace character (line 1 column 14)'],
		['undefined', 'some other text'],
		['name=a', `Unexpected token 'a'`],
		['\0', `Unexpected token '\0'`],
		['{"__proto__":{"name":"a"}}', 'a field may not be named __proto__ or constructor.prototype'],
		['{"constructor":{"prototype":{}}}', expect.stringMatching(/constructor\.prototype/)],
	])('that is not JSON is refused, and the place is named: %j', async (raw, fault) => {
		const { status, json } = await create({ raw });

		expect(status).toBe(400);
		expect(json.error.code).toBe('invalid_request');
		const [issue] = json.error.details.issues as { path: string; message: string }[];
		expect(issue?.path).toBe('body');
		expect(/^is not JSON \((.*)\)$/s.exec(issue!.message)?.[1]).toEqual(fault);
		expect(json.error.hint).toMatch(/^Correct the JSON: /);
	});

	it('never comes back in the refusal', async () => {
		const { bytes } = await create({ raw: '{"name":"my-secret", nonsense}' });
		const wrong = await create({ body: { name: 7, metadata: 'my-secret' } });

		expect(bytes.toString()).not.toContain('my-secret');
		expect(wrong.bytes.toString()).not.toContain('my-secret');
	});

	it('must be UTF-8', async () => {
		const raw = Buffer.from('{"name":"caf\xe9"}', 'latin1');

		expect(await create({ raw })).toMatchObject({
			status: 400,
			json: { error: { details: { issues: [{ message: 'is not text in UTF-8' }] } } },
		});
		expect(await create({ raw: Buffer.from('\ufeff{"name":"café"}') })).toMatchObject({
			status: 201,
			json: { name: 'café' },
		});
	});

	it.each([
		['text/plain'],
		['application/xml'],
		['application/x-www-form-urlencoded'],
		['multipart/form-data; boundary=x'],
		['nonsense'],
	])('must not be sent as %s', async (contentType) => {
		const answer = await create({ raw: '{"name":"a"}', headers: { 'content-type': contentType } });

		expect(answer).toMatchObject({
			status: 415,
			json: { error: { code: 'unsupported_media_type' } },
		});
	});

	it.each(['application/json; charset=utf-8', 'Application/JSON'])(
		'may be sent as %s',
		async (contentType) => {
			const headers = { 'content-type': contentType };

			expect(await create({ raw: '{"name":"a"}', headers })).toMatchObject({ status: 201 });
		},
	);

	it('may be empty where none is needed, whatever its type says', async () => {
		const headers = { 'content-type': 'application/json' };

		expect(
			await api.call('POST', `/v1/instances/${instance}/stop`, { raw: '', headers }),
		).toMatchObject({ status: 200 });
		expect(await create({ raw: '', headers })).toMatchObject({
			status: 400,
			json: { error: { details: { issues: [{ path: 'body', message: 'must be an object' }] } } },
		});
	});

	it('may have one mebibyte and no more', async () => {
		const padded = (bytes: number) => `{"name":"a"}`.padEnd(bytes, ' ');

		expect(await create({ raw: padded(1024 * 1024) })).toMatchObject({ status: 201 });
		expect(await create({ raw: padded(1024 * 1024 + 1) })).toMatchObject({
			status: 413,
			json: { error: { code: 'payload_too_large' } },
		});
	});

	it.each([
		['POST', () => '/v1/instances'],
		['PATCH', () => `/v1/instances/${instance}`],
		['POST', () => `/v1/instances/${instance}/messages`],
		['POST', () => '/v1/webhook-endpoints'],
		['POST', () => `/v1/sandbox/instances/${instance}/messages`],
		['POST', () => `/v1/sandbox/instances/${instance}/fault`],
	])('of any kind is accepted or refused, and breaks nothing: %s, case %#', async (method, url) => {
		await fc.assert(
			fc.asyncProperty(anyBody(), async (body) => {
				expectSound(await api.call(method, url(), { body }));
			}),
			RUNS,
		);
	});

	it('of any bytes is accepted or refused, and breaks nothing', async () => {
		await fc.assert(
			fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.string(), fc.json()), async (raw) => {
				expectSound(await create({ raw: typeof raw === 'string' ? raw : Buffer.from(raw) }));
			}),
			RUNS,
		);
	});

	function create(call: {
		body?: unknown;
		raw?: string | Buffer;
		headers?: Record<string, string>;
	}) {
		return api.call('POST', '/v1/instances', call);
	}
});

/** Any JSON, and objects that come close to what the routes take. */
function anyBody(): fc.Arbitrary<unknown> {
	const text = fc.string({ unit: 'binary' });
	const odd = fc.jsonValue({ maxDepth: 3 });
	return fc.oneof(
		odd,
		fc.record(
			{
				name: fc.oneof(text, odd),
				metadata: fc.oneof(fc.dictionary(text, odd), odd),
				to: fc.oneof(fc.constant('5511999999999'), text, odd),
				from: fc.oneof(fc.constant('5511999999999'), text, odd),
				body: fc.oneof(fc.record({ type: fc.constant('text'), text: fc.oneof(text, odd) }), odd),
				fail_fast: fc.oneof(fc.boolean(), odd),
				url: fc.oneof(fc.webUrl(), text, odd),
				events: fc.oneof(fc.array(fc.constantFrom(...EVENT_NAMES)), odd),
				signing_secret: fc.oneof(text, odd),
				kind: fc.oneof(fc.constant('silent'), text, odd),
			},
			{ requiredKeys: [] },
		),
	);
}

function expectSound({ status, headers, json }: Answer): void {
	expect(status).toBeLessThan(500);
	if (status < 400) return;
	expect(json).toEqual({
		error: {
			code: expect.any(String),
			message: expect.any(String),
			hint: expect.any(String),
			details: expect.any(Object),
		},
		request_id: headers['x-request-id'],
	});
	expect(status).toBe(STATUS[json.error.code as keyof typeof STATUS]);
}
