import { jidEncode, jidDecode, type BinaryNode } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import type { Contacts } from './contacts.ts';
import type { Delivery } from './delivery.ts';
import { jidOf, type DeviceAddress, type Directory, type LinkedDevice } from './directory.ts';
import { findBundleInRetry } from './key-bundle.ts';
import type { Group, Groups } from './groups.ts';
import type { Ciphertext } from './signal-sessions.ts';
import {
	bytesOf,
	childrenOf,
	findChild,
	getAttribute,
	nowInSeconds,
	SERVER,
	stanza,
} from './stanza.ts';
import type { UndeliveredStanzas } from './undelivered.ts';

/** How a message to a group is refused whose sender is not in it. */
const FORBIDDEN = '403';

interface RoutingParts {
	readonly directory: Directory;
	readonly delivery: Delivery;
	readonly contacts: Contacts;
	readonly undelivered: UndeliveredStanzas;
	readonly groups: Groups;
}

/** Takes what linked devices send (messages, receipts, acks) to whom it is for. */
export class MessageRouting {
	readonly #parts: RoutingParts;
	readonly #ackErrors = new Map<string, string>();

	constructor(parts: RoutingParts) {
		this.#parts = parts;
	}

	/** The next message of this device is refused with this code and reaches nobody. */
	refuseNext(device: LinkedDevice, code: string): void {
		this.#ackErrors.set(device.key, code);
	}

	/** Resolves when the message is with everybody it is for, and only then acknowledges it. */
	async message(sender: LinkedDevice, connection: Connection, node: BinaryNode): Promise<void> {
		const to = getAttribute(node, 'to');
		const id = getAttribute(node, 'id');
		const group = this.#parts.groups.find(to);
		const isOutsider = group?.members.includes(sender.phoneNumber) === false;
		const error = this.#ackErrors.get(sender.key) ?? (isOutsider ? FORBIDDEN : undefined);
		this.#ackErrors.delete(sender.key);
		if (error === undefined) {
			if (group !== undefined) await this.#routeToGroup(sender, node, group);
			else for (const [jid, enc] of copiesIn(node, to)) await this.#route(sender, node, jid, enc);
		}
		const t = nowInSeconds();
		connection.send(stanza('ack', { class: 'message', id, from: to, t, error }));
	}

	/** Answers with the ids of the messages that the receipt or ack takes off the queue. */
	async receipt(device: LinkedDevice, connection: Connection, node: BinaryNode): Promise<string[]> {
		const id = getAttribute(node, 'id');
		const type = node.attrs['type'];
		if (type === 'retry') await this.#retry(device, node, id);
		const acknowledged = this.acknowledge(device, node);
		const from = node.attrs['to'] ?? SERVER;
		connection.send(stanza('ack', { class: 'receipt', id, from, type, t: nowInSeconds() }));
		return acknowledged;
	}

	acknowledge(device: LinkedDevice, node: BinaryNode): string[] {
		const stanzas = this.#parts.undelivered.acknowledge(device.key, node);
		const messages = stanzas.filter((stanza) => stanza.node.tag === 'message');
		return messages.map((stanza) => stanza.node.attrs['id'] ?? '');
	}

