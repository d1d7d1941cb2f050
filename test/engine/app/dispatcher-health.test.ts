import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebhookClient } from '../../../engine/src/app/ports.ts';
import { Endpoints } from '../../../engine/src/app/endpoints.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import type { Receiver } from '../../support/receiver.ts';
import { eventually, ids } from '../../support/system.ts';
import { Dispatching, SECRET } from './dispatching.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('an endpoint that fails', () => {
	let engine: Dispatching;
	let receiver: Receiver;

	beforeEach(async () => {
		engine = await Dispatching.open();
		receiver = await engine.receiver();
	});

	afterEach(() => engine.close());

	it('is left alone after ten failures in a row, but for one probe now and then', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 40);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');

		const atOpening = receiver.received.length;
		for (let probe = 1; probe <= 3; probe++) {
			engine.clock.advance(MINUTE_MS);
			await eventually(() => dispatcher.circuit(id).consecutiveFailures === atOpening + probe);
			await new Promise((resolve) => setTimeout(resolve, 30));
		}

		// Those that were under way when it opened may have been more than ten.
		expect(atOpening).toBeLessThanOrEqual(12);
		expect(receiver.received).toHaveLength(atOpening + 3);
		expect(dispatcher.circuit(id)).toMatchObject({
			state: 'open',
			nextProbeAt: expect.any(Number),
		});
	});

	it('loses no attempt of a delivery to its probes, and gets all of it once it works', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 30);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		for (let probe = 1; probe <= 12; probe++) {
			const { consecutiveFailures } = dispatcher.circuit(id);
			engine.clock.advance(6 * MINUTE_MS);
			await eventually(() => dispatcher.circuit(id).consecutiveFailures > consecutiveFailures);
		}
		expect(await engine.store.statuses()).not.toContain('failed');

		receiver.answer = () => 200;
		const before = receiver.received.length;
		engine.clock.advance(6 * MINUTE_MS);

		await engine.settled('success');
		expect(dispatcher.circuit(id)).toEqual({
			state: 'closed',
			consecutiveFailures: 0,
			nextProbeAt: null,
		});
		expect(receiver.received).toHaveLength(before + 30);
	});

	it('is not probed to death: no delivery is given up for good by a probe', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 2);
		const dispatcher = engine.start();
		// Two deliveries that fail five times each are ten failures.
		for (let attempt = 1; attempt <= 5; attempt++) {
			if (attempt > 1) engine.clock.advance(40 * MINUTE_MS);
			await eventually(() => dispatcher.circuit(id).consecutiveFailures === 2 * attempt);
		}

		for (let probe = 1; probe <= 3; probe++) {
			engine.clock.advance(6 * MINUTE_MS);
			await eventually(() => dispatcher.circuit(id).consecutiveFailures === 10 + probe);
		}

		expect(await engine.store.statuses()).toEqual(['retrying', 'retrying']);
	});

	it('is probed with the next delivery when the one before was not sent after all', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({
			url: receiver.url,
			secret: SECRET,
			maxAgeSeconds: 60,
		});
		await engine.store.append(engine.instanceId, 20);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		receiver.answer = () => 200;

		// By the time of the probe all of these are too old to be sent.
		engine.clock.advance(5 * MINUTE_MS);
		const now = engine.clock.now();
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'fresh', now));

		await engine.settled('failed', 'success');
		const statuses = await engine.store.statuses();
		expect(statuses.filter((status) => status === 'success')).toHaveLength(1);
		expect(dispatcher.circuit(id).state).toBe('closed');
	});

	it('has one request at a time, so that a receiver that hangs takes one place', async () => {
		let open = 0;
		let most = 0;
		receiver.answer = () => 500;
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatcher = engine.start();
		dispatcher.wake(await engine.store.append(engine.instanceId, 1));
		await engine.settled('retrying');

		receiver.answer = () => {
			most = Math.max(most, ++open);
			return undefined;
		};
		dispatcher.wake(await engine.store.append(engine.instanceId, 20));
		await eventually(() => most > 0);
		await new Promise((resolve) => setTimeout(resolve, 100));

		expect(most).toBe(1);
	});

	it('has since when it fails, and until when it worked, written down', async () => {
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatcher = engine.start();
		dispatcher.wake(await engine.store.append(engine.instanceId, 1));
		await engine.settled('success');
		const worked = engine.clock.now();
		engine.clock.advance(MINUTE_MS);
		receiver.answer = () => 500;
		dispatcher.wake(await engine.store.append(engine.instanceId, 1));

		const failing = await eventually(async () => {
			const endpoint = await engine.store.endpoint(id);
			return endpoint.failingSince === null ? undefined : endpoint;
		});

		expect(failing.failingSince).toBeGreaterThanOrEqual(worked + MINUTE_MS);
		expect(failing.workedUntil).toBeLessThanOrEqual(worked);
		receiver.answer = () => 200;
		engine.clock.advance(MINUTE_MS);
		await eventually(async () => (await engine.store.endpoint(id)).failingSince === null);
		expect((await engine.store.endpoint(id)).workedUntil).toBe(failing.workedUntil);
	});

	it('is disabled when its receiver says that it is gone; the other endpoints are told', async () => {
		receiver.answer = () => 410;
		const others = await engine.receiver();
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 3, 'one chat');
		await engine.store.addEndpoint({ url: others.url, secret: SECRET });

		engine.start();

		await eventually(() => others.received.length === 1);
		expect(others.received[0]!.json).toMatchObject({
			event: 'endpoint.disabled',
			instance_id: null,
			sequence: null,
			data: { endpoint_id: id, reason: 'gone' },
		});
		expect(await engine.store.endpoint(id)).toMatchObject({
			enabled: false,
			disabledReason: 'gone',
			disabledAt: expect.any(Number),
		});
		const audit = await engine.store.storage.audit.list(engine.store.scope.customerId, {
			limit: 5,
		});
		expect(audit).toMatchObject([
			{ action: 'endpoint.disabled', details: { endpoint_id: id, reason: 'gone' } },
		]);
		// What it had not received waits for the day that it is enabled again.
		await eventually(async () => {
			const statuses = await engine.store.statuses();
			return statuses.filter((status) => status === 'pending').length === 2;
		});
		expect(receiver.received).toHaveLength(1);
	});

	it('is disabled after five days of nothing but failures, not before', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 20);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');

		engine.clock.advance(4.9 * DAY_MS);
		const { consecutiveFailures } = dispatcher.circuit(id);
		await eventually(() => dispatcher.circuit(id).consecutiveFailures > consecutiveFailures);
		const before = await engine.store.endpoint(id);
		engine.clock.advance(0.2 * DAY_MS);
		const after = await eventually(async () => {
			const endpoint = await engine.store.endpoint(id);
			return endpoint.enabled ? undefined : endpoint;
		});

		expect(before.enabled).toBe(true);
		expect(after.disabledReason).toBe('failing');
		const events = await engine.store.storage.events.listAfter(engine.store.scope, {
			after: 'evt_',
			limit: 100,
		});
		const disabled = events.find(({ event }) => event === 'endpoint.disabled');
		expect(JSON.parse(disabled!.body!)).toMatchObject({
			data: { reason: 'failing', failing_since: new Date(before.failingSince!).toISOString() },
		});
	});

	it('is not disabled for days on which the engine was off', async () => {
		receiver.answer = () => 502;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const first = engine.start();
		first.wake(await engine.store.append(engine.instanceId, 1));
		await eventually(async () => (await engine.store.endpoint(id)).failingSince !== null);
		await first.stop();
		engine.clock.advance(6 * DAY_MS);

		// Its receiver is a little slower to start.
		const second = engine.start();
		second.wake(await engine.store.append(engine.instanceId, 15));
		await eventually(() => second.circuit(id).state === 'open');
		receiver.answer = () => 200;
		engine.clock.advance(5 * MINUTE_MS);

		await engine.settled('success');
		expect((await engine.store.endpoint(id)).enabled).toBe(true);
	});

	it('has worked until its last success, also after a restart', async () => {
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const first = engine.start();
		first.wake(await engine.store.append(engine.instanceId, 2));
		await engine.settled('success');
		await first.stop();
		const [newest] = await engine.store.deliveries();
		engine.clock.advance(DAY_MS);

		receiver.answer = () => 500;
		engine.start().wake(await engine.store.append(engine.instanceId, 1));

		const failing = await eventually(async () => {
			const endpoint = await engine.store.endpoint(id);
			return endpoint.failingSince === null ? undefined : endpoint;
		});
		expect(failing.workedUntil).toBe(newest!.deliveredAt);
	});

	it('is not judged by what its former URL answers', async () => {
		const former = await engine.receiver();
		let answerLate: (() => void) | undefined;
		const slow: WebhookClient = {
			send: async (request) => {
				if (request.url === former.url) await new Promise<void>((go) => (answerLate = go));
				return engine.client.send(request);
			},
		};
		former.answer = () => 410;
		const id = await engine.store.addEndpoint({ url: former.url, secret: SECRET });
		const dispatcher = engine.start({ client: slow });
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'a'));
		await eventually(() => answerLate !== undefined);

		await engine.store.storage.endpoints.change(id, { url: receiver.url }, engine.clock.now());
		dispatcher.reset(id);
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'b'));
		await eventually(() => receiver.received.length === 1);
		answerLate!();

		await engine.settled('success');
		expect(receiver.received).toHaveLength(2);
		expect((await engine.store.endpoint(id)).enabled).toBe(true);
	});

	it.each(['disabled', 'deleted'])(
		'gets nothing of what was claimed once it is %s',
		async (how) => {
			receiver.answer = () => undefined;
			const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
			await engine.store.append(engine.instanceId, 20, 'one chat');
			const dispatcher = engine.start();
			await eventually(() => receiver.received.length === 1);

			const { endpoints } = engine.store.storage;
			if (how === 'deleted') await endpoints.remove(id, engine.clock.now());
			else await endpoints.disable(id, 'by_user', engine.clock.now());
			dispatcher.reset(id);
			receiver.hangUp();

			const expected = how === 'deleted' ? ['failed'] : ['pending', 'retrying'];
			await engine.settled(...expected);
			await new Promise((resolve) => setTimeout(resolve, 100));
			expect(receiver.received).toHaveLength(1);
		},
	);

	it.each([
		['enabled again', { enabled: true }],
		['given another URL', { url: 'http://127.0.0.1:5678/other' }],
	])('has nothing planned for later once it is %s', async (_how, change) => {
		receiver.answer = () => 500;
		const { storage, scope } = engine.store;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatching = engine.start();
		const guard = new ResolvingUrlGuard({ allowPrivate: [] });
		const endpoints = new Endpoints({ storage, guard, dispatching, ids, clock: engine.clock });
		dispatching.wake(await engine.store.append(engine.instanceId, 2, 'one chat'));
		for (let attempt = 1; attempt <= 3; attempt++) {
			await eventually(async () => {
				const deliveries = await engine.store.deliveries();
				return deliveries.some(({ attemptCount, status }) => {
					return attemptCount === attempt && status === 'retrying';
				});
			});
			if (attempt < 3) engine.clock.advance(80_000);
		}
		await eventually(async () =>
			(await engine.store.deliveries()).every(
				({ nextAttemptAt }) => nextAttemptAt! > engine.clock.now() + 60_000,
			),
		);
		await endpoints.disable(scope, id);

		await endpoints.change(scope, id, change);

		const now = engine.clock.now();
		const due = (await engine.store.deliveries()).map(({ nextAttemptAt }) => nextAttemptAt!);
		expect(Math.max(...due)).toBeLessThan(now + 60_000);
	});

	it('starts anew when it is reset', async () => {
		receiver.answer = () => 500;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 30);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		const before = receiver.received.length;
		receiver.answer = () => 200;

		dispatcher.reset(id);

		await eventually(() => receiver.received.length > before + 15);
		expect(dispatcher.circuit(id).state).toBe('closed');
	});
});
