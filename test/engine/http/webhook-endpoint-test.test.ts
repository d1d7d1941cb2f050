import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { EndpointId } from '../../../engine/src/domain/ids.ts';
import { verifyContract } from '../../../engine/src/domain/signature.ts';
import {
	closedPort,
	startRawReceiver,
	startReceiver,
	type Answer as ReceiverAnswer,
	type ReceivedRequest,
	type Receiver,
} from '../net/receivers.ts';
import { Api } from './api.ts';

interface TestedEndpoint {
	readonly path: string;
	readonly id: string;
	readonly secret: string;
}

/** What n8n answers at a path where no workflow listens, and where one listens for GET. */
const N8N_UNKNOWN =
	'{"code":404,"message":"The requested webhook \\"POST orders\\" is not registered."}';
const N8N_METHOD =
	'{"code":404,"message":"This webhook is not registered for POST requests. Did you mean to make a GET request?"}';

describe('POST /v1/webhook-endpoints/:endpoint_id/test', () => {
	const receivers: Receiver[] = [];
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterEach(async () => {
		for (const receiver of receivers.splice(0)) await receiver.close();
	});

	afterAll(() => api.close());

	it('sends a signed event at once, and tells how the receiver answered', async () => {
		const receiver = await receive((response) => response.end('thank you'));
		const { path, id, secret } = await endpointAt(`${receiver.origin}/hook`);

		const answer = await api.call('POST', `${path}/test`);

		expect(answer.status).toBe(200);
		expect(answer.json).toEqual({
			delivered: true,
			event_id: expect.stringMatching(/^evt_/),
			status: 200,
			latency_ms: expect.any(Number),
			error: null,
			hint: null,
			response: 'thank you',
			address: '127.0.0.1',
		});
		const [request] = receiver.requests as [ReceivedRequest];
		expect(JSON.parse(request.body.toString())).toEqual({
			event: 'webhook.test',
			event_id: answer.json.event_id,
			api_version: expect.any(String),
			instance_id: null,
			occurred_at: expect.stringMatching(/Z$/),
			sequence: null,
			data: { endpoint_id: id, message: expect.any(String) },
		});
		expect(request.headers).toMatchObject({
			'content-type': 'application/json',
			'user-agent': 'whatisup-webhooks/test',
			'x-whatisup-event': 'webhook.test',
			'x-whatisup-event-id': answer.json.event_id,
			'x-whatisup-endpoint-id': id,
			'x-whatisup-delivery-id': expect.stringMatching(/^dlv_/),
			'x-whatisup-attempt': '1',
			'x-whatisup-correlation-id': answer.headers['x-request-id'],
		});
		expect(acceptedBy(request, secret)).toEqual({ contract: true, standard: true });
		expect(acceptedBy(request, `whsec_${'A'.repeat(43)}=`)).toEqual({
			contract: false,
			standard: false,
		});
	});

	it('is in no log and counts for nothing', async () => {
		const receiver = await receive((response) => response.writeHead(410).end());
		const { path } = await endpointAt(receiver.origin);
		const before = await api.call('GET', path);

		await api.call('POST', `${path}/test`);

		expect((await api.call('GET', path)).json).toEqual(before.json);
		const rows = await api.database.db.selectFrom('webhook_deliveries').selectAll().execute();
		expect(rows).toEqual([]);
	});

	it('reaches an endpoint that is disabled', async () => {
		const receiver = await receive();
		const { path } = await endpointAt(receiver.origin);
		await api.call('POST', `${path}/disable`);

		const { json } = await api.call('POST', `${path}/test`);

		expect(json).toMatchObject({ delivered: true, status: 200 });
	});

	it('bears both signatures while a secret is rotated, and afterwards the new one', async () => {
		const receiver = await receive();
		const { path, id, secret: old } = await endpointAt(receiver.origin);
		const rotated = await api.call('POST', `${path}/rotate-secret`);
		const fresh = rotated.json.signing_secret as string;

		await api.call('POST', `${path}/test`);
		await api.database.db
			.updateTable('webhook_endpoints')
			.set({ previous_secret_until: Date.now() })
			.where('id', '=', id as EndpointId)
			.execute();
		await api.call('POST', `${path}/test`);

		const [during, after] = receiver.requests as [ReceivedRequest, ReceivedRequest];
		expect(acceptedBy(during, old)).toEqual({ contract: true, standard: true });
		expect(acceptedBy(during, fresh)).toEqual({ contract: true, standard: true });
		expect(acceptedBy(after, old)).toEqual({ contract: false, standard: false });
		expect(acceptedBy(after, fresh)).toEqual({ contract: true, standard: true });
	});

	it.each([
		[301, '/hook', '', /redirects are not followed/, /redirects to/],
		[401, '/hook', '', /answered 401/, /Authentication/],
		[404, '/webhook/orders', N8N_UNKNOWN, /answered 404/, /workflow is not active/],
		[404, '/webhook-test/orders', N8N_UNKNOWN, /answered 404/, /test URL.*production URL/],
		[404, '/webhook/orders', N8N_METHOD, /answered 404/, /HTTP Method .* POST/],
		[410, '/hook', '', /answered 410/, /disables the endpoint/],
		[429, '/hook', '', /answered 429/, /max_per_second/],
		[500, '/hook', 'oops', /answered 500/, /executions/],
		[502, '/hook', '', /answered 502/, /proxy/],
	])('explains an answer of %i at %s', async (status, at, body, error, hint) => {
		const receiver = await receive((response) => response.writeHead(status).end(body));
		const { path } = await endpointAt(`${receiver.origin}${at}`);

		const { json } = await api.call('POST', `${path}/test`);

		expect(json).toMatchObject({
			delivered: false,
			status,
			error: expect.stringMatching(error),
			hint: expect.stringMatching(hint),
			response: body,
			address: '127.0.0.1',
		});
	});

	it('explains that nobody listens', async () => {
		const { path } = await endpointAt(`http://127.0.0.1:${await closedPort()}/`);

		const { status, json } = await api.call('POST', `${path}/test`);

		expect(status).toBe(200);
		expect(json).toMatchObject({
			delivered: false,
			status: null,
			response: null,
			error: 'The receiver cannot be reached.',
			hint: expect.stringMatching(/receiver runs/),
		});
	});

	it('explains that what listens speaks no HTTP', async () => {
		const receiver = await startRawReceiver((socket) => socket.end('220 mail.example\r\n'));
		receivers.push(receiver);
		const { path } = await endpointAt(receiver.origin);

		const { json } = await api.call('POST', `${path}/test`);

		expect(json).toMatchObject({ delivered: false, status: null });
		expect(json.hint).toMatch(/does not speak HTTP/);
	});

	it('sends nothing to a private address, even if one got into the database', async () => {
		const { path, id } = await endpointAt('https://example.com/hook');
		await api.database.db
			.updateTable('webhook_endpoints')
			.set({ url: 'http://10.0.0.1/hook' })
			.where('id', '=', id as EndpointId)
			.execute();

		const { json } = await api.call('POST', `${path}/test`);

		expect(json).toMatchObject({ delivered: false, status: null, address: null });
		expect(json.hint).toMatch(/WEBHOOK_ALLOW_PRIVATE/);
	});

	async function receive(answer?: ReceiverAnswer): Promise<Receiver> {
		const receiver = await startReceiver(answer);
		receivers.push(receiver);
		return receiver;
	}

	async function endpointAt(url: string): Promise<TestedEndpoint> {
		const body = { url, events: ['*'] };
		const { json } = await api.call('POST', '/v1/webhook-endpoints', { body });
		return {
			id: json.id as string,
			path: `/v1/webhook-endpoints/${json.id}`,
			secret: json.signing_secret as string,
		};
	}
});

/** Whether receivers with this secret take the request, each by its own kind of signature. */
function acceptedBy({ headers, body }: ReceivedRequest, secret: string) {
	const verdict = verifyContract(String(headers['x-whatisup-signature']), {
		secrets: [secret],
		body,
		nowSeconds: Math.floor(Date.now() / 1_000),
	});
	return { contract: verdict.verified, standard: isStandard() };

	function isStandard(): boolean {
		try {
			new Webhook(secret).verify(body, headers as Record<string, string>);
			return true;
		} catch {
			return false;
		}
	}
}
