import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { ANA, BIA, Harness, SHOP } from './harness.ts';

describe('what a linked device has not acknowledged', () => {
	const harness = new Harness({ inFile: true });

	it('waits while the device is away and comes in order when it is back', async () => {
		const client = await harness.paired();
		await client.end();
		for (const text of ['one', 'two', 'three']) await write(text);
		expect(undelivered()).toBe(3);

		client.connect(harness.network.urlFor('shop'));
		await until(() => client.texts.length === 3);

		expect(client.texts).toEqual(['one', 'two', 'three']);
		expect(client.received.map(({ type }) => type)).toEqual(['append', 'append', 'append']);
		await harness.settled();
	});

	it('comes again with the same ciphertext, and nothing else does', async () => {
		const client = await harness.paired();
		await write('acknowledged');
		await until(() => client.texts.length === 1);
		await harness.settled();
		// A process that dies before it has stored its keys comes back with the older ones.
		const restored = client.copy();
		const first = messagesTo(client);
		harness.network.intercept((_connection, { tag }) => tag === 'receipt' || tag === 'ack');
		await write('unacknowledged');
		await until(() => client.texts.length === 2);
		await client.end();
		harness.network.intercept(undefined);

		harness.track(restored).connect(harness.network.urlFor('shop'));
		const second = messagesTo(restored);
		await until(() => restored.texts.length === 1);

		expect(restored.texts).toEqual(['unacknowledged']);
		expect(second).toEqual(first);
		await harness.settled();
	});

	it('is not lost when a device nacks what it could already decrypt', async () => {
		const client = await harness.paired();
		harness.network.intercept((_connection, { tag }) => tag === 'receipt');
		await write('twice');
		await until(() => client.texts.length === 1);
		await client.end();
		harness.network.intercept(undefined);
		expect(undelivered()).toBe(1);
		const errors: (string | undefined)[] = [];
		harness.network.on('ack', (_from, { attrs }) => errors.push(attrs['error']));

		client.connect(harness.network.urlFor('shop'));
		await harness.settled();

		expect(errors).toContain('487');
		expect(client.texts).toEqual(['twice']);
	});

	it('is exactly what comes after the connection was lost in a burst', async () => {
		const client = await harness.paired();
		const acknowledged = new Set<string>();
		harness.network.on('delivered', (_from, { messageId }) => acknowledged.add(messageId));

		const sent = Promise.all(Array.from({ length: 200 }, (_, i) => write(`text ${i}`)));
		await until(() => acknowledged.size > 20);
		harness.network.fault('shop', 'connection_lost');
		await client.closed();
		const ids = (await sent).map(({ messageId }) => messageId);
		const expected = ids.filter((id) => !acknowledged.has(id));
		client.connect(harness.network.urlFor('shop'));
		const repeated = messagesTo(client);
		await harness.settled();

		expect(expected.length).toBeGreaterThan(0);
		expect(repeated.map(({ id }) => id)).toEqual(expected);
		expect(acknowledged).toEqual(new Set(ids));
	});

	it('comes after a restart of the network, to a client that needs no pairing', async () => {
		const client = await harness.paired();
		await client.socket.sendMessage(`${BIA}@s.whatsapp.net`, { text: 'before' });
		await until(() => harness.network.outbox('shop').length === 1);
		await client.end();
		await write('waiting');
		const root = harness.network.rootPublicKey;

		await harness.restart();
		client.connect(harness.network.urlFor('shop'));
		await until(() => client.texts.length === 1);
		await write('afterwards');
		await until(() => client.texts.length === 2);
		await client.socket.sendMessage(`${BIA}@s.whatsapp.net`, { text: 'after' });
		await until(() => harness.network.outbox('shop').length === 2);

		expect(client.closes.filter((code) => code === 401)).toEqual([]);
		expect(client.texts).toEqual(['waiting', 'afterwards']);
		expect(harness.network.outbox('shop').map(({ text }) => text)).toEqual(['before', 'after']);
		expect(harness.network.rootPublicKey).toEqual(root);
		await harness.settled();
	});

	it('includes receipts', async () => {
		const client = await harness.paired();
		await client.socket.sendMessage(`${ANA}@s.whatsapp.net`, { text: 'hello' });
		await until(() => harness.network.outbox('shop').length === 1);
		await client.end();
		await until(() => undelivered() >= 1);

		await harness.restart();
		client.connect(harness.network.urlFor('shop'));
		await until(() => client.updates.some(({ status }) => status === 4));

		await harness.settled();
	});

	it('includes whatever was accepted before the process was killed', async () => {
		const client = await harness.paired();
		await client.end();
		await harness.network.stop();
		const child = fork(KILLED_NETWORK, [harness.file, SHOP, ANA], { execArgv: [] });
		const accepted: string[] = [];
		child.on('message', (text: string) => accepted.push(text));

		await until(() => accepted.length >= 50);
		child.kill('SIGKILL');
		await once(child, 'exit');
		await harness.start();
		client.connect(harness.network.urlFor('shop'));
		await until(() => client.texts.length >= accepted.length);
		await harness.settled();

		expect(client.texts.slice(0, accepted.length)).toEqual(accepted);
	});

	async function write(text: string): Promise<{ messageId: string }> {
		return harness.network.sendText({ from: ANA, to: 'shop', text });
	}

	function undelivered(): number {
		return harness.network.devices()[0]!.undelivered;
	}

	/** The messages that reach a client from now on, as they are on the wire. */
	function messagesTo(client: BaileysClient): { id: string; ciphertext: string }[] {
		const seen: { id: string; ciphertext: string }[] = [];
		client.socket.ws.on('CB:message', ({ attrs, content }: BinaryNode) => {
			const [enc] = content as BinaryNode[];
			const ciphertext = Buffer.from(enc!.content as Uint8Array).toString('hex');
			seen.push({ id: attrs['id']!, ciphertext });
		});
		return seen;
	}
});

/** A network of its own process, which writes until it is killed. */
const KILLED_NETWORK = new URL('killed-network.ts', import.meta.url).pathname;
