import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { encodeBinaryNode, NOISE_WA_HEADER, type BinaryNode } from '@whiskeysockets/baileys';
import { WebSocket } from 'ws';
import { until } from '../../support/baileys-client.ts';
import { ANA, Harness } from './harness.ts';

const INTRO = Buffer.from(NOISE_WA_HEADER);
const HUGE = 0xff_ff_ff;

describe('the simulated network and strange clients', () => {
	const harness = new Harness();

	it.each([
		['something else than the intro', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
		['a first frame that is no handshake', frame(Buffer.from('nonsense'))],
		['an empty frame', frame(Buffer.alloc(0))],
		['a frame of 16 MiB', Buffer.concat([INTRO, length(HUGE)])],
		['routing information of 16 MiB', Buffer.concat([Buffer.from('ED\0\x01'), length(HUGE)])],
	])('closes the connection of one that sends %s, and no other', async (_what, bytes) => {
		harness.expectsTrouble = true;
		const client = await harness.paired();

		await sendAndAwaitClose(bytes);

		expect(harness.network.broken).toHaveLength(1);
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });
		await until(() => client.texts.length === 1);
		expect(client.state).toBe('open');
	});

	it('waits for the rest of an intro that comes in pieces, after routing information', async () => {
		const client = await harness.paired();
		await client.end();
		client.creds.routingInfo = Buffer.from('some edge');

		client.connect(harness.network.urlFor('shop'));

		await client.open();
	});

	it.each([
		['a compressed stanza', Buffer.from([2, 1, 2, 3])],
		['bytes that are no stanza', Buffer.from([0, 0xf8, 0xff, 0xff])],
		['a message to nobody', encodeBinaryNode({ tag: 'message', attrs: {} })],
		['keys of the wrong size', encodeBinaryNode(badUpload())],
	])('closes the connection of a device that sends %s', async (_what, stanza) => {
		harness.expectsTrouble = true;
		const client = await harness.paired();

		await client.socket.sendRawMessage(stanza);

		expect(await client.closed()).toBe(428);
		expect(harness.network.broken).toHaveLength(1);
	});

	it('answers a query that it does not know with 501, and counts it', async () => {
		harness.expectsTrouble = true;
		const client = await harness.paired();
		const attrs = { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:unknown' };

		const asked = client.socket.query({ tag: 'iq', attrs, content: [] });

		await expect(asked).rejects.toMatchObject({ data: 501 });
		expect(harness.network.unhandled).toMatchObject([{ label: 'shop', node: { attrs } }]);
	});

	it('counts other stanzas that it does not know', async () => {
		harness.expectsTrouble = true;
		const client = await harness.paired();

		await client.socket.sendNode({ tag: 'riddle', attrs: {} });
		await until(() => harness.network.unhandled.length === 1);

		expect(client.state).toBe('open');
	});

	it('ignores messages to people who do not exist', async () => {
		const client = await harness.paired();
		const enc = { tag: 'enc', attrs: { v: '2', type: 'pkmsg' }, content: Buffer.from('x') };
		const attrs = { id: 'A', to: '1@lid', type: 'text' };

		await client.socket.sendNode({ tag: 'message', attrs, content: [enc] });
		await client.socket.sendMessage(`${ANA}@s.whatsapp.net`, { text: 'hello' });
		await until(() => harness.network.outbox('shop').length === 1);

		expect(harness.network.outbox('shop')).toMatchObject([{ text: 'hello' }]);
	});

	it('listens on the loopback interface only', async () => {
		const port = Number(new URL(harness.network.url).port);
		const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
		const outside = addresses.filter(({ internal, family }) => !internal && family === 'IPv4');

		for (const { address } of outside) {
			const socket = connect(port, address);
			const [error] = await once(socket, 'error');
			expect(error).toMatchObject({ code: 'ECONNREFUSED' });
		}
		expect(harness.network.url).toMatch(/^ws:\/\/127\.0\.0\.1:/);
	});

	async function sendAndAwaitClose(bytes: Buffer): Promise<void> {
		const socket = new WebSocket(harness.network.url);
		await once(socket, 'open');
		socket.send(bytes);
		await once(socket, 'close');
	}
});

function frame(payload: Buffer): Buffer {
	return Buffer.concat([INTRO, length(payload.length), payload]);
}

function length(bytes: number): Buffer {
	const header = Buffer.alloc(3);
	header.writeUIntBE(bytes, 0, 3);
	return header;
}

function badUpload(): BinaryNode {
	const registration = { tag: 'registration', attrs: {}, content: Buffer.from([1]) };
	const attrs = { id: 'x', to: '@s.whatsapp.net', type: 'set', xmlns: 'encrypt' };
	return { tag: 'iq', attrs, content: [registration] };
}
