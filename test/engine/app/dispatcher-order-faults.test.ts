import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LEASE_MS } from '../../../engine/src/app/delivery-turns.ts';
import type { DeliveryQueue, WebhookClient, WebhookResult } from '../../../engine/src/app/ports.ts';
import type { Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/system.ts';
import { aTurn } from '../storage/records.ts';
import { Dispatching, SECRET } from './dispatching.ts';

/** More than is claimed at a time for one endpoint, so that some of a chat is claimed and some not. */
const MANY = 600;

const ANSWER = { outcome: 'answered', latencyMs: 1, responseText: '', address: null } as const;

describe('the order of a chat', () => {
	let engine: Dispatching;
	let receiver: Receiver;

	beforeEach(async () => {
		engine = await Dispatching.open();
		receiver = await engine.receiver();
	});

	afterEach(() => engine.close());

	it('holds when an engine was killed with the head of the chat claimed', async () => {
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, MANY, 'one chat');
		const { queue } = engine.store.storage;
		await queue.turn(aTurn({ now: Date.now(), leaseMs: LEASE_MS, claim: new Map([[id, 1]]) }));
		engine.clock.advance(1_000);
		await queue.releaseLeases(engine.clock.now(), LEASE_MS);

		engine.start();

		await engine.settled('success');
		expect(sequences()).toEqual(ascending());
	});

	it('holds after a kill when a probe brings the head of the chat through', async () => {
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 4, 'one chat');
		const { queue } = engine.store.storage;
		await queue.turn(aTurn({ now: Date.now(), leaseMs: LEASE_MS, claim: new Map([[id, 3]]) }));
		await queue.releaseLeases(Date.now(), LEASE_MS);
		await engine.store.append(engine.instanceId, 20);
		receiver.answer = () => 500;
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		receiver.answer = () => 200;

		engine.clock.advance(10_000);

		await engine.settled('success');
		const ofChat = sequences().filter((sequence) => sequence <= 4);
		expect([...new Set(ofChat)]).toEqual([1, 2, 3, 4]);
	});

	it('holds across a graceful restart', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, MANY, 'one chat');
		const first = engine.start();
		await eventually(() => receiver.received.length > 20);
		await first.stop();

		engine.start();

		await engine.settled('success');
		expect(sequences()).toEqual(ascending());
	});

	it('holds when the circuit opens and closes', async () => {
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		receiver.answer = () => 500;
		// Twenty other chats fail, which opens the circuit while one chat is claimed in part.
		await engine.store.append(engine.instanceId, 20);
		await engine.store.append(engine.instanceId, MANY, 'one chat');
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		receiver.received.length = 0;
		receiver.answer = () => 200;

		engine.clock.advance(10_000);

		await engine.settled('success');
		const ofChat = sequences().filter((sequence) => sequence > 20);
		expect(ofChat).toEqual(ofChat.toSorted((a, b) => a - b));
	});

	it('holds while it is written down that the endpoint works again', async () => {
		const { endpoints } = engine.store.storage;
		const noteHealth = endpoints.noteHealth.bind(endpoints);
		let release: () => void = () => undefined;
		let isNoting = false;
		const id = await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		receiver.answer = () => 500;
		await engine.store.append(engine.instanceId, 3, 'one chat');
		await engine.store.append(engine.instanceId, 20);
		const dispatcher = engine.start();
		await eventually(() => dispatcher.circuit(id).state === 'open');
		receiver.received.length = 0;
		receiver.answer = () => 200;
		jest.spyOn(endpoints, 'noteHealth').mockImplementation(async (...health) => {
			isNoting = true;
			await new Promise<void>((resolve) => (release = resolve));
			return noteHealth(...health);
		});

		// The head of the chat is the probe, before those behind it are due again.
		engine.clock.advance(6_000);
		await eventually(() => isNoting);
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'one chat'));
		await eventually(() => sequences().includes(24));
		release();

		await engine.settled('success');
		expect(sequences().filter((sequence) => sequence <= 3 || sequence === 24)).toEqual([
			1, 2, 3, 24,
		]);
	});

	it('holds for what waited so long that its lease is nearly over', async () => {
		let release: () => void = () => undefined;
		const order: number[] = [];
		const slow: WebhookClient = {
			send: async ({ body }) => {
				const { sequence } = JSON.parse(Buffer.from(body).toString()) as { sequence: number };
				order.push(sequence);
				if (sequence === 1) await new Promise<void>((resolve) => (release = resolve));
				return { ...ANSWER, status: 200 } satisfies WebhookResult;
			},
		};
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, MANY, 'one chat');
		engine.start({ client: slow });
		await eventually(() => order.length === 1);

		engine.clock.advance(LEASE_MS - 10_000);
		release();

		await engine.settled('success');
		expect(order).toEqual(order.toSorted((a, b) => a - b));
		expect(order).toHaveLength(MANY);
	});

	it('holds when the head fails while what follows it is just being claimed', async () => {
		const order: number[] = [];
		let answer: (status: number) => void = () => undefined;
		const client: WebhookClient = {
			send: async ({ body }) => {
				order.push((JSON.parse(Buffer.from(body).toString()) as { sequence: number }).sequence);
				if (order.length > 1) return { ...ANSWER, status: 200 };
				const status = await new Promise<number>((resolve) => (answer = resolve));
				return { ...ANSWER, status };
			},
		};
		const { storage } = engine.store;
		let claimed: (() => void) | undefined;
		const queue: DeliveryQueue = {
			look: (now) => storage.queue.look(now),
			releaseLeases: (now, leaseMs) => storage.queue.releaseLeases(now, leaseMs),
			turn: async (turn) => {
				const some = await storage.queue.turn(turn);
				// Of the second claim the dispatcher hears late.
				if (some.length > 0 && order.length === 1 && !claimed) {
					await new Promise<void>((resolve) => (claimed = resolve));
				}
				return some;
			},
		};
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 1, 'one chat');
		const dispatcher = engine.start({ client, storage: { ...storage, queue } });
		await eventually(() => order.length === 1);
		dispatcher.wake(await engine.store.append(engine.instanceId, 1, 'one chat'));
		await eventually(() => claimed);

		answer(500);
		await new Promise((resolve) => setTimeout(resolve, 20));
		claimed!();
		await new Promise((resolve) => setTimeout(resolve, 100));
		const before = [...order];
		engine.clock.advance(15_000);

		await engine.settled('success');
		expect(before).toEqual([1]);
		expect(order).toEqual([1, 1, 2]);
	});

	function sequences(): number[] {
		return receiver.received.map(({ json }) => json.sequence);
	}

	function ascending(): number[] {
		return Array.from({ length: MANY }, (_, index) => index + 1);
	}
});
