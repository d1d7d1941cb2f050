import { proto, unpadRandomMax16, type BinaryNode } from '@whiskeysockets/baileys';
import type { Delivery } from './delivery.ts';
import { jidOf, type Directory, type LinkedDevice } from './directory.ts';
import { bundleToStanza, type PhoneRecord } from './key-bundle.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import { bigEndian, nowInSeconds, stanza } from './stanza.ts';

/** After so many requests for one message a phone gives up. */
const MOST_RETRIES = 5;

export interface ReceptionSettings {
	/** How long a contact takes to receive a message, and once more until it reads it. */
	readonly receiptDelayMs: number;
	readonly readReceipts: boolean;
}

export interface ReceptionParts {
	readonly directory: Directory;
	readonly delivery: Delivery;
	readonly outbox: Outbox;
	/** Told of every text that a phone shows. */
	readonly shown: (message: { receiver: string; messageId: string; text: string }) => void;
}

/** A message from a linked device, at one phone. */
export interface Incoming {
	readonly sender: LinkedDevice;
	readonly messageId: string;
	/** The chat as the sender has addressed it: the receiver's JID or the group's. */
	readonly chat: string;
	readonly isGroup: boolean;
}

/** What phones do with a message that has reached them: show it, confirm it, or ask again. */
export class Reception {
	readonly #settings: ReceptionSettings;
	readonly #parts: ReceptionParts;
	readonly #timers = new Set<NodeJS.Timeout>();
	readonly #retries = new Map<string, number>();

	constructor(settings: ReceptionSettings, parts: ReceptionParts) {
		this.#settings = settings;
		this.#parts = parts;
	}

	/** Sends the receipts which were owed when the network stopped last. */
	start(): void {
		for (const entry of this.#parts.outbox.owing()) this.#sendReceiptLater(entry);
	}

	stop(): void {
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers.clear();
	}

	/** Shows a decrypted message, once, and confirms it, each time. */
	accept(phone: PhoneRecord, incoming: Incoming, plaintext: Uint8Array): void {
		const { sender, messageId, chat, isGroup } = incoming;
		this.#retries.delete(retryKey(phone, incoming));
		const text = textOf(proto.Message.decode(unpadRandomMax16(plaintext)));
		// The account's own phone gets a copy of everything, too.
		if (text === undefined || phone.number === sender.phoneNumber) return;
		const isNew = this.#parts.outbox.add({
			messageId,
			to: isGroup ? chat : phone.number,
			from: sender.phoneNumber,
			text,
			receivedAt: Date.now(),
			names: namesOf(sender),
			receiver: phone.number,
			owes: this.#settings.readReceipts ? ['delivered', 'read'] : ['delivered'],
			chat,
			...(isGroup && { participant: jidOf(phone, 'lid') }),
		});
		this.#sendReceiptLater(this.#parts.outbox.get(messageId, phone.number));
		if (isNew) this.#parts.shown({ receiver: phone.number, messageId, text });
	}

	/**
	 * Asks the sender to encrypt a message anew. The same ciphertext twice cannot be decrypted
	 * twice either, but then the message is there already.
	 */
	askAgain(phone: PhoneRecord, incoming: Incoming): void {
		const { sender, messageId } = incoming;
		const known = this.#parts.outbox.find(messageId, phone.number);
		if (known !== undefined) {
			this.#parts.outbox.add(known);
			return;
		}
		const key = retryKey(phone, incoming);
		const count = (this.#retries.get(key) ?? 0) + 1;
		if (count > MOST_RETRIES) return;
		this.#retries.set(key, count);
		this.#later(() => {
			this.#parts.delivery.deliver(sender, this.#retryReceipt(phone, incoming, count));
		});
	}

	#retryReceipt(phone: PhoneRecord, incoming: Incoming, count: number): BinaryNode {
		const { sender, messageId } = incoming;
		const t = nowInSeconds();
		const content = [
			stanza('retry', { count, id: messageId, t, v: 1 }),
			stanza('registration', {}, bigEndian(phone.registrationId, 4)),
		];
		if (count > 1) {
			const [, ...keys] = bundleToStanza(this.#parts.directory.makePhoneBundle(phone));
			content.push(stanza('keys', {}, keys));
		}
		const isOwn = phone.number === sender.phoneNumber;
		const parties = isOwn ? ownParties(phone, incoming) : othersParties(phone, incoming);
		return stanza('receipt', { ...parties, id: messageId, t, type: 'retry' }, content);
	}

	#sendReceiptLater(entry: OutboxEntry): void {
		const type = entry.owes[0];
		if (type === undefined) return;
		this.#later(() => {
			const { directory, delivery, outbox } = this.#parts;
			const receipt = stanza('receipt', {
				from: entry.chat,
				id: entry.messageId,
				t: nowInSeconds(),
				participant: entry.participant,
				type: type === 'read' ? type : undefined,
			});
			for (const device of directory.devicesOf(entry.from)) delivery.deliver(device, receipt);
			this.#sendReceiptLater(outbox.settleReceipt(entry));
		});
	}

	#later(work: () => void): void {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			work();
		}, this.#settings.receiptDelayMs);
		this.#timers.add(timer);
	}
}

/** The names under which a device's messages are found: its label and its number. */
function namesOf({ label, phoneNumber }: LinkedDevice): string[] {
	return label === null ? [phoneNumber] : [label, phoneNumber];
}

function retryKey(phone: PhoneRecord, { messageId }: Incoming): string {
	return `${messageId}/${phone.number}`;
}

/** Between a phone and a device of its own the chat is named as the recipient. */
function ownParties(phone: PhoneRecord, { chat, isGroup }: Incoming) {
	const own = jidOf(phone, isGroup || chat.endsWith('@lid') ? 'lid' : 'pn');
	return isGroup ? { from: chat, participant: own } : { from: own, recipient: chat };
}

function othersParties(phone: PhoneRecord, { chat, isGroup }: Incoming) {
	return { from: chat, participant: isGroup ? jidOf(phone, 'lid') : undefined };
}

function textOf(message: proto.IMessage): string | undefined {
	return message.conversation ?? message.extendedTextMessage?.text ?? undefined;
}
