import type { BinaryNode } from '@whiskeysockets/baileys';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { until, type BaileysClient } from '../../support/baileys-client.ts';
import { ANA, BIA, Harness } from './harness.ts';

describe('statuses in the simulated network', () => {
	const harness = new Harness();
	let client: BaileysClient;

	beforeEach(async () => {
		client = await harness.paired();
	});

	it('reach a linked device with their authors, encrypted with the key of each', async () => {
		await post(ANA, 'sun');
		await post(BIA, 'rain');
		await post(ANA, 'more sun');
		await until(() => client.texts.length === 3);

		expect(client.texts.toSorted()).toEqual(['more sun', 'rain', 'sun']);
		const authors = client.received.map(({ message: { key } }) => [
			key.remoteJid,
			key.remoteJidAlt,
		]);
		expect(authors.toSorted()).toEqual(
			[ANA, ANA, BIA].map((number) => ['status@broadcast', `${number}@s.whatsapp.net`]),
		);
		await harness.settled();
	});

	it('bring the key of their author once, with the first', async () => {
		const kinds: string[][] = [];
		client.socket.ws.on('CB:message', ({ content }: BinaryNode) => {
			kinds.push((content as BinaryNode[]).map(({ attrs }) => attrs['type'] ?? ''));
		});

		await post(ANA, 'first');
		await post(ANA, 'second');
		await until(() => client.texts.length === 2);

		expect(kinds).toEqual([['pkmsg', 'skmsg'], ['skmsg']]);
	});

	it('are sent again to a device that could not decrypt them', async () => {
		await post(ANA, 'first');
		await until(() => client.texts.length === 1);

		await post(ANA, 'second', true);
		await until(() => client.texts.length === 2);

		expect(client.texts).toEqual(['first', 'second']);
		await harness.settled();
	});

	it('wait for a device that is away', async () => {
		await client.end();
		await post(ANA, 'while away');

		client.connect(harness.network.urlFor('shop'));
		await until(() => client.texts.length === 1);

		expect(client.texts).toEqual(['while away']);
		await harness.settled();
	});

	function post(from: string, text: string, damaged = false): Promise<unknown> {
		return harness.network.postStatus({ from, to: 'shop', text, damaged });
	}
});

describe('newsletters in the simulated network', () => {
	const harness = new Harness({ inFile: true });

	it('bring numbered posts that are not encrypted and name no author', async () => {
		const client = await harness.paired();
		const acks: BinaryNode['attrs'][] = [];
		harness.network.on('ack', (_from, { attrs }) => acks.push(attrs));

		const first = await post(ANA, 'one');
		await post(ANA, 'two');
		await until(() => client.texts.length === 2);

		expect(client.texts).toEqual(['one', 'two']);
		expect(client.received.map(({ message: { key } }) => key)).toMatchObject(
			['1', '2'].map((server_id) => ({
				remoteJid: first.newsletterJid,
				fromMe: false,
				server_id,
			})),
		);
		expect(client.received[0]?.message.key.participant).toBeFalsy();
		await harness.settled();
		expect(acks).toContainEqual(
			expect.objectContaining({ id: first.messageId, to: first.newsletterJid, class: 'message' }),
		);
	});

	it('are one for each person, and go on counting after a restart', async () => {
		const client = await harness.paired();
		const ana = await post(ANA, 'one');
		const bia = await post(BIA, 'another');
		await until(() => client.texts.length === 2);
		await client.end();

		await harness.restart();
		client.connect(harness.network.urlFor('shop'));
		const next = await post(ANA, 'two');
		await until(() => client.texts.length === 3);

		expect(ana.newsletterJid).toMatch(/^120363\d{12}@newsletter$/);
		expect(bia.newsletterJid).not.toBe(ana.newsletterJid);
		expect(next.newsletterJid).toBe(ana.newsletterJid);
		expect(client.received.at(-1)?.message.key).toMatchObject({ server_id: '2' });
		await harness.settled();
	});

	it('have followers who exist', async () => {
		const posted = harness.network.postToNewsletter({ from: ANA, to: 'nobody', text: 'oi' });

		await expect(posted).rejects.toMatchObject({ code: 'unknown_device' });
	});

	function post(from: string, text: string) {
		return harness.network.postToNewsletter({ from, to: 'shop', text });
	}
});
