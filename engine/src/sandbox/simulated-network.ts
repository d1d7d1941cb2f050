import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { isPhoneNumber, type LinkedDevice } from './directory.ts';
import type { FaultKind } from './faults.ts';
import type { PhoneRecord } from './key-bundle.ts';
import { composeNetwork, type NetworkNotices, type NetworkParts } from './network-parts.ts';
import type { NewsletterPost } from './newsletters.ts';
import type { ReceivedMessage } from './outbox.ts';
import { describeDevice, type PairedDevice } from './pairing.ts';
import { SimulationError } from './simulation-error.ts';
import { StateFile } from './state-file.ts';
import type {
	BrokenConnection,
	ConnectionInfo,
	Interceptor,
	UnhandledStanza,
} from './switchboard.ts';

export type { FaultKind } from './faults.ts';
export type { ReceivedMessage } from './outbox.ts';
export type { PairedDevice } from './pairing.ts';
export type { BrokenConnection, ConnectionInfo, Interceptor, UnhandledStanza };
export { trustOnly } from './certificate-chain.ts';
export { SimulationError } from './simulation-error.ts';

const STATUSES = 'status@broadcast';
const RECEIPT_DELAY_MS = 250;
const REFUSED_UPGRADES = 3;

export interface SimulatedNetworkOptions {
	/** The SQLite file for all that the network knows; by default it is kept in memory only. */
	readonly file?: string;
	/** The port on 127.0.0.1; by default any free one. */
	readonly port?: number;
	/** How long contacts take to receive, and again to read; real ones are never instant. */
	readonly receiptDelayMs?: number;
	/** Whether contacts let others know that they have read something. By default they do. */
	readonly readReceipts?: boolean;
}

export interface DeviceState extends PairedDevice {
	readonly connected: boolean;
	/** Stanzas which the device has not acknowledged, sent or not. */
	readonly undelivered: number;
}

interface ShownText {
	/** The phone number of whoever received it. */
	readonly receiver: string;
	readonly messageId: string;
	readonly text: string;
}

interface NetworkEvents {
	paired: [PairedDevice];
	login: [PairedDevice];
	disconnected: [ConnectionInfo];
	/** Somebody has received and decrypted a text, for the first time. */
	message: [ShownText];
	/** A linked device has sent a receipt. */
	receipt: [ConnectionInfo, BinaryNode];
	/** A linked device has acknowledged a stanza by `<ack>`, with or without an error. */
	ack: [ConnectionInfo, BinaryNode];
	/** A linked device has acknowledged a message, either way: it will not be sent again. */
	delivered: [ConnectionInfo, { messageId: string }];
	unhandled: [UnhandledStanza];
}

/**
 * WhatsApp in one process: the servers, as WhatsApp Web clients see them over the real wire
 * protocol, and the phones of all the people who use them.
 *
 * A client is pointed at it by its socket URL alone and cannot tell the difference: it makes a
 * Noise handshake, is paired by QR or code, logs in, publishes keys and exchanges messages which
 * are encrypted end to end, with simulated phones at the other end. Nothing leaves the machine.
 *
 * `device` in all methods is the label from `urlFor`, or the phone number of an account; an
 * account with several linked devices means the newest one.
 */
export class SimulatedNetwork extends EventEmitter<NetworkEvents> {
	readonly #options: SimulatedNetworkOptions;
	#running: NetworkParts | undefined;

	constructor(options: SimulatedNetworkOptions = {}) {
		super();
		this.#options = options;
	}

