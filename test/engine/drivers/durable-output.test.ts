import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuthStateStore, DriverSession } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import type { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { eventually } from '../../support/system.ts';
import { driverOn, Heard } from './driving.ts';

const CONTACT = '5511988887777';
const SLOW_DISK_MS = 100;

/** The disk is slow or full in these, so that what must wait for it has something to wait for. */
describe('what a session tells WhatsApp', () => {
	let store: TestEngineStore;
	let network: SimulatedNetwork;
	let driver: BaileysDriver;
	let instanceId: InstanceId;
	let heard: Heard;
	let session: DriverSession;
	let phone: string;

	beforeEach(async () => {
		network = new SimulatedNetwork({ receiptDelayMs: 20 });
		await network.start();
		store = await TestEngineStore.open();
		driver = driverOn(store.storage);
		instanceId = await store.addInstance();
		heard = new Heard();
		session = open();
		await eventually(() => heard.qrs[0]);
		({ phoneNumber: phone } = await network.scanQr(heard.qrs[0]!));
		await eventually(() => heard.closes.length);
		heard = new Heard();
		session = open();
		await eventually(() => heard.opened.length);
		await eventually(() => network.devices()[0]?.undelivered === 0);
	});

	afterEach(async () => {
		await session.close();
		await network.stop();
		await store.close();
	});

	it('acknowledges a message when it is on the disk, and not before', async () => {
		const steps: string[] = [];
		onCommit(async (commit) => {
			const entries = await commit();
			await sleep(SLOW_DISK_MS);
			if (entries.length > 0) steps.push('on the disk');
			return entries;
		});
		network.on('delivered', () => steps.push('acknowledged'));

		await network.sendText({ from: CONTACT, to: phone, text: 'Hi' });

		await eventually(() => steps.includes('acknowledged'));
		expect(steps).toEqual(['on the disk', 'acknowledged']);
	});

	it('decrypts on while the disk is busy, and writes what has gathered in one commit', async () => {
		const commits: number[] = [];
		onCommit(async (commit) => {
			const entries = await commit();
			await sleep(SLOW_DISK_MS);
			if (entries.length > 0) commits.push(entries.length);
			return entries;
		});
		const texts = Array.from({ length: 20 }, (_, i) => `message ${i}`);

		for (const text of texts) await network.sendText({ from: CONTACT, to: phone, text });

		await eventually(() => network.devices()[0]?.undelivered === 0);
		expect(heard.texts(driver)).toEqual(texts);
		expect(commits.length).toBeLessThan(texts.length / 2);
	});

	it('acknowledges nothing that could not be written, and gets it once more', async () => {
		onCommit(async () => {
			throw new Error('the disk is full');
		});
		await network.sendText({ from: CONTACT, to: phone, text: 'Hi' });
		await eventually(() => heard.closes.length);
		const undelivered = network.devices()[0]?.undelivered;
		onCommit((commit) => commit());

		session = open();

		await eventually(() => heard.entries.length);
		expect(heard.closes).toEqual([500]);
		expect(undelivered).toBe(1);
		expect(heard.texts(driver)).toEqual(['Hi']);
		await eventually(() => network.devices()[0]?.undelivered === 0);
	});

	it('does not say that a message is sent whose ratchet step could not be written', async () => {
		onCommit(async () => {
			throw new Error('the disk is full');
		});

		const sending = session.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: { type: 'text', text: 'Hi' },
		});

		await expect(sending).rejects.toThrow();
		expect(network.outbox(phone)).toEqual([]);
	});

	function open(): DriverSession {
		return driver.open({
			instanceId,
			socketUrl: network.urlFor(instanceId),
			proxyUrl: null,
			mode: 'test',
			listener: heard.listener,
		});
	}

	/** From now on commits of keys and received messages go this way. */
	function onCommit(
		act: (
			commit: () => ReturnType<AuthStateStore['commit']>,
		) => ReturnType<AuthStateStore['commit']>,
	): void {
		const { authState } = store.storage;
		const { commit } = Object.getPrototypeOf(authState) as AuthStateStore;
		authState.commit = (...args) => act(() => commit.apply(authState, args));
	}
});
