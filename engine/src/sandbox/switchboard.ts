import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import type { Contacts } from './contacts.ts';
import type { Delivery } from './delivery.ts';
import { jidOf, type Directory, type LinkedDevice } from './directory.ts';
import { failure, inflict, type FaultKind } from './faults.ts';
import { answerIq, type IqParts } from './iq-table.ts';
import type { MessageRouting } from './message-routing.ts';
import { describeDevice, type PairedDevice, type Pairing } from './pairing.ts';
import { nowInSeconds, SERVER, stanza } from './stanza.ts';
import type { UndeliveredStanzas } from './undelivered.ts';

/** Stanzas of clients that call for no answer. */
const NO_ANSWER = new Set(['presence', 'chatstate', 'ib', 'ack']);

/** How many unknown stanzas and broken connections are remembered. */
const KEPT_RECORDS = 1_000;

/** Which connection a stanza came from. */
export interface ConnectionInfo {
	readonly label: string | null;
	/** `null` before the login. */
	readonly phoneNumber: string | null;
}

export interface UnhandledStanza extends ConnectionInfo {
	readonly node: BinaryNode;
}

export interface BrokenConnection extends ConnectionInfo {
	readonly reason: Error;
}

/** Tells whether the stanza is to be swallowed. */
export type Interceptor = (connection: ConnectionInfo, node: BinaryNode) => boolean;

export interface SwitchboardParts {
	readonly directory: Directory;
	readonly undelivered: UndeliveredStanzas;
	readonly delivery: Delivery;
	readonly contacts: Contacts;
	readonly routing: MessageRouting;
	readonly pairing: Pairing;
	readonly iq: Omit<IqParts, 'activated' | 'loggedOut'>;
	readonly notify: {
		login(device: PairedDevice): void;
		disconnected(connection: ConnectionInfo): void;
		receipt(from: ConnectionInfo, node: BinaryNode): void;
		ack(from: ConnectionInfo, node: BinaryNode): void;
		delivered(from: ConnectionInfo, messageId: string): void;
		unhandled(stanza: UnhandledStanza): void;
	};
}

/** Knows all open connections: lets them in, and takes their stanzas to where they belong. */
export class Switchboard {
	readonly #parts: SwitchboardParts;
	readonly #connections = new Set<Connection>();
	readonly #deviceOf = new Map<Connection, LinkedDevice>();
	readonly #connectionOf = new Map<string, Connection>();
	/** Faults of devices that were not connected; they happen at the next login. */
	readonly #pendingFaults = new Map<string, FaultKind>();
	readonly unhandled: UnhandledStanza[] = [];
	readonly broken: BrokenConnection[] = [];
	#interceptor: Interceptor | undefined;

	constructor(parts: SwitchboardParts) {
		this.#parts = parts;
	}

	opened(connection: Connection, payload: proto.ClientPayload): void {
		this.#connections.add(connection);
		const number = Number(payload.username ?? 0);
		if (payload.devicePairingData && number === 0) {
			this.#parts.pairing.admit(connection, payload.devicePairingData);
		} else {
			this.#logIn(connection, String(number), payload.device ?? 0);
		}
	}

	closed(connection: Connection, reason: Error | undefined): void {
		const info = this.#describe(connection);
		if (reason !== undefined) remember(this.broken, { ...info, reason });
		this.#connections.delete(connection);
		this.#parts.pairing.abandon(connection);
		const device = this.#deviceOf.get(connection);
		if (device === undefined) return;
		this.#deviceOf.delete(connection);
		this.#parts.delivery.suspend(device, connection);
		if (this.#connectionOf.get(device.key) === connection) {
			this.#connectionOf.delete(device.key);
		}
		this.#parts.notify.disconnected(info);
	}