	/** Opens the state file and listens, on the loopback interface only. */
	async start(): Promise<void> {
		const { file = ':memory:', port = 0, ...options } = this.#options;
		const { receiptDelayMs = RECEIPT_DELAY_MS, readReceipts = true } = options;
		const settings = { receiptDelayMs, readReceipts };
		const running = composeNetwork(new StateFile(file), settings, this.#notices());
		try {
			await running.listener.start(port);
		} catch (error) {
			running.state.close();
			throw error;
		}
		this.#running = running;
		running.reception.start();
	}

	/** Cuts all connections and closes the file. What was accepted until then is in the file. */
	async stop(): Promise<void> {
		const running = this.#running;
		if (running === undefined) return;
		this.#running = undefined;
		running.reception.stop();
		running.switchboard.dropAll();
		await Promise.all([running.listener.stop(), running.turns.stop()]);
		running.state.close();
	}

	/** Where clients connect. */
	get url(): string {
		return this.#now.listener.url;
	}

	/** The same for one client, so that it has a name before it is paired. */
	urlFor(device: string): string {
		return `${this.url}?device=${encodeURIComponent(device)}`;
	}

	/** The root of the server's certificates; `trustOnly` makes Baileys trust it. */
	get rootPublicKey(): Uint8Array {
		return this.#now.identity.rootPublicKey;
	}

	/** A phone scans the QR that a client shows. Without a number it is a new one. */
	async scanQr(
		code: string,
		options: { phoneNumber?: string | undefined; pushName?: string | undefined } = {},
	): Promise<PairedDevice> {
		return this.#now.pairing.scanQr(code, () =>
			this.#phone(options.phoneNumber ?? this.#unusedNumber(), options.pushName),
		);
	}

	/** A phone's owner types in the code that a client shows. */
	async enterPairingCode(options: {
		phoneNumber: string;
		code: string;
		pushName?: string | undefined;
	}): Promise<PairedDevice> {
		const phone = this.#phone(options.phoneNumber, options.pushName);
		return this.#now.pairing.enterCode(phone, options.code);
	}

