import { describe, expect, it } from '@jest/globals';
import { until } from '../../support/baileys-client.ts';
import { ANA, BIA, Harness, SHOP } from './harness.ts';

describe('messages to linked devices', () => {
	const harness = new Harness();

	it.each(['pn', 'lid'] as const)('arrive from a contact addressed by %s', async (addressing) => {
		const client = await harness.paired();
		const sent = { from: ANA, to: 'shop', text: 'oi', pushName: 'Ana', addressing };

		const { messageId } = await harness.network.sendText(sent);
		await until(() => client.texts.length === 1);

		const { message, type } = client.received[0]!;
		expect(type).toBe('notify');
		expect(message.pushName).toBe('Ana');
		const { remoteJid, remoteJidAlt, id } = message.key;
		expect(id).toBe(messageId);
		const [pn, lid] = addressing === 'pn' ? [remoteJid, remoteJidAlt] : [remoteJidAlt, remoteJid];
		expect(pn).toBe(`${ANA}@s.whatsapp.net`);
		expect(lid).toMatch(/^\d{15}@lid$/);
		await harness.settled();
	});

	it('arrive by phone number, too, and without encryption where that is asked for', async () => {
		const client = await harness.paired();

		await harness.network.sendText({ from: ANA, to: SHOP, text: 'plain', plaintext: true });
		await until(() => client.texts.length === 1);

		expect(client.texts).toEqual(['plain']);
		await harness.settled();
	});

	it('arrive in the order of a burst, with contacts mixed', async () => {
		const client = await harness.paired();
		const numbers = Array.from({ length: 50 }, (_, i) => i);

		await Promise.all(
			numbers.flatMap((i) =>
				[ANA, BIA].map((from) =>
					harness.network.sendText({ from, to: 'shop', text: `${from} ${i}` }),
				),
			),
		);
		await until(() => client.texts.length === 100);

		for (const from of [ANA, BIA]) {
			const texts = client.texts.filter((text) => text.startsWith(from));
			expect(texts).toEqual(numbers.map((i) => `${from} ${i}`));
		}
		await harness.settled();
	});

	it('go to all linked devices of the account', async () => {
		const till = await harness.paired('till', SHOP);
		const office = await harness.paired('office', SHOP);

		await harness.network.sendText({ from: ANA, to: SHOP, text: 'oi' });
		await until(() => till.texts.length === 1 && office.texts.length === 1);

		await harness.settled('till');
		await harness.settled('office');
	});

	it('are sent again, in a new session, when they cannot be decrypted', async () => {
		const client = await harness.paired();
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'first' });
		await until(() => client.texts.length === 1);
		const requests = retryRequests();

		await harness.network.sendText({ from: ANA, to: 'shop', text: 'second', damaged: true });
		await until(() => client.texts.length === 2);

		expect(client.texts).toEqual(['first', 'second']);
		expect(requests).toHaveLength(1);
		await harness.settled();
	});

	it('reach a client that has lost its sessions', async () => {
		const client = await harness.paired();
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'first' });
		await until(() => client.texts.length === 1);
		await client.socket.sendMessage(`${ANA}@s.whatsapp.net`, { text: 'answer' });
		await until(() => harness.network.outbox('shop').length === 1);
		client.loseSessions();

		await harness.network.sendText({ from: ANA, to: 'shop', text: 'second' });
		await until(() => client.texts.length === 2);

		expect(client.texts).toEqual(['first', 'second']);
		await harness.settled();
	});

	function retryRequests(): string[] {
		const ids: string[] = [];
		harness.network.on('receipt', (_from, { attrs }) => {
			if (attrs['type'] === 'retry') ids.push(attrs['id']!);
		});
		return ids;
	}
});
