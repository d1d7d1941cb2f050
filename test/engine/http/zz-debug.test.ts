import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../../support/system.ts';
import { Api, type Answer } from './api.ts';

// A QR code may take ten seconds on a machine that is busy with other tests.
jest.setTimeout(30_000);

const CONTACT = '5511988887777';
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

describe('The simulated network over HTTP', () => {
	let api: Api;
	let instance: string;

	const live = new Map<any, [number, string]>();
	beforeAll(async () => {
		const st = globalThis.setTimeout, ct = globalThis.clearTimeout;
		(globalThis as any).setTimeout = (f: any, ms: number, ...a: any[]) => { const t = st((...b: any[]) => { live.delete(t); f(...b); }, ms, ...a); live.set(t, [ms, new Error().stack!.split('\n').slice(2, 7).map(l => l.trim().replace(/.*work.main./, '')).join(' < ')]); return t; };
		(globalThis as any).clearTimeout = (t: any) => { live.delete(t); ct(t); };

		api = await Api.open();
		instance = await api.newInstance();
	});

	afterAll(async () => { await api.close(); await new Promise((r) => setTimeout(r, 2000)); process.stdout.write([...live.values()].map((v) => v.join(' ms ')).join('\n') + '\n'); });

	it('shows the QR code of an instance that was never started, as JSON and as a picture', async () => {
		const asJson = await qr('');
		const asPng = await qr('?format=png');

		expect(asJson.status).toBe(200);
		expect(asJson.headers['cache-control']).toBe('no-store');
		expect(asJson.json).toEqual({
			instance_id: instance,
			qr: expect.stringMatching(/^data:image\/png;base64,/),
			code: expect.stringMatching(/,/),
			expires_at: expect.stringMatching(/Z$/),
		});
		expect(asPng.status).toBe(200);
		expect(asPng.headers).toMatchObject({
			'content-type': 'image/png',
			'cache-control': 'no-store',
			'content-length': String(asPng.bytes.length),
		});
		expect(asPng.bytes.subarray(0, 4)).toEqual(PNG);
		expect(asJson.json.qr).toBe(`data:image/png;base64,${asPng.bytes.toString('base64')}`);
		expect((await qr('?format=json')).json).toEqual(asJson.json);
		expect(await qr('?format=svg')).toMatchObject({
			status: 400,
			json: {
				error: {
					details: { issues: [{ path: 'format', message: 'must be "json" or "png"' }] },
				},
			},
		});
		expect(await api.call('HEAD', `/v1/instances/${instance}/qr?format=png`)).toMatchObject({
			status: 200,
			headers: { 'content-type': 'image/png' },
		});
	});

	it('lets a phone scan it, and the instance is connected', async () => {
		const scanned = await sandbox('POST', 'scan', {
			phone_number: '+5511977776666',
			push_name: 'Shop',
		});

		expect(scanned).toMatchObject({ status: 200, json: { phone_number: '5511977776666' } });
		await inState('connected');
		expect((await api.call('GET', `/v1/instances/${instance}`)).json).toMatchObject({
			status: 'connected',
			session_status: 'WORKING',
			phone_number: '5511977776666',
		});
	});

	it('has no QR code for an instance that is connected, in either form', async () => {
		const refused = { status: 409, json: { error: { code: 'no_qr' } } };

		expect(await qr('')).toMatchObject(refused);
		expect(await qr('?format=png')).toMatchObject(refused);
		expect(await sandbox('POST', 'scan')).toMatchObject(refused);
	});

	it('carries messages both ways', async () => {
		const written = await sandbox('POST', 'messages', {
			from: `+${CONTACT}`,
			body: { type: 'text', text: 'Olá!' },
			push_name: 'Maria',
		});
		const sent = await api.call('POST', `/v1/instances/${instance}/messages`, {
			body: { to: CONTACT, body: { type: 'text', text: 'Hi Maria' }, fail_fast: true },
		});

		expect(written).toMatchObject({ status: 202, json: { message_id: expect.any(String) } });
		expect(sent.status).toBe(202);
		const message = `/v1/instances/${instance}/messages/${sent.json.message_id}`;
		const read = await eventually(async () => {
			const { json } = await api.call('GET', message);
			return json.status === 'read' ? json : undefined;
		});
		expect(read).toMatchObject({ sent_at: expect.any(String), read_at: expect.any(String) });
		expect((await sandbox('GET', 'outbox')).json).toEqual({
			data: [
				{
					message_id: expect.any(String),
					to: CONTACT,
					body: { type: 'text', text: 'Hi Maria' },
					received_at: expect.stringMatching(/Z$/),
				},
			],
		});
	});

	it('causes faults', async () => {
		const caused = await sandbox('POST', 'fault', { kind: 'logged_out' });

		expect(caused).toMatchObject({ status: 202, json: { kind: 'logged_out' } });
		await inState('logged_out');
	});

	it('scans with an unused number when no body says which', async () => {
		const other = await api.newInstance();

		const scanned = await api.call('POST', `/v1/sandbox/instances/${other}/scan`);

		expect(scanned).toMatchObject({
			status: 200,
			json: { phone_number: expect.stringMatching(/^\d{7,15}$/) },
		});
	});

	it('refuses what cannot be done now, and says why', async () => {
		const idle = await api.newInstance();

		const refused = await api.call('POST', `/v1/sandbox/instances/${idle}/messages`, {
			body: { from: CONTACT, body: { type: 'text', text: 'Hi' } },
		});

		expect(refused).toMatchObject({
			status: 409,
			json: {
				error: { code: 'sandbox_refused', details: { reason: 'unknown_device' } },
			},
		});
	});

	it('starts no more sessions than the engine may have', async () => {
		let answer: Answer;
		do answer = await api.call('POST', `/v1/instances/${await api.newInstance()}/start`);
		while (answer.status === 200);

		expect(answer).toMatchObject({
			status: 503,
			json: { error: { code: 'worker_at_capacity', details: { sessions: 3, capacity: 3 } } },
		});
	});

	it.each([
		['scan', { phone_number: 'mine' }, 'phone_number'],
		['scan', { phone_number: '123456' }, 'phone_number'],
		['scan', { push_name: '' }, 'push_name'],
		['scan', { number: '5511977776666' }, 'number'],
		['scan', [], 'body'],
		['messages', { from: 'Maria', body: { type: 'text', text: 'a' } }, 'from'],
		['messages', { from: CONTACT }, 'body'],
		['messages', { from: CONTACT, body: { type: 'text', text: '' } }, 'body.text'],
		['messages', { from: CONTACT, body: { type: 'text', text: 'a' }, to: '1' }, 'to'],
		['fault', { kind: 'earthquake' }, 'kind'],
		['fault', {}, 'kind'],
	])('refuses bad input to %s: %j', async (what, body, path) => {
		expect(await sandbox('POST', what, body)).toMatchObject({
			status: 400,
			json: { error: { code: 'invalid_request', details: { issues: [{ path }] } } },
		});
	});

	function qr(query: string): Promise<Answer> {
		return api.call('GET', `/v1/instances/${instance}/qr${query}`);
	}

	function sandbox(method: string, what: string, body?: unknown): Promise<Answer> {
		return api.call(method, `/v1/sandbox/instances/${instance}/${what}`, { body });
	}

	function inState(state: string): Promise<true> {
		return eventually(
			async () => {
				const { json } = await api.call('GET', `/v1/instances/${instance}`);
				return json.state === state;
			},
			{ what: `state ${state}` },
		) as Promise<true>;
	}
});
