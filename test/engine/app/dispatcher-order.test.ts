import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebhookClient } from '../../../engine/src/app/ports.ts';
import type { ReceivedWebhook, Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/system.ts';
import { Dispatching, SECRET } from './dispatching.ts';

const MINUTE_MS = 60_000;

describe('the order of deliveries', () => {
	let engine: Dispatching;
	let receiver: Receiver;

	beforeEach(async () => {
		engine = await Dispatching.open();
		receiver = await engine.receiver();
	});

	afterEach(() => engine.close());

	it('is that of the events within each chat, and chats do not wait for each other', async () => {
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatcher = engine.start();

		for (let round = 0; round < 20; round++) {
			for (const chat of ['a', 'b', 'c', 'd', 'e']) {
				dispatcher.wake(await engine.store.append(engine.instanceId, 2, chat));
			}
		}

		await engine.settled('success');
		expect(receiver.received).toHaveLength(200);
		for (const sequences of byChat(receiver.received))
			expect(sequences).toEqual(ascending(sequences));
	});

	it('has one request of a chat under way at a time', async () => {
		let open = 0;
		let most = 0;
		const slow: WebhookClient = {
			send: async (request) => {
				most = Math.max(most, ++open);
				await new Promise((resolve) => setTimeout(resolve, 5));
				open--;
				return engine.client.send(request);
			},
		};
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 30, 'one chat');

		engine.start({ client: slow });

		await engine.settled('success');
		expect(most).toBe(1);
		expect(sequencesOf(receiver.received)).toEqual(ascending(sequencesOf(receiver.received)));
	});

	it('holds when the head of a chat fails: what comes behind it waits, also what comes later', async () => {
		const failed = new Set<number>();
		receiver.answer = ({ json }) => {
			const isFirstTry = json.sequence === 3 && !failed.has(3);
			failed.add(json.sequence);
			return isFirstTry ? 500 : 200;
		};
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		const dispatcher = engine.start();
		dispatcher.wake(await engine.store.append(engine.instanceId, 6, 'blocked'));
		await eventually(() => failed.has(3));
		dispatcher.wake(await engine.store.append(engine.instanceId, 4, 'blocked'));
		dispatcher.wake(await engine.store.append(engine.instanceId, 3, 'free'));

		await eventually(() => receiver.received.length === 6, { what: 'the free chat' });
		await new Promise((resolve) => setTimeout(resolve, 100));
		const before = sequencesOf(receiver.received);
		engine.clock.advance(MINUTE_MS);
		await engine.settled('success');

		expect(before).toEqual([1, 2, 3, 11, 12, 13]);
		expect(sequencesOf(receiver.received).slice(6)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
	});

	it('holds across a restart while the head of a chat waits for its retry', async () => {
		receiver.answer = ({ json }) => (json.sequence === 1 ? 500 : 200);
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 3, 'blocked');
		const first = engine.start();
		await eventually(async () => (await engine.store.statuses()).includes('retrying'));
		await first.stop();

		const second = engine.start();
		second.wake(await engine.store.append(engine.instanceId, 2, 'blocked'));
		await new Promise((resolve) => setTimeout(resolve, 200));
		const before = sequencesOf(receiver.received);
		receiver.answer = () => 200;
		engine.clock.advance(MINUTE_MS);
		await engine.settled('success');

		expect(before).toEqual([1]);
		expect(sequencesOf(receiver.received).slice(1)).toEqual([1, 2, 3, 4, 5]);
	});

	it('is given up for a head that fails four times, so that the chat goes on', async () => {
		receiver.answer = ({ json }) => (json.sequence === 1 ? 500 : 200);
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET });
		await engine.store.append(engine.instanceId, 3, 'poisoned');
		engine.start();

		for (let attempt = 1; attempt <= 4; attempt++) {
			if (attempt > 1) engine.clock.advance(7 * MINUTE_MS);
			await eventually(async () => (await failuresOfOldest()) === attempt);
			if (attempt < 4) expect(sequencesOf(receiver.received)).toEqual(Array(attempt).fill(1));
		}

		await eventually(() => receiver.received.length === 6);
		expect(sequencesOf(receiver.received)).toEqual([1, 1, 1, 1, 2, 3]);
	});

	it('does not count for an endpoint that opted out', async () => {
		let open = 0;
		let most = 0;
		receiver.answer = () => {
			most = Math.max(most, ++open);
			return undefined;
		};
		await engine.store.addEndpoint({ url: receiver.url, secret: SECRET, ordered: false });
		await engine.store.append(engine.instanceId, 3, 'one chat');

		engine.start();

		await eventually(() => most === 3, { what: 'three requests at once' });
	});

	async function failuresOfOldest(): Promise<number> {
		const oldest = (await engine.store.deliveries()).at(-1)!;
		return (await engine.store.storage.deliveries.attempts(oldest.id)).length;
	}
});

function sequencesOf(received: readonly ReceivedWebhook[]): number[] {
	return received.map(({ json }) => json.sequence);
}

/** The events came in pairs, ten to a round, two for each of five chats. */
function byChat(received: readonly ReceivedWebhook[]): number[][] {
	const chats: number[][] = [[], [], [], [], []];
	for (const sequence of sequencesOf(received)) {
		chats[Math.floor(((sequence - 1) % 10) / 2)]!.push(sequence);
	}
	return chats;
}

function ascending(numbers: readonly number[]): number[] {
	return [...numbers].sort((a, b) => a - b);
}
