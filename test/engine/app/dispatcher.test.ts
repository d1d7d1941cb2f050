import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Dispatcher } from '../../../engine/src/app/dispatcher.ts';
import type { WebhookClient, WebhookResult } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { verifyContract } from '../../../engine/src/domain/signature.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../../engine/src/net/webhook-client.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { Receiver } from '../../support/receiver.ts';
import { eventually, silentLog, systemClock } from '../../support/system.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('the dispatcher', () => {
	let store: TestEngineStore;
	let receiver: Receiver;
	let client: UndiciWebhookClient;
	let dispatcher: Dispatcher | undefined;
	let instanceId: InstanceId;

	beforeEach(async () => {
		store = await TestEngineStore.open();
		receiver = await new Receiver().start();
		client = new UndiciWebhookClient({ guard: new ResolvingUrlGuard({ allowPrivate: [] }) });
		instanceId = await store.addInstance();
	});

	afterEach(async () => {
		await dispatcher?.stop();
		await receiver.stop();
		await client.close();
		await store.close();
	});

	it('sends an event once, with the stored bytes and a signature that holds', async () => {
		const endpointId = await store.addEndpoint({ url: receiver.url, secret: SECRET });
		run();

		await store.append(instanceId, 1);
		dispatcher!.wake();

		await eventually(async () => (await store.statuses()).includes('success'));
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

	it('finds by itself what another process has added', async () => {
		await store.addEndpoint({ url: receiver.url, secret: SECRET });
		run();
		await new Promise((resolve) => setTimeout(resolve, 50));

		await store.append(instanceId, 1);

		await eventually(() => receiver.received.length === 1);
	});

	it.each([404, 500, 301, 429])('tries again later after a %d', async (status) => {
		receiver.answer = () => status;
		await store.addEndpoint({ url: receiver.url, secret: SECRET });
		await store.append(instanceId, 1);

		const before = Date.now();
		run();

		const [delivery] = await eventually(async () => {
			const all = await store.deliveries();
			return all.some((one) => one.status === 'retrying') ? all : undefined;
		});
		expect(delivery).toMatchObject({ attemptCount: 1, lastResponseStatus: status });
		expect(delivery!.nextAttemptAt! - before).toBeGreaterThanOrEqual(8_000);
		expect(delivery!.nextAttemptAt! - before).toBeLessThan(13_000);
		expect(receiver.received).toHaveLength(1);
	});

	it('gives up after six attempts', async () => {
		receiver.answer = () => 500;
		await store.addEndpoint({ url: receiver.url, secret: SECRET });
		await store.append(instanceId, 1);
		let offset = 0;
		let settled = 0;
		const { deliveries } = store.storage;
		const settle = deliveries.settle.bind(deliveries);
		deliveries.settle = async (...args) => {
			const done = await settle(...args);
			settled++;
			return done;
		};
		run({ clock: { ...systemClock, now: () => Date.now() + offset } });

		for (let attempt = 1; attempt <= 6; attempt++) {
			await eventually(() => settled === attempt, { what: `attempt ${attempt}` });
			offset += 3 * 60 * 60_000;
			dispatcher!.wake();
		}

		await eventually(async () => (await store.statuses())[0] === 'failed');
		expect(receiver.received.map(({ headers }) => headers['x-whatisup-attempt'])).toEqual([
			'1',
			'2',
			'3',
			'4',
			'5',
			'6',
		]);
		expect(new Set(receiver.received.map(({ json }) => json.event_id)).size).toBe(1);
	});

	it('disables an endpoint that answers 410 and fails the delivery', async () => {
		receiver.answer = () => 410;
		const endpointId = await store.addEndpoint({ url: receiver.url, secret: SECRET });
		await store.append(instanceId, 1);

		run();

		await eventually(async () => (await store.statuses())[0] === 'failed');
		await eventually(async () => !(await store.endpoint(endpointId)).enabled);
	});

	it('fails at once what may not be reached at all', async () => {
		await store.addEndpoint({ url: 'http://169.254.169.254/latest', secret: SECRET });
		await store.append(instanceId, 1);

		run();

		await eventually(async () => (await store.statuses())[0] === 'failed');
		expect((await store.deliveries())[0]).toMatchObject({ attemptCount: 1 });
	});

	it('never has more requests at one host than it may, and starves no other host', async () => {
		const open = new Map<string, number>();
		let most = 0;
		const released: (() => void)[] = [];
		const slow: WebhookClient = {
			send: async ({ url }) => {
				const { host } = new URL(url);
				open.set(host, (open.get(host) ?? 0) + 1);
				most = Math.max(most, ...open.values());
				if (host.startsWith('127.0.0.1')) {
					await new Promise<void>((resolve) => released.push(resolve));
				}
				open.set(host, open.get(host)! - 1);
				return { outcome: 'answered', status: 200, latencyMs: 1 } satisfies WebhookResult;
			},
		};
		await store.addEndpoint({ url: 'http://127.0.0.1:9/stalled', secret: SECRET });
		await store.addEndpoint({ url: 'http://127.0.0.2:9/quick', secret: SECRET });
		await store.append(instanceId, 30);

		run({ client: slow });

		await eventually(
			async () => (await store.statuses()).filter((s) => s === 'success').length === 30,
		);
		expect(open.get('127.0.0.1:9')).toBe(4);
		expect(most).toBeLessThanOrEqual(4);
		const drain = setInterval(() => released.splice(0).forEach((resolve) => resolve()), 5);
		await eventually(async () => (await store.statuses()).every((s) => s === 'success'));
		clearInterval(drain);
		expect(most).toBe(4);
	});

	it('waits for the requests in flight when it stops', async () => {
		receiver.answer = () => undefined;
		await store.addEndpoint({ url: receiver.url, secret: SECRET });
		await store.append(instanceId, 1);
		run();
		await eventually(() => receiver.received.length === 1);

		let stopped = false;
		const stop = dispatcher!.stop().then(() => (stopped = true));
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(stopped).toBe(false);
		await receiver.stop();
		await stop;

		expect(await store.statuses()).toEqual(['retrying']);
	});

	function run(changes: Partial<ConstructorParameters<typeof Dispatcher>[0]> = {}): void {
		dispatcher = new Dispatcher({
			deliveries: store.storage.deliveries,
			endpoints: store.storage.endpoints,
			client,
			clock: systemClock,
			log: silentLog,
			random: Math.random,
			maxPerHost: 4,
			userAgent: 'whatisup-webhooks/1.2.3',
			...changes,
		});
		dispatcher.start();
	}
});
