import { beforeEach, describe, expect, it } from '@jest/globals';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { ANA, BIA, Harness, SHOP } from './harness.ts';

describe('groups in the simulated network', () => {
	const harness = new Harness();
	let client: BaileysClient;
	let group: string;

	beforeEach(async () => {
		client = await harness.paired();
		group = harness.network.createGroup({ subject: 'Orders', members: [ANA, SHOP, BIA] }).groupJid;
	});

	it('describe themselves to their members only', async () => {
		const metadata = await client.socket.groupMetadata(group);
		const others = harness.network.createGroup({ subject: 'Others', members: [ANA, BIA] });

		expect(metadata).toMatchObject({ id: group, subject: 'Orders', size: 3 });
		expect(metadata.participants.map(({ phoneNumber }) => phoneNumber)).toEqual(
			[ANA, SHOP, BIA].map((number) => `${number}@s.whatsapp.net`),
		);
		expect(Object.keys(await client.socket.groupFetchAllParticipating())).toEqual([group]);
		const refused = client.socket.groupMetadata(others.groupJid);
		await expect(refused).rejects.toMatchObject({ data: 404 });
	});

	it('carry messages of several members to a linked device', async () => {
		await write(ANA, 'one');
		await write(BIA, 'two');
		await write(ANA, 'three');
		await until(() => client.texts.length === 3);

		expect(client.texts.toSorted()).toEqual(['one', 'three', 'two']);
		const [{ message }] = client.received as [(typeof client.received)[number]];
		expect(message.key).toMatchObject({ remoteJid: group, fromMe: false });
		expect(message.key.participantAlt).toBe(`${ANA}@s.whatsapp.net`);
		await harness.settled();
	});

	it('carry messages of a linked device to every member', async () => {
		await client.socket.sendMessage(group, { text: 'hello' });
		await client.socket.sendMessage(group, { text: 'again' });
		await until(() => harness.network.outbox('shop').length === 4);

		const received = harness.network.outbox('shop');
		expect(received.map(({ text, to, copies }) => ({ text, to, copies }))).toEqual(
			['hello', 'hello', 'again', 'again'].map((text) => ({ text, to: group, copies: 1 })),
		);
		await harness.settled();
	});

	it('carry messages between linked devices', async () => {
		const ana = await harness.paired('ana', ANA, 'Ana');

		await client.socket.sendMessage(group, { text: 'hello' });
		await until(() => ana.texts.length === 1);
		await ana.socket.sendMessage(group, { text: 'hi' });
		await until(() => client.texts.length === 1);

		expect(ana.received[0]?.message.key.remoteJid).toBe(group);
		await harness.settled('shop');
		await harness.settled('ana');
	});

	it('send a message again that a device could not decrypt', async () => {
		await write(ANA, 'first');
		await until(() => client.texts.length === 1);

		await write(ANA, 'second', true);
		await until(() => client.texts.length === 2);

		expect(client.texts).toEqual(['first', 'second']);
		await harness.settled();
	});

	it('are written to by members only', async () => {
		const stranger = write('5511944444444', 'hello');

		await expect(stranger).rejects.toMatchObject({ code: 'unknown_group' });
	});

	function write(from: string, text: string, damaged = false): Promise<unknown> {
		return harness.network.sendTextToGroup({ from, group, text, damaged });
	}
});
