import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DriverSession, JournalEntry } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import type { OpenStorage } from '../../../engine/src/storage/storage.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { eventually, ids } from '../../support/system.ts';
import { driverOn, Heard } from './driving.ts';

const CONTACT = '5511988887777';

describe('a session over Baileys', () => {
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

	it('shows a QR code, is restarted once it is scanned, and opens with its account', async () => {
		const phone = await pair();

		expect(heard.opened).toMatchObject([
			{ phoneNumber: phone, lid: expect.stringMatching(/@lid$/) },
		]);
		expect(await driver.isPaired(instanceId)).toBe(true);
	});

	it('opens again with the stored keys alone', async () => {
		await pair();
		await session?.close();
		heard = new Heard();

		session = open();

		await eventually(() => heard.opened.length);
		expect(heard.qrs).toEqual([]);
	});

	it('journals a message in the commit that decrypts it, and translates it without a key', async () => {
		await pair();

		await network.sendText({ from: CONTACT, to: instanceId, text: 'Olá!', pushName: 'Maria' });

		const [entry] = await eventually(() => (heard.entries.length ? heard.entries : undefined));
		expect(await storage.journal.list(10)).toEqual([entry]);
		expect(driver.translate(entry!)).toMatchObject({
			chat: `${CONTACT}@s.whatsapp.net`,
			sender: `${CONTACT}@s.whatsapp.net`,
			senderLid: expect.stringMatching(/@lid$/),
			pushName: 'Maria',
			fromMe: false,
			body: { type: 'text', text: 'Olá!' },
		});
	});

	it('shows a new QR code when WhatsApp declares the secret in it void, and pairs by that', async () => {
		session = open();
		const first = await eventually(() => heard.qrs[0]);
		const acks: string[] = [];
		network.intercept((_, node) => {
			if (node.tag === 'ack') acks.push(node.attrs['type'] ?? '');
			return node.tag === 'ack';
		});

		network.push(instanceId, notification('companion_reg_refresh'));

		const second = await eventually(() => heard.qrs[1]);
		const changed = second.split(',').map((field, i) => field !== first.split(',')[i]);
		expect(changed).toEqual([false, false, false, true, false]);
		await eventually(() => acks.includes('companion_reg_refresh'));
		network.intercept(undefined);
		await network.scanQr(second);
		await eventually(() => heard.linked.length);
	});

	it('tells that WhatsApp wants a passkey, instead of showing QR codes that nobody can use', async () => {
		session = open();
		await eventually(() => heard.qrs[0]);

		network.push(instanceId, notification('passkey_prologue_request'));

		await eventually(() => heard.deadEnds.length);
		expect(heard.deadEnds).toEqual(['passkey_required']);
	});

	it('gives a code to type into the phone instead of scanning', async () => {
		session = open();
		await eventually(() => heard.qrs[0]);

		const code = await session.requestPairingCode('5511911112222');
		await network.enterPairingCode({ phoneNumber: '5511911112222', code });

		expect(code).toMatch(/^[A-Z0-9]{8}$/);
		await eventually(() => heard.linked.length);
	});

	it('refuses to give a code that WhatsApp has refused', async () => {
		session = open();
		await eventually(() => heard.qrs[0]);
		network.intercept((_, node) => {
			if (node.tag !== 'iq' || node.attrs['xmlns'] !== 'md') return false;
			const { id } = node.attrs;
			network.push(instanceId, { tag: 'iq', attrs: { id: id!, type: 'error' }, content: [] });
			return true;
		});

		await expect(session.requestPairingCode('5511911112222')).rejects.toThrow(/refused/);
	});

	it('keeps the order of a contact that alternates between the two ways of addressing', async () => {
		await pair();
		const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);

		for (const [i, text] of texts.entries()) {
			await network.sendText({
				from: CONTACT,
				to: instanceId,
				text,
				addressing: i % 2 ? 'pn' : 'lid',
			});
		}

		await eventually(() => heard.entries.length === texts.length);
		expect(heard.texts(driver)).toEqual(texts);
	});

	it('journals what comes unencrypted before it is acknowledged', async () => {
		await pair();

		await network.sendText({ from: CONTACT, to: instanceId, text: 'plain', plaintext: true });

		await eventually(() => heard.entries.length);
		expect(heard.texts(driver)).toEqual(['plain']);
		expect(await storage.journal.list(10)).toHaveLength(1);
	});

	it('acknowledges a redelivered message that is stored already, and does not journal it again', async () => {
		await pair();
		network.intercept((_, node) => node.tag === 'receipt');
		await network.sendText({ from: CONTACT, to: instanceId, text: 'once' });
		const [entry] = await eventually(() => (heard.entries.length ? heard.entries : undefined));
		await keep(entry!);
		network.intercept(undefined);
		await session?.close();

		session = open();

		await eventually(() => network.devices()[0]?.undelivered === 0, { what: 'the receipt' });
		expect(heard.entries).toHaveLength(1);
	});

	it('sends a text, hears that WhatsApp took it, that it was delivered and read', async () => {
		await pair();

		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('Hi'),
		});

		await eventually(() => heard.receipts.some(({ status }) => status === 'read'));
		expect(heard.acks).toMatchObject([{ error: undefined }]);
		expect(heard.receipts.map(({ status }) => status)).toEqual(['delivered', 'read']);
		expect(network.outbox(instanceId)).toMatchObject([{ to: CONTACT, text: 'Hi' }]);
	});

	it('has stored the ratchet step of a message before its bytes leave', async () => {
		await pair();
		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('1'),
		});
		await eventually(() => network.outbox(instanceId).length === 1);
		const steps: string[] = [];
		const commit = storage.authState.commit.bind(storage.authState);
		storage.authState.commit = async (id, changes, journal) => {
			const entries = await commit(id, changes, journal);
			if (changes.some(({ type }) => type === 'session')) steps.push('stored');
			return entries;
		};
		network.intercept((_, node) => {
			if (node.tag === 'message') steps.push('sent');
			return false;
		});

		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('2'),
		});

		await eventually(() => steps.includes('sent'));
		expect(steps.indexOf('stored')).toBeLessThan(steps.indexOf('sent'));
		expect(steps[0]).toBe('stored');
	});

	it('hears the code with which WhatsApp refuses a message', async () => {
		await pair();
		network.nextAckError(instanceId, 463);

		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('Hi'),
		});

		await eventually(() => heard.acks.length);
		expect(heard.acks).toMatchObject([{ error: '463' }]);
	});

	it.each([
		['logged_out', 401],
		['banned', 403],
		['replaced', 440],
		['server_error', 500],
		['restart_required', 515],
		['connection_lost', 428],
	] as const)('closes once with the right code when it meets %s', async (kind, code) => {
		await pair();

		network.fault(instanceId, kind);

		await eventually(() => heard.closes.length);
		expect(heard.closes).toEqual([code]);
		session = undefined;
	});

	it('closes when the upgrade of its connection is refused, instead of waiting for ever', async () => {
		network.fault(instanceId, 'upgrade_refused');

		session = open();

		await eventually(() => heard.closes.length, { withinMs: 5_000 });
		expect(heard.closes).toEqual([503]);
	});

	it('closes when WhatsApp falls silent', async () => {
		driver = driverOn(storage, { keepAliveMs: 300, openMs: 5_000 });
		await pair();

		network.fault(instanceId, 'silent');

		await eventually(() => heard.closes.length, { withinMs: 15_000 });
		expect(heard.closes).toEqual([408]);
	}, 20_000);

	it('gives up on a server that takes the connection and says nothing', async () => {
		const mute = createServer().listen(0, '127.0.0.1');
		await once(mute, 'listening');
		const { port } = mute.address() as AddressInfo;
		driver = driverOn(storage, { keepAliveMs: 300, openMs: 300 });

		session = openAt(`ws://127.0.0.1:${port}/ws/chat`);

		await eventually(() => heard.closes.length, { withinMs: 5_000 });
		expect(heard.closes).toEqual([408]);
		mute.close();
	});

	it('does not show the account as online', async () => {
		const presences: (string | undefined)[] = [];
		network.intercept((_, node) => {
			if (node.tag === 'presence') presences.push(node.attrs['type']);
			return false;
		});

		await pair();
		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('Hi'),
		});

		await eventually(() => network.outbox(instanceId).length);
		expect(presences).not.toContain('available');
	});

	it('prints no word of its keys on the console', async () => {
		const print = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
		const complain = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
		await pair();
		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: text('Hi'),
		});
		await eventually(() => network.outbox(instanceId).length);

		const said = [...print.mock.calls, ...complain.mock.calls].map(([chunk]) => String(chunk));
		print.mockRestore();
		complain.mockRestore();

		expect(said.filter((line) => /session|privKey|chainKey/i.test(line))).toEqual([]);
	});

	/** Scans, follows the restart that WhatsApp asks for, and answers the phone's number. */
	async function pair(): Promise<string> {
		session = open();
		const code = await eventually(() => heard.qrs[0]);
		const { phoneNumber } = await network.scanQr(code);
		await eventually(() => heard.closes.includes(515));
		heard.closes.length = 0;
		session = open();
		await eventually(() => heard.opened.length);
		return phoneNumber;
	}

	function open(): DriverSession {
		return openAt(network.urlFor(instanceId));
	}

	function openAt(socketUrl: string): DriverSession {
		return driver.open({
			instanceId,
			socketUrl,
			proxyUrl: null,
			mode: 'test',
			listener: heard.listener,
		});
	}

	async function keep(entry: JournalEntry): Promise<void> {
		const inbound = driver.translate(entry)!;
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
		await storage.journal.remove([entry.id]);
	}
});

function notification(type: string): BinaryNode {
	return {
		tag: 'notification',
		attrs: { from: '@s.whatsapp.net', type, id: '1', t: '1' },
		content: [{ tag: type, attrs: {} }],
	};
}

function text(value: string) {
	return { type: 'text', text: value } as const;
}
