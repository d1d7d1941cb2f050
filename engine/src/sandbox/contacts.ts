import { encodeWAMessage, proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { Delivery } from './delivery.ts';
import { setupMessages } from './device-setup.ts';
import { jidOf, type Directory, type LinkedDevice } from './directory.ts';
import type { KeyBundle, PhoneRecord } from './key-bundle.ts';
import type { KeyServer } from './key-server.ts';
import type { Incoming, Reception } from './reception.ts';
import type { SenderKeys } from './sender-keys.ts';
import type { Ciphertext, SignalAddress, SignalSessions } from './signal-sessions.ts';
import { newMessageId, nowInSeconds, stanza } from './stanza.ts';
import type { Turns } from './turns.ts';
import type { SentCopy } from './undelivered.ts';

/** After so many requests for one message nobody encrypts it any more. */
const MOST_RETRIES = 5;

export interface ContactParts {
	readonly directory: Directory;
	readonly delivery: Delivery;
	readonly keys: KeyServer;
	readonly sessions: SignalSessions;
	readonly senderKeys: SenderKeys;
	readonly reception: Reception;
	readonly turns: Turns;
}

export interface OutgoingText {
	readonly to: readonly LinkedDevice[];
	readonly text: string;
	readonly addressing: 'pn' | 'lid';
	/** Sent without Signal, which is several times cheaper. */
	readonly plaintext?: boolean;
	/** Damaged on its way, so that the devices have to ask for it again. */
	readonly damaged?: boolean;
	/** The address that all receivers share: a group's, or that of statuses. */
	readonly group?: string;
}

/** What a linked device has encrypted for one phone. */
export interface Copy {
	readonly direct?: Ciphertext;
	/** In a group, what was encrypted with the sender's key for all members. */
	readonly group?: Buffer;
}

interface SendOptions {
	readonly damaged?: boolean | undefined;
	/** How often the device has asked for it. */
	readonly count?: number | undefined;
}

/** What people's phones do with Signal: they write, receive, and sort out lost sessions. */
export class Contacts {
	readonly #parts: ContactParts;

	constructor(parts: ContactParts) {
		this.#parts = parts;
	}

	/** Writes to linked devices; resolves when the server has a copy for each of them. */
	async sendText(phone: PhoneRecord, message: OutgoingText): Promise<string> {
		const { to, text, group, plaintext = false, damaged } = message;
		const messageId = newMessageId();
		const attributes = { ...envelope(phone, message), id: messageId };
		const sender = phone.number;
		const copy: SentCopy = { sender, text, attributes, ...(group && { group }) };
		await this.#parts.turns.run(phone.number, async () => {
			if (group !== undefined) return this.#sendToGroup(phone, to, copy, { damaged });
			for (const device of to) {
				if (plaintext) this.#sendPlain(device, copy);
				else await this.#sendEncrypted(phone, device, copy, { damaged });
			}
		});
		return messageId;
	}

	/** A phone forgets its sessions with these devices, as one does that was restored. */
	loseSessions(phone: PhoneRecord, devices: readonly LinkedDevice[]): void {
		for (const device of devices) this.#parts.sessions.forget(phone, addressOf(device));
	}

	/** The account's own phone gives a new device what it needs to begin. */
	async initialise(device: LinkedDevice): Promise<void> {
		const { directory, turns } = this.#parts;
		const phone = directory.phone(device.phoneNumber);
		await turns.run(phone.number, async () => {
			if (device.initialised) return;
			for (const message of setupMessages()) {
				await this.#sendPeerMessage(phone, device, message);
			}
			if (directory.findDevice(phone.number, device.deviceId) !== device) return;
			device.initialised = true;
			directory.saveDevice(device);
		});
	}

	/** A device could not decrypt a message and asks for it with a new session. */
	async sendAgain(
		device: LinkedDevice,
		copy: SentCopy,
		request: { readonly count: number; readonly bundle?: KeyBundle },
	): Promise<void> {
		const { count, bundle } = request;
		if (count > MOST_RETRIES) return;
		const { directory, keys, sessions, senderKeys, turns } = this.#parts;
		const phone = directory.phone(copy.sender);
		await turns.run(phone.number, async () => {
			await sessions.start(phone, addressOf(device), bundle ?? keys.takeBundle(device));
			if (copy.group === undefined) return this.#sendEncrypted(phone, device, copy, { count });
			senderKeys.setDistributed(phone, copy.group, device.key, false);
			return this.#sendToGroup(phone, [device], copy, { count });
		});
	}

	/** Decrypts what a linked device has sent to this phone, and has it shown or asks for it. */
	async receive(phone: PhoneRecord, incoming: Incoming, copy: Copy): Promise<void> {
		await this.#parts.turns.run(phone.number, async () => {
			try {
				if (copy.direct) await this.#receiveDirect(phone, incoming, copy.direct);
				if (copy.group) await this.#receiveFromGroup(phone, incoming, copy.group);
			} catch {
				this.#parts.reception.askAgain(phone, incoming);
			}
		});
	}

	async #receiveDirect(phone: PhoneRecord, incoming: Incoming, direct: Ciphertext) {
		const { sessions, senderKeys, reception } = this.#parts;
		const from = addressOf(incoming.sender);
		let distribution: Uint8Array | undefined;
		await sessions.decrypt(phone, from, direct, (plaintext) => {
			distribution = senderKeys.findDistribution(plaintext);
			if (!distribution) reception.accept(phone, incoming, plaintext);
		});
		if (distribution === undefined) return;
		await senderKeys.accept(phone, { ...from, group: incoming.chat }, distribution);
	}

	async #receiveFromGroup(phone: PhoneRecord, incoming: Incoming, ciphertext: Buffer) {
		const { senderKeys, reception } = this.#parts;
		const from = { ...addressOf(incoming.sender), group: incoming.chat };
		await senderKeys.decrypt(phone, from, ciphertext, (plaintext) => {
			reception.accept(phone, incoming, plaintext);
		});
	}

	async #sendPeerMessage(phone: PhoneRecord, device: LinkedDevice, message: proto.IMessage) {
		const attributes = envelope(phone, { addressing: 'pn' });
		const peer = { ...attributes, id: newMessageId(), category: 'peer' };
		await this.#encrypt(phone, device, message, (enc) =>
			this.#parts.delivery.deliver(device, stanza('message', peer, [enc]), { isPeer: true }),
		);
	}

	#sendPlain(device: LinkedDevice, copy: SentCopy): void {
		const bytes = proto.Message.encode({ conversation: copy.text }).finish();
		const content = [stanza('plaintext', {}, Buffer.from(bytes))];
		this.#parts.delivery.deliver(device, stanza('message', copy.attributes, content), { copy });
	}

	async #sendEncrypted(
		phone: PhoneRecord,
		device: LinkedDevice,
		copy: SentCopy,
		{ damaged, count }: SendOptions,
	): Promise<void> {
		await this.#encrypt(phone, device, { conversation: copy.text }, (enc) => {
			const content = [finished(enc, { damaged, count })];
			const message = stanza('message', copy.attributes, content);
			this.#parts.delivery.deliver(device, message, { copy });
		});
	}

	/** One ciphertext for all, and the key to it for those who do not have it yet. */
	async #sendToGroup(
		phone: PhoneRecord,
		devices: readonly LinkedDevice[],
		copy: SentCopy & { readonly group?: string },
		options: SendOptions,
	): Promise<void> {
		const { senderKeys, delivery } = this.#parts;
		const group = copy.group ?? '';
		const { distribution, ciphertext } = await senderKeys.encrypt(
			phone,
			group,
			encodeWAMessage({ conversation: copy.text }),
		);
		for (const device of devices) {
			const enc = stanza('enc', { v: 2, type: 'skmsg' }, Buffer.from(ciphertext));
			const content = [finished(enc, options)];
			const send = () =>
				delivery.deliver(device, stanza('message', copy.attributes, content), { copy });
			if (senderKeys.isDistributed(phone, group, device.key)) {
				send();
				continue;
			}
			await this.#encrypt(phone, device, distribution, (key) => {
				content.unshift(key);
				senderKeys.setDistributed(phone, group, device.key, true);
				send();
			});
		}
	}

	/** Encrypts for one device, in a new session if there is none yet. */
	async #encrypt(
		phone: PhoneRecord,
		device: LinkedDevice,
		message: proto.IMessage,
		send: (enc: BinaryNode) => void,
	): Promise<void> {
		const { sessions, keys } = this.#parts;
		const to = addressOf(device);
		if (!sessions.has(phone, to)) await sessions.start(phone, to, keys.takeBundle(device));
		await sessions.encrypt(phone, to, encodeWAMessage(message), ({ type, bytes }) =>
			send(stanza('enc', { v: 2, type }, bytes)),
		);
	}
}

function addressOf({ lid, deviceId }: LinkedDevice): SignalAddress {
	return { lid, deviceId };
}

function envelope(
	phone: PhoneRecord,
	{ addressing, group }: Pick<OutgoingText, 'addressing' | 'group'>,
): Record<string, string> {
	const [pn, lid] = [jidOf(phone, 'pn'), jidOf(phone, 'lid')];
	const common = {
		t: String(nowInSeconds()),
		type: 'text',
		...(phone.pushName !== null && { notify: phone.pushName }),
	};
	if (group !== undefined) {
		const participant = { participant: lid, participant_pn: pn, addressing_mode: 'lid' };
		return { from: group, ...participant, ...common };
	}
	return addressing === 'lid'
		? { from: lid, addressing_mode: 'lid', sender_pn: pn, ...common }
		: { from: pn, sender_lid: lid, ...common };
}

function finished(enc: BinaryNode, { damaged, count }: SendOptions): BinaryNode {
	const bytes = Buffer.from(enc.content as Uint8Array);
	if (damaged === true) bytes[bytes.length - 1]! ^= 0xff;
	return stanza('enc', { ...enc.attrs, count }, bytes);
}