	/**
	 * A contact writes to an account: to each of its linked devices, at once or, if it is not
	 * connected, when it comes back. Messages of one contact keep the order of the calls.
	 */
	async sendText(options: {
		from: string;
		to: string;
		text: string;
		pushName?: string | undefined;
		addressing?: 'pn' | 'lid';
		/** Without Signal encryption, which WhatsApp itself would not do: for bulk tests. */
		plaintext?: boolean;
		/** Damaged on its way: the device cannot decrypt it and has to ask for it again. */
		damaged?: boolean;
	}): Promise<{ messageId: string }> {
		const { contacts, directory } = this.#now;
		const { phoneNumber } = this.#device(options.to);
		const messageId = await contacts.sendText(this.#phone(options.from, options.pushName), {
			to: directory.devicesOf(phoneNumber),
			text: options.text,
			addressing: options.addressing ?? 'lid',
			plaintext: options.plaintext === true,
			damaged: options.damaged === true,
		});
		return { messageId };
	}

	/** Makes a group. Its first member is its owner; accounts and contacts alike can be in it. */
	createGroup(options: { subject: string; members: readonly string[] }): { groupJid: string } {
		return { groupJid: this.#now.groups.create(options.subject, options.members).jid };
	}

	/** A contact writes to a group that it is in: to the linked devices of all members. */
	async sendTextToGroup(options: {
		from: string;
		group: string;
		text: string;
		pushName?: string;
		damaged?: boolean;
	}): Promise<{ messageId: string }> {
		const { contacts, groups } = this.#now;
		const group = groups.get(options.group, options.from);
		const messageId = await contacts.sendText(this.#phone(options.from, options.pushName), {
			to: groups.devicesOf(group),
			text: options.text,
			addressing: 'lid',
			damaged: options.damaged === true,
			group: group.jid,
		});
		return { messageId };
	}

	/** A contact posts a status, which an account is shown: on each of its linked devices. */
	async postStatus(options: {
		from: string;
		to: string;
		text: string;
		pushName?: string | undefined;
		damaged?: boolean;
	}): Promise<{ messageId: string }> {
		const { contacts, directory } = this.#now;
		const { phoneNumber } = this.#device(options.to);
		const messageId = await contacts.sendText(this.#phone(options.from, options.pushName), {
			to: directory.devicesOf(phoneNumber),
			text: options.text,
			addressing: 'lid',
			damaged: options.damaged === true,
			group: STATUSES,
		});
		return { messageId };
	}

	/** A contact posts in its newsletter, which an account follows: on each of its linked devices. */
	async postToNewsletter(options: {
		from: string;
		to: string;
		text: string;
	}): Promise<NewsletterPost> {
		const { newsletters, directory } = this.#now;
		const { phoneNumber } = this.#device(options.to);
		const followers = directory.devicesOf(phoneNumber);
		return newsletters.post(this.#phone(options.from), followers, options.text);
	}

	/** What contacts have received from this device, oldest first, each message once. */
	outbox(device: string): readonly ReceivedMessage[] {
		return this.#now.outbox.of(device);
	}

	/**
	 * Lets something go wrong with a device, see `FaultKind`. One that is not connected meets it
	 * at its next login. `upgrade_refused` holds for the next `upgrades` (3) attempts.
	 */
	fault(device: string, kind: FaultKind, options: { upgrades?: number } = {}): void {
		const { switchboard, listener, directory } = this.#now;
		const linked = directory.findDeviceByName(device);
		if (kind === 'upgrade_refused') {
			const label = linked === undefined ? device : linked.label;
			listener.refuse(label, options.upgrades ?? REFUSED_UPGRADES);
			switchboard.drop(device, linked);
		} else if (!switchboard.inflict(device, linked, kind)) {
			throw new SimulationError('unknown_device');
		}
	}

	/** Ends a ban, refused upgrades, and faults that still wait for the device. */
	heal(device: string): void {
		const { switchboard, listener, directory } = this.#now;
		const linked = directory.findDeviceByName(device);
		listener.refuse(linked === undefined ? device : linked.label, 0);
		if (linked !== undefined) switchboard.heal(linked);
	}

	/** The server refuses the next message of this device with this code; nobody receives it. */
	nextAckError(device: string, code: number | string): void {
		this.#now.routing.refuseNext(this.#device(device), String(code));
	}

	/** The contact's phone forgets its sessions with an account, so that it must ask for new ones. */
	loseSessions(options: { contact: string; account: string }): void {
		const { contacts, directory } = this.#now;
		const { phoneNumber } = this.#device(options.account);
		contacts.loseSessions(this.#phone(options.contact), directory.devicesOf(phoneNumber));
	}

	/** Sends a client any stanza that WhatsApp might, whether it is paired or not. */
	push(device: string, node: BinaryNode): void {
		const { switchboard, directory } = this.#now;
		if (!switchboard.push(device, directory.findDeviceByName(device), node)) {
			throw new SimulationError('unknown_device');
		}
	}

	/** Sees each stanza of a client first and may swallow it. One handler; `undefined` ends it. */
	intercept(interceptor: Interceptor | undefined): void {
		this.#now.switchboard.intercept(interceptor);
	}

	/** What clients sent and the network does not know; queries among it were answered 501. */
	get unhandled(): readonly UnhandledStanza[] {
		return this.#now.switchboard.unhandled;
	}

	/** Connections that the network has closed because of what the client sent. */
	get broken(): readonly BrokenConnection[] {
		return this.#now.switchboard.broken;
	}

	devices(): DeviceState[] {
		const { directory, switchboard, undelivered } = this.#now;
		return [...directory.devices()].map((device) => ({
			...describeDevice(device),
			connected: switchboard.isConnected(device),
			undelivered: undelivered.count(device.key),
		}));
	}

	get #now(): NetworkParts {
		if (this.#running === undefined) throw new SimulationError('not_running');
		return this.#running;
	}

	#phone(number: string, pushName?: string): PhoneRecord {
		const { directory } = this.#now;
		const phone = directory.phone(number);
		if (pushName !== undefined && pushName !== phone.pushName) {
			phone.pushName = pushName;
			directory.savePhone(phone);
		}
		return phone;
	}

	#device(name: string): LinkedDevice {
		const device = this.#now.directory.findDeviceByName(name);
		if (device === undefined) throw new SimulationError('unknown_device');
		return device;
	}

	#unusedNumber(): string {
		for (;;) {
			const number = `55119${randomInt(10_000_000, 100_000_000)}`;
			if (isPhoneNumber(number) && !this.#now.directory.isKnown(number)) return number;
		}
	}

	#notices(): NetworkNotices {
		return {
			paired: (device) => this.emit('paired', describeDevice(device)),
			shown: (text) => this.emit('message', text),
			login: (device) => this.emit('login', device),
			disconnected: (connection) => this.emit('disconnected', connection),
			receipt: (from, node) => this.emit('receipt', from, node),
			ack: (from, node) => this.emit('ack', from, node),
			delivered: (from, messageId) => this.emit('delivered', from, { messageId }),
			unhandled: (unhandled) => this.emit('unhandled', unhandled),
		};
	}
}
