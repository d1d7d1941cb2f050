import { setTimeout as sleep } from 'node:timers/promises';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DriverSession, InboundMessage, JournalEntry } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import type { OpenStorage } from '../../../engine/src/storage/storage.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { eventually, ids } from '../../support/system.ts';
import { driverOn, Heard } from './driving.ts';

const CONTACT = '5511988887777';
const STATUSES = 'status@broadcast';
const SLOW_COMMIT_MS = 50;

describe('statuses and newsletters over Baileys', () => {
	let store: TestEngineStore;
	let network: SimulatedNetwork;
	let storage: OpenStorage;
	let driver: BaileysDriver;
	let instanceId: InstanceId;
	let heard: Heard;
	let session: DriverSession | undefined;

	beforeEach(async () => {
		network = new SimulatedNetwork({ receiptDelayMs: 20 });
		await network.start();
		store = await TestEngineStore.open();
		storage = store.storage;
		driver = driverOn(storage);
		instanceId = await store.addInstance();
		heard = new Heard();
	});

	afterEach(async () => {
		await session?.close();
		session = undefined;
		expect(network.unhandled).toEqual([]);
		await network.stop();
		await store.close();
	});

	it('journals a status, whose author is not its chat', async () => {
		await pair();

		const { messageId } = await postStatus('sun', 'Maria');

		const [message] = await messages(1);
		expect(message).toEqual({
			waId: messageId,
			chat: STATUSES,
			sender: `${CONTACT}@s.whatsapp.net`,
			senderLid: expect.stringMatching(/@lid$/),
			pushName: 'Maria',
			fromMe: false,
			body: { type: 'text', text: 'sun' },
		});
		expect(await storage.journal.list(10)).toEqual(heard.entries);
		await settled();
	});

	it('decrypts the next statuses of an author with the key that came with the first', async () => {
		await pair();

		for (const text of ['one', 'two', 'three']) await postStatus(text);

		const received = await messages(3);
		expect(received.map(textOf)).toEqual(['one', 'two', 'three']);
		await settled();
	});

	it('journals a post in a newsletter, whose author is the newsletter', async () => {
		await pair();

		const { messageId, newsletterJid } = await postToNewsletter('news');

		const [message] = await messages(1);
		expect(message).toEqual({
			waId: messageId,
			chat: newsletterJid,
			sender: newsletterJid,
			senderLid: null,
			pushName: null,
			fromMe: false,
			body: { type: 'text', text: 'news' },
		});
		expect(await storage.journal.list(10)).toEqual(heard.entries);
		await settled();
	});

	it.each([
		['status', () => postStatus('sun')],
		['newsletter', () => postToNewsletter('news')],
	])('acknowledges a %s once the journal has it, and not before', async (_kind, post) => {
		await pair();
		const steps: string[] = [];
		const commit = storage.authState.commit.bind(storage.authState);
		storage.authState.commit = async (id, changes, journal) => {
			const entries = await commit(id, changes, journal);
			await sleep(SLOW_COMMIT_MS);
			if (entries.length > 0) steps.push('stored');
			return entries;
		};
		network.intercept((_, { tag }) => {
			if (tag === 'receipt' || tag === 'ack') steps.push('acknowledged');
			return false;
		});

		await post();

		await settled();
		expect(steps.at(-2)).toBe('stored');
		expect(steps.indexOf('acknowledged')).toBe(steps.length - 1);
	});

	it.each([
		['status', () => postStatus('once')],
		['newsletter', () => postToNewsletter('once')],
	])('has a %s once, however often WhatsApp delivers it', async (_kind, post) => {
		await pair();
		network.intercept((_, { tag }) => tag === 'receipt' || tag === 'ack');
		await post();
		await messages(1);
		const entries = heard.entries.splice(0);
		for (const entry of entries) await keep(entry);
		await session?.close();
		network.intercept(undefined);
		expect(undelivered()).toBe(1);

		session = open();

		await settled();
		expect(heard.entries).toEqual([]);
		expect(await storage.journal.list(10)).toEqual([]);
	});

	it('takes what waited while it was away', async () => {
		await pair();
		await session?.close();
		await postStatus('a status');
		await postToNewsletter('a post');

		session = open();

		const received = await messages(2);
		expect(received.map(textOf)).toEqual(['a status', 'a post']);
		await settled();
	});

	it('knows a status of its own account by the private address, too', async () => {
		const phoneNumber = await pair();

		await network.postStatus({ from: phoneNumber, to: instanceId, text: 'mine' });

		const [message] = await messages(1);
		expect(message).toMatchObject({
			chat: STATUSES,
			sender: `${phoneNumber}@s.whatsapp.net`,
			fromMe: true,
		});
	});

	it('acknowledges them and answers nothing more, so it is no viewer of a status', async () => {
		await pair();
		const sent: BinaryNode[] = [];
		network.intercept((_, node) => {
			if (['message', 'receipt', 'ack'].includes(node.tag)) sent.push(node);
			return false;
		});

		await postStatus('hello?');
		const { newsletterJid } = await postToNewsletter('hello!');
		await messages(2);
		await settled();

		expect(sent.map(({ tag, attrs }) => [tag, attrs['to'], attrs['type']])).toEqual([
			['receipt', STATUSES, 'inactive'],
			['ack', newsletterJid, 'text'],
		]);
	});

	/** Scans, and follows the restart that WhatsApp asks for; answers with the phone's number. */
	async function pair(): Promise<string> {
		session = open();
		const code = await eventually(() => heard.qrs[0]);
		const { phoneNumber } = await network.scanQr(code);
		await eventually(() => heard.closes.includes(515));
		session = open();
		await eventually(() => heard.opened.length);
		await settled();
		return phoneNumber;
	}

	function open(): DriverSession {
		return driver.open({
			instanceId,
			socketUrl: network.urlFor(instanceId),
			proxyUrl: null,
			mode: 'test',
			listener: heard.listener,
		});
	}

	function postStatus(text: string, pushName?: string) {
		return network.postStatus({ from: CONTACT, to: instanceId, text, pushName });
	}

	function postToNewsletter(text: string) {
		return network.postToNewsletter({ from: CONTACT, to: instanceId, text });
	}

	/** The messages in the journal entries so far, when there are so many. */
	function messages(count: number): Promise<InboundMessage[]> {
		return eventually(() => {
			const found = heard.entries.flatMap((entry) => driver.translate(entry) ?? []);
			return found.length === count && found;
		});
	}

	async function keep(entry: JournalEntry): Promise<void> {
		const inbound = driver.translate(entry);
		await storage.journal.remove([entry.id]);
		if (!inbound) return;
		await storage.messages.add([
			{
				id: ids.next('msg'),
				instanceId,
				direction: 'in',
				waId: inbound.waId,
				chat: inbound.chat,
				peer: inbound.sender,
				body: inbound.body,
				clientRef: null,
				status: 'delivered',
				error: null,
				correlationId: null,
				createdAt: entry.receivedAt,
				sentAt: null,
				deliveredAt: entry.receivedAt,
				readAt: null,
				failedAt: null,
			},
		]);
	}

	async function settled(): Promise<void> {
		await eventually(() => undelivered() === 0, { what: 'the acknowledgement' });
	}

	function undelivered(): number | undefined {
		return network.devices()[0]?.undelivered;
	}
});

function textOf({ body }: InboundMessage): string {
	return body.type === 'text' ? body.text : '';
}
