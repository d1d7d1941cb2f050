import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebhookClient, WebhookResult } from '../../../engine/src/app/ports.ts';
import { verifyContract } from '../../../engine/src/domain/signature.ts';
import type { Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/system.ts';
import { Dispatching, SECRET } from './dispatching.ts';

const HOUR_MS = 60 * 60_000;

describe('the dispatcher', () => {
	let engine: Dispatching;
	let receiver: Receiver;

	beforeEach(async () => {
		engine = await Dispatching.open();
		receiver = await engine.receiver();
	});

	afterEach(() => engine.close());

	it('sends an event once, with the stored bytes and a signature that holds', async () => {
		const endpointId = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatcher = engine.start();

		dispatcher.wake(await engine.store.append(engine.instanceId, 1));

		await engine.settled('success');
		const [webhook] = receiver.received;
		expect(receiver.received).toHaveLength(1);
		expect(webhook!.headers).toMatchObject({
			'content-type': 'application/json',
			'user-agent': 'whatisup-webhooks/1.2.3',
			'x-whatisup-event': 'qr.updated',
			'x-whatisup-event-id': webhook!.json.event_id,
			'x-whatisup-endpoint-id': endpointId,
			'x-whatisup-attempt': '1',
			'webhook-id': webhook!.json.event_id,
		});
		const verdict = verifyContract(String(webhook!.headers['x-whatisup-signature']), {
			secrets: [SECRET],
			body: Buffer.from(webhook!.body),
			nowSeconds: Math.floor(Date.now() / 1_000),
		});
		expect(verdict).toEqual({ verified: true });
	});

	it('keeps of each attempt when it was, how long it took and what came back', async () => {
		receiver.answer = () => 503;
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 1);
		engine.start();
		await engine.settled('retrying');
		receiver.answer = () => 200;
		engine.clock.advance(HOUR_MS);
		await engine.settled('success');

		const attempts = await engine.attempts();

		const common = { address: '127.0.0.1', response: '', latencyMs: expect.any(Number) };
		expect(attempts).toMatchObject([
			{ ...common, attempt: 1, status: 503, error: 'The receiver answered 503.' },
			{ ...common, attempt: 2, status: 200, error: null },
		]);
		expect(attempts[1]!.at - attempts[0]!.at).toBeGreaterThanOrEqual(HOUR_MS);
	});

	it('finds by itself what another process has added', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		engine.start();
		await new Promise((resolve) => setTimeout(resolve, 50));

		await engine.store.append(engine.instanceId, 1);

		await eventually(() => receiver.received.length === 1);
	});

	it.each([404, 500, 301, 429])('tries again later after a %d', async (status) => {
		receiver.answer = () => status;
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 1);
		const before = engine.clock.now();

		engine.start();

		await engine.settled('retrying');
		const [delivery] = await engine.store.deliveries();
		expect(delivery).toMatchObject({ attemptCount: 1, lastResponseStatus: status });
		expect(delivery!.nextAttemptAt! - before).toBeGreaterThanOrEqual(8_000);
		expect(delivery!.nextAttemptAt! - before).toBeLessThan(13_000);
		expect(receiver.received).toHaveLength(1);
	});

	it('gives up after six attempts', async () => {
		receiver.answer = () => 500;
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 1);
		engine.start();

		for (let attempt = 1; attempt <= 6; attempt++) {
			await eventually(async () => (await engine.attempts()).length === attempt, {
				what: `attempt ${attempt}`,
			});
			engine.clock.advance(3 * HOUR_MS);
		}

		await engine.settled('failed');
		const attempts = receiver.received.map(({ headers }) => headers['x-whatisup-attempt']);
		expect(attempts).toEqual(['1', '2', '3', '4', '5', '6']);
		expect(new Set(receiver.received.map(({ json }) => json.event_id)).size).toBe(1);
	});

	it('fails at once what may not be reached at all', async () => {
		await engine.store.addEndpoint({ url: 'http://169.254.169.254/latest', secret: SECRET });
		await engine.store.append(engine.instanceId, 1);

		engine.start();

		await engine.settled('failed');
		expect(await engine.attempts()).toMatchObject([{ attempt: 1, status: null, address: null }]);
	});

	it('drops what is older than the endpoint wants it, and sends what is not', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET, maxAgeSeconds: 60 });
		await engine.store.append(engine.instanceId, 2);
		engine.clock.advance(61_000);
		const dispatcher = engine.start();
		await engine.settled('failed');

		const fresh = engine.clock.now();
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, undefined, fresh));

		await engine.settled('failed', 'success');
		const deliveries = await engine.store.deliveries();
		expect(receiver.received).toHaveLength(1);
		expect(deliveries.slice(1)).toMatchObject(
			Array(2).fill({
				attemptCount: 0,
				lastError: 'Not sent: it was older than max_age_seconds allows (60 s).',
			}),
		);
	});

	it('sends no faster than the endpoint wants it', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET, maxPerSecond: 2 });
		await engine.store.append(engine.instanceId, 7);
		engine.start();
		await eventually(() => receiver.received.length === 2);

		await new Promise((resolve) => setTimeout(resolve, 100));
		const atFirst = receiver.received.length;
		engine.clock.advance(1_000);
		await eventually(() => receiver.received.length >= 4);
		await new Promise((resolve) => setTimeout(resolve, 50));
		const afterASecond = receiver.received.length;

		expect(atFirst).toBe(2);
		expect(afterASecond).toBeLessThanOrEqual(5);
		for (let second = 0; second < 4; second++) engine.clock.advance(1_000);
		await engine.settled('success');
	});

	it('sends at a pace that is slower than a lease lasts', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET, maxPerSecond: 0.01 });
		await engine.store.append(engine.instanceId, 3);
		engine.start();

		for (let sent = 1; sent <= 3; sent++) {
			await eventually(() => receiver.received.length === sent);
			await new Promise((resolve) => setTimeout(resolve, 100));
			engine.clock.advance(100_000);
		}

		await engine.settled('success');
		expect(receiver.received).toHaveLength(3);
	});

	it('drops what is too old at no cost to the pace of the others', async () => {
		await engine.store.addEndpoint({
			...{ url: receiver.url, secret: SECRET },
			...{ maxAgeSeconds: 60, maxPerSecond: 1 },
		});
		await engine.store.append(engine.instanceId, 40);
		engine.clock.advance(61_000);
		await engine.store.append(engine.instanceId, 1, 'fresh', engine.clock.now());

		engine.start();

		// Long before a token for each of them would have been there.
		await engine.settled('failed', 'success');
		expect(receiver.received).toHaveLength(1);
	});

	it('never has more requests at one host than it may, and starves no other host', async () => {
		const open = new Map<string, number>();
		let most = 0;
		const released: (() => void)[] = [];
		const slow: WebhookClient = {
			send: async ({ url }) => {
				const { host, pathname } = new URL(url);
				open.set(host, (open.get(host) ?? 0) + 1);
				most = Math.max(most, ...open.values());
				if (pathname === '/stalled') await new Promise<void>((resolve) => released.push(resolve));
				open.set(host, open.get(host)! - 1);
				return {
					outcome: 'answered',
					status: 200,
					latencyMs: 1,
					responseText: '',
					address: null,
				} satisfies WebhookResult;
			},
		};
		const stalled = { url: 'http://127.0.0.1:9/stalled', secret: SECRET };
		await engine.store.addEndpoint(stalled);
		await engine.store.addEndpoint({ url: 'http://127.0.0.1:9/neighbour', secret: SECRET });
		await engine.store.addEndpoint({ url: 'http://127.0.0.2:9/elsewhere', secret: SECRET });
		await engine.store.append(engine.instanceId, 30);

		engine.start({ client: slow });

		const successes = async () =>
			(await engine.store.statuses()).filter((status) => status === 'success').length;
		await eventually(async () => (await successes()) === 60, {
			what: 'everything but the stalled endpoint to be done',
		});
		// A stalled endpoint leaves its host a place.
		expect(open.get('127.0.0.1:9')).toBe(3);
		const drain = setInterval(() => released.splice(0).forEach((resolve) => resolve()), 5);
		await engine.settled('success');
		clearInterval(drain);
		expect(most).toBe(4);
	});

	it('waits for the requests in flight when it stops', async () => {
		receiver.answer = () => undefined;
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 6, 'one chat');
		const dispatcher = engine.start();
		await eventually(() => receiver.received.length === 1);

		let stopped = false;
		const stop = dispatcher.stop().then(() => (stopped = true));
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(stopped).toBe(false);
		await receiver.stop();
		await stop;

		const deliveries = await engine.store.deliveries();
		expect(deliveries.map(({ status }) => status).sort()).toEqual([
			...Array<string>(5).fill('pending'),
			'retrying',
		]);
		// What had not gone out is given back, unused.
		expect(deliveries.map(({ attemptCount }) => attemptCount).sort()).toEqual([0, 0, 0, 0, 0, 1]);
	});
});