	async #retry(device: LinkedDevice, receipt: BinaryNode, messageId: string): Promise<void> {
		const copy = this.#parts.undelivered.findMessage(device.key, messageId)?.copy;
		if (copy === undefined) return;
		const count = Number(findChild(receipt, 'retry')?.attrs['count'] ?? 1);
		const bundle = findBundleInRetry(receipt);
		await this.#parts.contacts.sendAgain(device, copy, { count, ...(bundle && { bundle }) });
	}

	async #route(
		sender: LinkedDevice,
		message: BinaryNode,
		jid: string,
		enc: BinaryNode,
	): Promise<void> {
		const receiver = this.#parts.directory.findAddress(jid);
		const ciphertext = findCiphertext(enc);
		if (receiver === undefined || ciphertext === undefined) return;
		if (receiver.deviceId !== 0) {
			this.#forward(sender, message, receiver, enc);
			return;
		}
		const incoming = { ...this.#incoming(sender, message), isGroup: false };
		await this.#parts.contacts.receive(receiver.phone, incoming, { direct: ciphertext });
	}

	/** To each member, with the sender's key for those to whom it is new. */
	async #routeToGroup(sender: LinkedDevice, message: BinaryNode, group: Group): Promise<void> {
		const { directory, contacts, groups, delivery } = this.#parts;
		const isForOne = message.attrs['participant'] !== undefined;
		const forAll = isForOne ? undefined : findChild(message, 'enc');
		const forEach = new Map<string, BinaryNode>();
		for (const [jid, enc] of copiesIn(message, group.jid)) {
			const address = directory.findAddress(jid);
			if (address && enc !== forAll) forEach.set(nameOf(address), enc);
		}
		const incoming = { ...this.#incoming(sender, message), chat: group.jid, isGroup: true };
		for (const member of group.members) {
			const phone = directory.phone(member);
			const direct = findCiphertext(forEach.get(nameOf({ phone, deviceId: 0 })));
			const shared = forAll && bytesOf(forAll);
			if (!direct && !shared) continue;
			const copy = { ...(direct && { direct }), ...(shared && { group: shared }) };
			await contacts.receive(phone, incoming, copy);
		}
		for (const device of groups.devicesOf(group)) {
			const phone = directory.phone(device.phoneNumber);
			const direct = forEach.get(nameOf({ phone, deviceId: device.deviceId }));
			const content = [direct, forAll].filter((enc) => enc !== undefined);
			if (device.key === sender.key || content.length === 0) continue;
			const account = directory.phone(sender.phoneNumber);
			const attributes = {
				...this.#envelope(sender, message),
				from: group.jid,
				participant: jidOf(account, 'lid', sender.deviceId),
				participant_pn: jidOf(account, 'pn'),
				addressing_mode: 'lid',
			};
			delivery.deliver(device, stanza('message', attributes, withIdentity(message, content)));
		}
	}

	/** From one linked device to another, of the same account or of somebody else's. */
	#forward(
		sender: LinkedDevice,
		message: BinaryNode,
		{ phone, deviceId, addressing }: DeviceAddress,
		enc: BinaryNode,
	): void {
		const { directory, delivery } = this.#parts;
		const device = directory.findDevice(phone.number, deviceId);
		if (device === undefined) return;
		const account = directory.phone(sender.phoneNumber);
		const attributes = {
			...this.#envelope(sender, message),
			from: jidOf(account, addressing, sender.deviceId),
			recipient: phone.number === account.number ? chatOf(message) : undefined,
			...(addressing === 'lid'
				? { addressing_mode: 'lid', sender_pn: jidOf(account, 'pn') }
				: { sender_lid: jidOf(account, 'lid') }),
		};
		delivery.deliver(device, stanza('message', attributes, withIdentity(message, [enc])));
	}

	#incoming(sender: LinkedDevice, message: BinaryNode) {
		return { sender, messageId: getAttribute(message, 'id'), chat: chatOf(message) };
	}

	#envelope(sender: LinkedDevice, message: BinaryNode) {
		const { pushName } = this.#parts.directory.phone(sender.phoneNumber);
		const { id, type } = message.attrs;
		return { id, type, t: nowInSeconds(), notify: pushName ?? undefined };
	}
}

/** The `<enc>` of a stanza as a ciphertext for one receiver, if it is one. */
function findCiphertext(enc: BinaryNode | undefined): Ciphertext | undefined {
	const type = enc?.attrs['type'];
	if (enc === undefined || (type !== 'pkmsg' && type !== 'msg')) return undefined;
	return { type, bytes: bytesOf(enc) };
}

/** A device that starts a session shows whose it is. */
function withIdentity(message: BinaryNode, content: BinaryNode[]): BinaryNode[] {
	const identity = findChild(message, 'device-identity');
	return identity === undefined ? content : [...content, identity];
}

function nameOf({ phone, deviceId }: Pick<DeviceAddress, 'phone' | 'deviceId'>): string {
	return `${phone.number}:${deviceId}`;
}

/** Each receiver's copy: in `<participants>`, or directly in a message for one device only. */
function copiesIn(message: BinaryNode, to: string): [string, BinaryNode][] {
	const copies: [string, BinaryNode][] = [];
	for (const receiver of childrenOf(findChild(message, 'participants'), 'to')) {
		const enc = findChild(receiver, 'enc');
		if (enc !== undefined) copies.push([getAttribute(receiver, 'jid'), enc]);
	}
	const enc = findChild(message, 'enc');
	if (enc !== undefined) copies.push([message.attrs['participant'] ?? to, enc]);
	return copies;
}

/** The chat of a message; one that is sent again is addressed to a device of it. */
function chatOf(message: BinaryNode): string {
	const to = message.attrs['recipient'] ?? getAttribute(message, 'to');
	const decoded = jidDecode(to);
	return decoded === undefined ? to : jidEncode(decoded.user, decoded.server);
}