	async received(connection: Connection, node: BinaryNode): Promise<void> {
		if (this.#interceptor?.(this.#describe(connection), node) === true) return;
		const device = this.#deviceOf.get(connection);
		if (device !== undefined) await this.#fromDevice(device, connection, node);
		else if (isPing(node)) this.#answerPing(connection, node);
		else if (!this.#parts.pairing.receive(connection, node)) this.#ignore(connection, node);
	}

	/** Clients ask for a sign of life from the handshake on, long before they are anybody. */
	#answerPing(connection: Connection, { attrs: { id } }: BinaryNode): void {
		connection.send(stanza('iq', { from: SERVER, id, type: 'result' }, []));
	}

	isConnected(device: LinkedDevice): boolean {
		return this.#connectionOf.has(device.key);
	}

	intercept(interceptor: Interceptor | undefined): void {
		this.#interceptor = interceptor;
	}

	dropAll(): void {
		for (const connection of [...this.#connections]) connection.drop();
	}

	/** Answers whether anybody is connected under this label, or as this device, to receive it. */
	push(label: string, device: LinkedDevice | undefined, node: BinaryNode): boolean {
		const connection = this.#find(label, device);
		connection?.send(node);
		return connection !== undefined;
	}

	/** Cuts what is connected under this label, or as this device, if anything is. */
	drop(label: string, device: LinkedDevice | undefined): void {
		this.#find(label, device)?.drop();
	}

	/** Lets a fault happen; answers false when there is neither a connection nor a device. */
	inflict(label: string, device: LinkedDevice | undefined, kind: FaultKind): boolean {
		const connection = this.#find(label, device);
		if (connection === undefined && device === undefined) return false;
		if (device !== undefined && kind === 'banned') this.#setBanned(device, true);
		if (device !== undefined && kind === 'logged_out') this.forget(device);
		if (connection !== undefined) inflict(connection, kind);
		else if (kind !== 'banned' && kind !== 'logged_out') {
			this.#pendingFaults.set(device!.key, kind);
		}
		return true;
	}

	/** Lets a device be well again: no ban, and no fault that waits for its next login. */
	heal(device: LinkedDevice): void {
		this.#pendingFaults.delete(device.key);
		this.#setBanned(device, false);
	}

	forget(device: LinkedDevice): void {
		this.#parts.directory.unlink(device);
		this.#parts.undelivered.forget(device.key);
		this.#pendingFaults.delete(device.key);
		const connection = this.#connectionOf.get(device.key);
		if (connection !== undefined) this.#parts.delivery.suspend(device, connection);
	}

	#find(label: string, device: LinkedDevice | undefined): Connection | undefined {
		const labelled = [...this.#connections].findLast(
			(connection) => connection.label === label && connection.isOpen,
		);
		return labelled ?? (device && this.#connectionOf.get(device.key));
	}

	#logIn(connection: Connection, number: string, deviceId: number): void {
		const device = this.#parts.directory.findDevice(number, deviceId);
		if (device === undefined || !device.noiseKey.equals(connection.clientStatic)) {
			connection.closeWith(failure(401));
			return;
		}
		if (device.banned) return connection.closeWith(failure(403));
		const fault = this.#pendingFaults.get(device.key);
		this.#pendingFaults.delete(device.key);
		if (fault !== undefined) return inflict(connection, fault);

		const previous = this.#connectionOf.get(device.key);
		if (previous !== undefined) inflict(previous, 'replaced');
		this.#deviceOf.set(connection, device);
		this.#connectionOf.set(device.key, connection);
		if (connection.label !== null && connection.label !== device.label) {
			device.label = connection.label;
			this.#parts.directory.saveDevice(device);
		}
		const lid = jidOf({ number, lid: device.lid }, 'lid', deviceId);
		connection.send(stanza('success', { t: nowInSeconds(), lid }));
		this.#parts.notify.login(describeDevice(device));
	}

	async #fromDevice(device: LinkedDevice, connection: Connection, node: BinaryNode): Promise<void> {
		const { routing, notify } = this.#parts;
		const info = this.#describe(connection);
		if (node.tag === 'message') return routing.message(device, connection, node);
		if (node.tag === 'iq') return this.#answer(device, connection, node);
		if (node.tag === 'receipt') {
			const delivered = await routing.receipt(device, connection, node);
			notify.receipt(info, node);
			for (const messageId of delivered) notify.delivered(info, messageId);
			return;
		}
		if (node.tag === 'ack') {
			for (const messageId of routing.acknowledge(device, node)) {
				notify.delivered(info, messageId);
			}
			notify.ack(info, node);
			return;
		}
		this.#ignore(connection, node);
	}

	async #answer(device: LinkedDevice, connection: Connection, node: BinaryNode): Promise<void> {
		const { id, type } = node.attrs;
		if (type === 'result' || type === 'error') return;
		const answer = answerIq(device, node, {
			...this.#parts.iq,
			activated: (activated) => this.#activate(activated, connection),
			loggedOut: (leaving) => {
				this.forget(leaving);
				inflict(connection, 'logged_out');
			},
		});
		if (answer === undefined) {
			this.#ignore(connection, node);
			return;
		}
		const from = node.attrs['to'] ?? SERVER;
		const { content = [], error } = answer;
		connection.send(
			error === undefined
				? stanza('iq', { from, id, type: 'result' }, content)
				: stanza('iq', { from, id, type: 'error' }, [error]),
		);
		await answer.then?.();
	}

	async #activate(device: LinkedDevice, connection: Connection): Promise<void> {
		if (this.#connectionOf.get(device.key) !== connection) return;
		this.#parts.delivery.resume(device, connection);
		if (!device.initialised) await this.#parts.contacts.initialise(device);
	}

	/** A stanza that nobody handles: most are harmless, the others are counted. */
	#ignore(connection: Connection, node: BinaryNode): void {
		if (NO_ANSWER.has(node.tag)) return;
		const unhandled = { ...this.#describe(connection), node };
		remember(this.unhandled, unhandled);
		this.#parts.notify.unhandled(unhandled);
		if (node.tag !== 'iq') return;
		const error = stanza('error', { code: 501, text: 'feature-not-implemented' });
		const { id, to } = node.attrs;
		connection.send(stanza('iq', { from: to ?? SERVER, id, type: 'error' }, [error]));
	}

	#setBanned(device: LinkedDevice, banned: boolean): void {
		device.banned = banned;
		this.#parts.directory.saveDevice(device);
	}

	#describe(connection: Connection): ConnectionInfo {
		const device = this.#deviceOf.get(connection);
		return { label: connection.label, phoneNumber: device?.phoneNumber ?? null };
	}
}

function isPing({ tag, attrs }: BinaryNode): boolean {
	return tag === 'iq' && attrs['xmlns'] === 'w:p';
}

function remember<T>(records: T[], record: T): void {
	if (records.length === KEPT_RECORDS) records.shift();
	records.push(record);
}
