import { Script } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/system.ts';
import { Api, NOBODY, type Answer, type LogLine } from './api.ts';

const NUMBER = '5511988887777';
const NOBODYS_TOKEN = 'A'.repeat(43);
const NOT_FOUND = { status: 404, json: { error: { code: 'pairing_link_not_found' } } };

describe('Pairing over HTTP', () => {
	let api: Api;
	let instance: string;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(async () => {
		instance = await api.newInstance();
	});

	/** The engine has three places. */
	afterEach(() => api.call('DELETE', path('')));

	afterAll(() => api.close());

	describe('with a key', () => {
		it('makes a link, shows that there is one, and ends it', async () => {
			expect((await link('GET')).json).toEqual({ active: false, expires_at: null });

			const made = await link('POST');

			expect(made.status).toBe(201);
			expect(made.json).toEqual({
				url: expect.stringMatching(/^https:\/\/engine\.example\/pair\/[\w-]{43}$/),
				expires_at: expect.stringMatching(/Z$/),
			});
			expect((await link('GET')).json).toEqual({
				active: true,
				expires_at: made.json.expires_at,
			});
			expect(await link('DELETE')).toMatchObject({ status: 204, bytes: Buffer.alloc(0) });
			expect(await link('DELETE')).toMatchObject({ status: 204 });
			expect((await link('GET')).json).toEqual({ active: false, expires_at: null });
			expect(await open(made.json.url, '/state')).toMatchObject(NOT_FOUND);
		});

		it('gives a code that links the phone which it is typed into', async () => {
			const { status, json } = await code({ phone_number: `+${NUMBER}` });

			expect(status).toBe(200);
			expect(json).toEqual({
				code: expect.stringMatching(/^[0-9A-Z]{8}$/),
				expires_at: expect.stringMatching(/Z$/),
			});
			const typed = await enter({ phone_number: NUMBER, code: json.code, push_name: 'Shop' });
			expect(typed).toMatchObject({ status: 200, json: { phone_number: NUMBER } });
			await inState('connected');
			expect((await api.call('GET', path(''))).json.phone_number).toBe(NUMBER);
			expect(await code({ phone_number: NUMBER })).toMatchObject({
				status: 409,
				json: { error: { code: 'pair_code_unavailable', details: { state: 'connected' } } },
			});
			expect(await link('POST')).toMatchObject({
				status: 409,
				json: { error: { code: 'invalid_transition', details: { state: 'connected' } } },
			});
		});

		it('takes no code that was not given', async () => {
			const early = await enter({ phone_number: NUMBER, code: 'ABCD-1234' });
			await code({ phone_number: NUMBER });
			const wrong = await enter({ phone_number: NUMBER, code: 'AAAA-AAAA' });

			expect(early).toMatchObject({
				status: 409,
				json: { error: { details: { reason: 'pairing_code_not_requested' } } },
			});
			expect(wrong).toMatchObject({ status: 409, json: { error: { code: 'sandbox_refused' } } });
		});

		it.each([
			[{}, 'phone_number'],
			[{ phone_number: 'mine' }, 'phone_number'],
			[{ phone_number: NUMBER, number: NUMBER }, 'number'],
		])('refuses %j instead of a number', async (body, at) => {
			expect(await code(body)).toMatchObject({
				status: 400,
				json: { error: { code: 'invalid_request', details: { issues: [{ path: at }] } } },
			});
		});

		it.each([
			['POST', 'pairing-link'],
			['GET', 'pairing-link'],
			['DELETE', 'pairing-link'],
			['POST', 'pair-code'],
		])('knows nothing of others at %s …/%s', async (method, what) => {
			const body = what === 'pair-code' ? { phone_number: NUMBER } : undefined;
			const notFound = { status: 404, json: { error: { code: 'instance_not_found' } } };

			for (const [id, key] of [
				[`inst_${NOBODY}`, api.keys.test],
				['nonsense', api.keys.test],
				[instance, api.keys.stranger],
				[instance, api.keys.live],
			] as const) {
				const answer = await api.call(method, `/v1/instances/${id}/${what}`, { key, body });
				expect(answer).toMatchObject(notFound);
			}
			const keyless = await api.call(method, path(`/${what}`), { key: null, body });
			expect(keyless.status).toBe(401);
		});
	});

	describe('with a link alone', () => {
		let url: string;

		beforeEach(async () => {
			url = (await link('POST')).json.url as string;
		});

		it('shows a page that may do nothing but what is in it', async () => {
			const { status, headers, bytes } = await open(url);
			const html = bytes.toString('utf8');
			const policy = String(headers['content-security-policy']);
			const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];

			expect(status).toBe(200);
			expect(headers).toMatchObject({
				'content-type': 'text/html; charset=utf-8',
				'cache-control': 'no-store',
				'referrer-policy': 'no-referrer',
				'x-robots-tag': 'noindex, nofollow',
				'x-frame-options': 'DENY',
				'x-content-type-options': 'nosniff',
			});
			expect(policy).toContain("default-src 'none'");
			expect(policy).toContain("frame-ancestors 'none'");
			expect(policy).not.toContain('unsafe');
			expect(html).toContain('<html lang="en">');
			expect(html.match(/<(script|style)\b[^>]*>/g)).toEqual([
				`<style nonce="${nonce}">`,
				`<script type="module" nonce="${nonce}">`,
			]);
			expect(html).not.toMatch(/\son\w+="|\sstyle="|https?:\/\/|javascript:/);
			expect((await open(url)).headers['content-security-policy']).not.toBe(policy);
		});

		it('has a script that a browser can read', async () => {
			const html = (await open(url)).bytes.toString('utf8');
			const script = /<script[^>]*>([^]*)<\/script>/.exec(html)?.[1];

			expect(() => new Script(`(async () => {${script}})`)).not.toThrow();
		});

		it('says how far the pairing has come, from the first look to the linked phone', async () => {
			const first = await open(url, '/state');

			expect(first.status).toBe(200);
			expect(first.headers).toMatchObject({
				'cache-control': 'no-store',
				'content-security-policy': expect.stringContaining("default-src 'none'"),
			});
			expect(first.json).toEqual({
				version: expect.any(String),
				name: 'shop',
				step: 'idle',
				reason: null,
				can_start: true,
				qr: null,
				pairing_code: null,
				phone_number: null,
				link_expires_at: expect.stringMatching(/Z$/),
				now: expect.stringMatching(/Z$/),
			});

			expect((await post(url, '/start')).status).toBe(200);
			const shown = await follow(url, 'scan');
			expect(shown.qr).toEqual({
				image: (await api.call('GET', path('/qr'))).json.qr,
				expires_at: expect.stringMatching(/Z$/),
			});

			await api.call('POST', `/v1/sandbox/instances/${instance}/scan`, {
				body: { phone_number: NUMBER },
			});
			const linked = await follow(url, 'connected');
			expect(linked).toMatchObject({ qr: null, phone_number: '…7777', can_start: false });
			expect(JSON.stringify(linked)).not.toContain(NUMBER);
		});

		it('gets a code to type, and shows it to whoever loads the page again', async () => {
			const got = await post(url, '/code', { phone_number: NUMBER });

			expect(got).toMatchObject({ status: 200, json: { code: expect.any(String) } });
			expect((await open(url, '/state')).json.pairing_code).toEqual(got.json);
			await enter({ phone_number: NUMBER, code: got.json.code });
			await follow(url, 'connected');
			expect(await post(url, '/code', { phone_number: NUMBER })).toMatchObject(NOT_FOUND);
		});

		it('starts nothing that its owner has stopped', async () => {
			await api.call('POST', path('/stop'));

			expect((await open(url, '/state')).json).toMatchObject({ step: 'stopped', can_start: false });
			for (const answer of [
				await post(url, '/start'),
				await post(url, '/code', { phone_number: NUMBER }),
			]) {
				expect(answer).toMatchObject({
					status: 409,
					json: { error: { code: 'invalid_transition', details: { state: 'stopped' } } },
				});
			}
		});

		it('is told when it asked for too many codes', async () => {
			for (let i = 0; i < 3; i++) await post(url, '/code', { phone_number: NUMBER });

			expect(await post(url, '/code', { phone_number: NUMBER })).toMatchObject({
				status: 409,
				json: {
					error: {
						code: 'pair_code_unavailable',
						details: { reason: 'too_many_codes', retry_after_seconds: expect.any(Number) },
					},
				},
			});
		});

		it.each(['mine', '', '1', '+'])('refuses %j as a phone number', async (number) => {
			expect(await post(url, '/code', { phone_number: number })).toMatchObject({
				status: 400,
				json: { error: { details: { issues: [{ path: 'phone_number' }] } } },
			});
		});

		it('opens no other door', async () => {
			const token = tokenOf(url);

			for (const [method, where] of [
				['GET', '/v1/instances'],
				['GET', path('')],
				['GET', path('/qr')],
			] as const) {
				const answer = await api.call(method, where, { key: token });
				expect(answer.status).toBe(401);
			}
		});

		it('leaves its token in no log and no answer', async () => {
			const token = tokenOf(url);
			api.log.length = 0;

			const answers = [
				await open(url),
				await open(url, '/state'),
				await post(url, '/start'),
				await post(url, '/code', { phone_number: 'wrong' }),
				await post(url, '/nothing'),
				await api.call('PUT', `/pair/${token}`, { key: null }),
				await api.call('GET', `/pair/${token}/%zz`, { key: null }),
				await api.call('POST', `/pair/${token}/code`, { key: null, raw: '{"phone_number":' }),
			];
			await link('DELETE');
			answers.push(await open(url), await open(url, '/state'));

			const said = answers.map(({ headers, bytes }) => JSON.stringify(headers) + String(bytes));
			expect(said.join('\n')).not.toContain(token);
			expect(JSON.stringify(api.log)).not.toContain(token);
			expect(api.log.map(routeOf)).toContain('/pair/:token/state');
		});
	});

	describe('with a link that is not good', () => {
		it.each([
			['unknown', () => NOBODYS_TOKEN],
			['malformed', () => 'x'],
			['encoded', () => '%2e%2e%2fv1'],
			['very long', () => 'A'.repeat(5_000)],
			['revoked', () => ended(() => link('DELETE'))],
			['replaced', () => ended(() => link('POST'))],
		])('answers one that is %s like any other', async (_, tokenFor) => {
			const token = await tokenFor();
			const page = await api.call('GET', `/pair/${token}`, { key: null });
			const state = await api.call('GET', `/pair/${token}/state`, { key: null });

			expect(page.status).toBe(404);
			expect(page.headers).toMatchObject({
				'content-type': 'text/html; charset=utf-8',
				'cache-control': 'no-store',
			});
			expect(String(page.bytes)).toContain('This link is not valid');
			expect(String(page.bytes)).not.toContain('<script');
			expect(state).toMatchObject(NOT_FOUND);
			expect(await post(`/pair/${token}`, '/start')).toMatchObject(NOT_FOUND);
			expect(await post(`/pair/${token}`, '/code', { phone_number: NUMBER })).toMatchObject(
				NOT_FOUND,
			);
		});
	});

	function path(rest: string): string {
		return `/v1/instances/${instance}${rest}`;
	}

	function link(method: string): Promise<Answer> {
		return api.call(method, path('/pairing-link'));
	}

	function code(body: object): Promise<Answer> {
		return api.call('POST', path('/pair-code'), { body });
	}

	function enter(body: object): Promise<Answer> {
		return api.call('POST', `/v1/sandbox/instances/${instance}/enter-code`, { body });
	}

	/** As the page does it: by the link and without a key. */
	function open(url: string, rest = ''): Promise<Answer> {
		return api.call('GET', `/pair/${tokenOf(url)}${rest}`, { key: null });
	}

	function post(url: string, rest: string, body?: object): Promise<Answer> {
		return api.call('POST', `/pair/${tokenOf(url)}${rest}`, { key: null, body });
	}

	function tokenOf(url: string): string {
		return url.split('/pair/')[1]!;
	}

	/** Makes a link and lets it end. */
	async function ended(end: () => Promise<unknown>): Promise<string> {
		const { json } = await link('POST');
		await end();
		return tokenOf(json.url);
	}

	function inState(state: string): Promise<true> {
		return eventually(async () => (await api.call('GET', path(''))).json.state === state, {
			what: `state ${state}`,
		}) as Promise<true>;
	}

	/** Waits for this step as the page does, each time for the next change. */
	async function follow(url: string, step: string): Promise<Answer['json']> {
		let since = '';
		return eventually(
			async () => {
				const { json } = await open(url, `/state?since=${since}`);
				since = json.version;
				return json.step === step && json;
			},
			{ what: `step ${step}`, withinMs: 20_000 },
		);
	}
});

function routeOf({ fields }: LogLine): unknown {
	return fields['route'];
}
