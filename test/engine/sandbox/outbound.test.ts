import { describe, expect, it } from '@jest/globals';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { ANA, Harness, SHOP } from './harness.ts';

const READ = 4;
const ERROR = 0;

describe('messages of linked devices', () => {
	const harness = new Harness();

	it('are decrypted by the contact, who receives and then reads them', async () => {
		const client = await harness.paired();

		const id = await send(client, `${ANA}@s.whatsapp.net`, 'hello');
		await until(() => client.updates.some(({ status }) => status === READ));

		const [message, ...more] = harness.network.outbox('shop');
		expect(message).toMatchObject({ messageId: id, from: SHOP, to: ANA, text: 'hello' });
		expect(message).toMatchObject({ copies: 1, receivedAt: expect.any(Number) });
		expect(more).toEqual([]);
		expect(statuses(client, id).at(-1)).toBe(READ);
		await harness.settled();
	});

	it('reach a contact by LID', async () => {
		const client = await harness.paired();
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });
		await until(() => client.texts.length === 1);
		const lid = client.received[0]!.message.key.remoteJid!;

		const id = await send(client, lid, 'hello');
		await until(() => statuses(client, id).includes(READ));

		expect(lid).toMatch(/@lid$/);
		expect(harness.network.outbox(SHOP)).toMatchObject([{ to: ANA, text: 'hello' }]);
		await harness.settled();
	});

	it('are refused with the code that was asked for, once', async () => {
		const client = await harness.paired();
		harness.network.nextAckError('shop', 479);

		const refused = await send(client, `${ANA}@s.whatsapp.net`, 'refused');
		const accepted = await send(client, `${ANA}@s.whatsapp.net`, 'accepted');
		await until(() => statuses(client, accepted).includes(READ));

		await until(() => statuses(client, refused).includes(ERROR));
		expect(client.updates).toContainEqual({ id: refused, status: ERROR, error: '479' });
		expect(harness.network.outbox('shop').map(({ text }) => text)).toEqual(['accepted']);
		await harness.settled();
	});

	it('are encrypted anew for a contact who has lost the session', async () => {
		const client = await harness.paired();
		await harness.network.sendText({ from: ANA, to: 'shop', text: 'oi' });
		await until(() => client.texts.length === 1);
		await send(client, `${ANA}@s.whatsapp.net`, 'first');
		await until(() => harness.network.outbox('shop').length === 1);
		harness.network.loseSessions({ contact: ANA, account: 'shop' });

		const id = await send(client, `${ANA}@s.whatsapp.net`, 'second');
		await until(() => harness.network.outbox('shop').length === 2);

		const [, second] = harness.network.outbox('shop');
		expect(second).toMatchObject({ messageId: id, text: 'second', copies: 1 });
		await harness.settled();
	});

	it('are shown once, and counted, when they are sent twice under one id', async () => {
		const client = await harness.paired();
		const messageId = '3EB0AAAAAAAAAAAAAAAAAA';

		const to = `${ANA}@s.whatsapp.net`;
		await client.socket.sendMessage(to, { text: 'hello' }, { messageId });
		await client.socket.sendMessage(to, { text: 'hello' }, { messageId });
		await until(() => harness.network.outbox('shop')[0]?.copies === 2);

		expect(harness.network.outbox('shop')).toHaveLength(1);
		await harness.settled();
	});

	it('reach another linked device, and come back', async () => {
		const shop = await harness.paired('shop', SHOP);
		const ana = await harness.paired('ana', ANA, 'Ana');

		await send(shop, `${ANA}@s.whatsapp.net`, 'hello');
		await until(() => ana.texts.length === 1);
		await send(ana, ana.received[0]!.message.key.remoteJid!, 'hi');
		await until(() => shop.texts.length === 1);

		expect(shop.texts).toEqual(['hi']);
		expect(ana.texts).toEqual(['hello']);
		expect(harness.network.outbox('ana')).toMatchObject([{ to: SHOP, text: 'hi' }]);
		await harness.settled('shop');
		await harness.settled('ana');
	});

	it('show up on the other linked devices of the account', async () => {
		const till = await harness.paired('till', SHOP);
		const office = await harness.paired('office', SHOP);

		const id = await send(office, `${ANA}@s.whatsapp.net`, 'hello');
		await until(() => till.received.length === 1);

		const { key } = till.received[0]!.message;
		expect(key).toMatchObject({ id, fromMe: true, remoteJid: `${ANA}@s.whatsapp.net` });
		expect(harness.network.outbox('office')).toHaveLength(1);
		expect(harness.network.outbox('till')).toEqual([]);
		await harness.settled('till');
	});

	it('are for people who exist: a number of three digits does not', async () => {
		const client = await harness.paired();

		const answers = await client.socket.onWhatsApp(ANA, '123');

		expect(answers).toEqual([{ jid: `${ANA}@s.whatsapp.net`, exists: true }]);
	});

	async function send(client: BaileysClient, to: string, text: string): Promise<string> {
		const message = await client.socket.sendMessage(to, { text });
		return message!.key.id!;
	}

	function statuses(client: BaileysClient, messageId: string): number[] {
		const updates = client.updates.filter(({ id }) => id === messageId);
		return updates.map(({ status }) => status);
	}
});
