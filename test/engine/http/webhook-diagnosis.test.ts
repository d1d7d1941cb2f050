import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CHECK_NAMES } from '../../../engine/src/domain/diagnosis.ts';
import type { Finding } from '../../../engine/src/domain/finding.ts';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { verifyContract } from '../../../engine/src/domain/signature.ts';
import {
	GuardedReceiverProbe,
	type GuardedReceiverProbeOptions,
} from '../../../engine/src/net/receiver-probe.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { eventually } from '../../support/system.ts';
import { certificateBetween } from '../net/certificates.ts';
import { certificateFor, closedPort, startTlsReceiver } from '../net/receivers.ts';
import { closeAll, closing, receive } from '../net/sending.ts';
import { Api, NOBODY, type Answer } from './api.ts';

const DAY_MS = 86_400_000;
const CHECKS_OF_A_REQUEST = ['name_resolves', 'tls_valid', 'answers', 'clock_skew'];

describe('GET /v1/webhook-endpoints/:endpoint_id/diagnose', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	beforeEach(() => {
		api.probe = probe();
		api.dispatching.state = { state: 'closed', consecutiveFailures: 0, nextProbeAt: null };
	});

	// A receiver may get the port that another test's had: each test finds its own endpoints only.
	afterEach(async () => {
		await closeAll();
		const { json } = await api.call('GET', '/v1/webhook-endpoints');
		for (const { id } of json.data) await api.call('DELETE', `/v1/webhook-endpoints/${id}`);
	});

	afterAll(() => api.close());

	it('finds an endpoint healthy after a signed test event that its receiver took', async () => {
		const receiver = await receive();
		const { id, signing_secret: secret } = await create(`${receiver.origin}/in?key=hidden`);

		const { status, json, headers } = await diagnose(id);

		expect(status).toBe(200);
		expect(headers['cache-control']).toBe('no-store');
		expect(json).toMatchObject({ endpoint_id: id, healthy: true });
		expect(json.findings.map(({ check }: Finding) => check)).toEqual(CHECK_NAMES);
		expect(found(json, 'answers')).toMatchObject({ severity: 'ok', evidence: { status: 200 } });
		const [request] = receiver.requests;
		expect(JSON.parse(String(request!.body))).toMatchObject({
			event: 'webhook.test',
			data: { endpoint_id: id },
		});
		const verdict = verifyContract(String(request!.headers['x-whatisup-signature']), {
			secrets: [secret],
			body: request!.body,
			nowSeconds: Math.floor(Date.now() / 1_000),
		});
		expect(verdict).toEqual({ verified: true });
		expect(JSON.stringify(json)).not.toMatch(/hidden|whsec_/);
	});

	it.each([
		['refuses connections', async () => `http://127.0.0.1:${await closedPort()}/`, /be reached/],
		[
			'hangs',
			async () => {
				api.probe = probe({ totalTimeoutMs: 100 });
				return (await receive(() => undefined)).origin;
			},
			/answer in time/,
		],
		[
			'does not know the path of a workflow',
			async () =>
				`${(await receive((response) => response.writeHead(404).end())).origin}/webhook/a`,
			/404.*n8n.*not active/,
		],
		[
			'listens to test events only while n8n waits for one',
			async () =>
				`${(await receive((response) => response.writeHead(404).end())).origin}/webhook-test/a`,
			/404.*test URL/,
		],
		[
			'refuses the signature',
			async () => (await receive((response) => response.writeHead(401).end())).origin,
			/401.*another secret/,
		],
		[
			'redirects',
			async () => {
				const headers = { location: 'https://new.example/in?token=hidden' };
				return (await receive((response) => response.writeHead(301, headers).end())).origin;
			},
			/301, a redirect to https:\/\/new\.example\/in\. /,
		],
	])('says what to do about a receiver that %s', async (_, url, text) => {
		const { id } = await create(await url());

		const { json } = await diagnose(id);

		const finding = found(json, 'answers');
		expect(finding.severity).toBe('error');
		expect(`${finding.message} ${finding.fix}`).toMatch(text);
		expect(json.healthy).toBe(false);
		expect(JSON.stringify(json)).not.toContain('hidden');
	});

	it.each([
		['self-signed', certificateFor('receiver.test'), /self-signed/],
		['expired', certificateBetween('receiver.test', inDays(-3), inDays(-1)), /expired/],
	])('tells a certificate that is %s', async (name, pem, message) => {
		const receiver = closing(await startTlsReceiver(pem));
		api.probe = probe({ ca: name === 'expired' ? pem : undefined });
		const { id } = await create(`https://receiver.test:${receiver.port}/`);

		const { json } = await diagnose(id);

		expect(found(json, 'tls_valid')).toMatchObject({
			severity: 'error',
			message: expect.stringMatching(message),
		});
		expect(found(json, 'name_resolves')).toMatchObject({ evidence: { addresses: 1 } });
		expect(receiver.requests).toEqual([]);
	});

	it('warns of a certificate that ends soon', async () => {
		const pem = certificateFor('receiver.test');
		const receiver = closing(await startTlsReceiver(pem));
		api.probe = probe({ ca: pem });
		const { id } = await create(`https://receiver.test:${receiver.port}/`);

		const { json } = await diagnose(id);

		expect(json.healthy).toBe(true);
		expect(found(json, 'tls_valid')).toMatchObject({
			severity: 'warning',
			evidence: { days_left: 1 },
		});
	});

	it.each([
		['ten minutes behind', -600, 'error'],
		['two minutes ahead', 120, 'warning'],
	])('measures a clock that is %s', async (_, seconds, severity) => {
		const receiver = await receive((response) => {
			response.setHeader('date', new Date(Date.now() + seconds * 1_000).toUTCString()).end();
		});
		const { id } = await create(receiver.origin);

		const { json } = await diagnose(id);

		const { evidence, ...finding } = found(json, 'clock_skew');
		expect(finding).toMatchObject({ severity });
		expect(Math.abs(Number(evidence['skew_seconds']) - seconds)).toBeLessThanOrEqual(2);
	});

	it('calls nobody at a URL that is not allowed (any more), and names the setting', async () => {
		const { id } = await create('https://example.com/');
		await api.database.storage.endpoints.change(id, { url: 'http://10.0.0.1:81/' }, Date.now());

		const { json } = await diagnose(id);

		expect(found(json, 'url_allowed')).toMatchObject({
			severity: 'error',
			evidence: { reason: 'address_not_allowed' },
			fix: expect.stringContaining('10.0.0.1:81 to WEBHOOK_ALLOW_PRIVATE'),
		});
		for (const check of CHECKS_OF_A_REQUEST) {
			expect(found(json, check)).toMatchObject({
				severity: 'info',
				message: expect.stringMatching(/^Not checked\./),
			});
		}
	});

	it('asks the receiver of a disabled endpoint, too', async () => {
		const receiver = await receive();
		const { id } = await create(receiver.origin);
		await api.database.storage.endpoints.disable(id, 'failing', Date.now() - 3 * DAY_MS);

		const { json } = await diagnose(id);

		expect(json.healthy).toBe(false);
		expect(found(json, 'enabled')).toMatchObject({
			severity: 'error',
			message: expect.stringContaining('for 3 days'),
			evidence: { disabled_reason: 'failing' },
		});
		expect(found(json, 'answers')).toMatchObject({ severity: 'ok' });
	});

	it('tells when the circuit is open, and for how long', async () => {
		const nextProbeAt = Date.now() + 60_000;
		api.dispatching.state = { state: 'open', consecutiveFailures: 14, nextProbeAt };
		const { id } = await create((await receive()).origin);

		const { json } = await diagnose(id);

		expect(found(json, 'circuit')).toMatchObject({
			severity: 'warning',
			evidence: {
				state: 'open',
				consecutive_failures: 14,
				next_probe_at: new Date(nextProbeAt).toISOString(),
			},
		});
	});

	it('tells until when the former secret signs after a rotation', async () => {
		const { id } = await create((await receive()).origin);
		await api.call('POST', `/v1/webhook-endpoints/${id}/rotate-secret`, {
			body: { overlap_seconds: 3_600 },
		});

		const { json } = await diagnose(id);

		expect(found(json, 'secret_rotated')).toMatchObject({
			severity: 'info',
			message: expect.stringContaining('for 59 minutes'),
		});
	});

	it('names other endpoints with the same URL, unless they have the same secret', async () => {
		const { origin } = await receive();
		const { id } = await create(origin, { signing_secret: 'one-and-the-same' });
		await create(origin, { signing_secret: 'one-and-the-same' });
		const rival = await create(origin);

		const { json } = await diagnose(id);

		expect(found(json, 'same_url')).toMatchObject({
			severity: 'warning',
			evidence: { endpoint_ids: [rival.id] },
		});
	});

	it('counts what the filters left out and what failed for good', async () => {
		const [shop, other] = [await api.newInstance(), await api.newInstance()];
		const { id } = await create((await receive()).origin, {
			events: ['qr.updated'],
			instance_id: shop,
			max_age_seconds: 60,
		});
		await api.emitQr(shop, 3);
		await api.emitQr(other, 2);
		await failAll(id);

		const { json } = await diagnose(id);

		expect(found(json, 'events_filter').evidence).toMatchObject({
			wanted: 3,
			of_other_instances: { 'qr.updated': 2 },
		});
		expect(found(json, 'retry_budget')).toMatchObject({
			severity: 'warning',
			evidence: { failed: 3, is_exact: true },
			fix: expect.stringContaining('recover'),
		});
		expect(found(json, 'max_age')).toMatchObject({ severity: 'ok' });
		expect(found(json, 'instance_filter')).toMatchObject({ severity: 'ok' });
	});

	it('shows what waits, and that nothing listens to a deleted instance', async () => {
		const shop = await api.newInstance();
		const { id } = await create((await receive()).origin, { instance_id: shop });
		await api.emitQr(shop, 4);
		await api.call('DELETE', `/v1/instances/${shop}`);

		const { json } = await diagnose(id);

		expect(found(json, 'backlog')).toMatchObject({ severity: 'info', evidence: { waiting: 4 } });
		expect(found(json, 'instance_filter')).toMatchObject({
			severity: 'error',
			evidence: { deleted_instance_ids: [shop] },
		});
	});

	it('sends one test event to a receiver however many ask at once', async () => {
		const receiver = await receive((response) => setTimeout(() => response.end(), 50));
		const { id } = await create(receiver.origin);

		const reports = await Promise.all([diagnose(id), diagnose(id), diagnose(id)]);

		expect(reports.map(({ json }) => json.healthy)).toEqual([true, true, true]);
		expect(receiver.requests).toHaveLength(1);
	});

	it('examines anew what was changed meanwhile', async () => {
		const hanging = await receive(() => undefined);
		const mended = await receive();
		const { id } = await create(hanging.origin);
		api.probe = probe({ totalTimeoutMs: 300 });
		const before = diagnose(id);
		await eventually(() => hanging.requests.length === 1);

		const body = { url: mended.origin };
		await api.call('PATCH', `/v1/webhook-endpoints/${id}`, { body });
		const { json } = await diagnose(id);

		expect(found(json, 'answers').severity).toBe('ok');
		expect(found((await before).json, 'answers').severity).toBe('error');
	});

	it('reports what it can when something of the engine itself fails', async () => {
		api.probe = { probe: () => Promise.reject(new Error('the probe broke')) };
		const { id } = await create('https://example.com/');

		const { status, json } = await diagnose(id);

		expect(status).toBe(200);
		expect(found(json, 'answers').message).toMatch(/^Not checked\. The engine/);
		expect(found(json, 'enabled').severity).toBe('ok');
		expect(JSON.stringify(json)).not.toContain('the probe broke');
	});

	it("finds no endpoint of another customer's, and none that nobody has", async () => {
		const receiver = await receive();
		const { id } = await create(receiver.origin);

		const answers = [
			await diagnose(id, api.keys.stranger),
			await diagnose(id, api.keys.live),
			await diagnose(`wh_${NOBODY}`),
		];

		for (const answer of answers) {
			expect(answer).toMatchObject({
				status: 404,
				json: { error: { code: 'endpoint_not_found' } },
			});
		}
		expect(receiver.requests).toEqual([]);
	});

	async function create(
		url: string,
		changes: object = {},
	): Promise<{ id: EndpointId; signing_secret: string }> {
		const body = { url, events: ['qr.updated'], ...changes };
		const { status, json } = await api.call('POST', '/v1/webhook-endpoints', { body });
		expect(status).toBe(201);
		return json;
	}

	function diagnose(id: string, key = api.keys.test): Promise<Answer> {
		return api.call('GET', `/v1/webhook-endpoints/${id}/diagnose`, { key });
	}

	async function failAll(id: EndpointId): Promise<void> {
		await api.database.db
			.updateTable('webhook_deliveries')
			.set({ status: 'failed', due_at: null, attempts: 6, last_error: 'It did not answer.' })
			.where('endpoint_id', '=', id)
			.execute();
	}
});

/** As in the engine, but for a name that leads to this machine. */
function probe(options: Partial<GuardedReceiverProbeOptions> = {}): GuardedReceiverProbe {
	const guard = new ResolvingUrlGuard({
		allowPrivate: [],
		resolve: () => Promise.resolve(['127.0.0.1']),
	});
	return new GuardedReceiverProbe({ guard, ...options });
}

function found({ findings }: { findings: Finding[] }, check: string): Finding {
	return findings.find((finding) => finding.check === check)!;
}

function inDays(days: number): Date {
	return new Date(Date.now() + days * DAY_MS);
}
