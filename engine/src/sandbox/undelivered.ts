import type { BinaryNode } from '@whiskeysockets/baileys';
import type { StateFile, StoredMap } from './state-file.ts';
import { childrenOf } from './stanza.ts';

/** What a sender keeps, to encrypt its message once more if the device asks for that. */
export interface SentCopy {
	readonly sender: string;
	readonly text: string;
	readonly attributes: Readonly<Record<string, string>>;
	readonly group?: string;
}

export interface UndeliveredStanza {
	readonly device: string;
	/** What its acknowledgement will name. */
	readonly key: string;
	/** The stanza with its ciphertext, which a repeat must not change. */
	readonly node: BinaryNode;
	/** Comes from the account's own phone and concerns only this device. */
	readonly isPeer: boolean;
	readonly copy?: SentCopy;
}

/**
 * What the server holds for linked devices, each in order, until they acknowledge it: exactly
 * this, as stored, is sent again at the next login, and nothing else.
 *
 * A device acknowledges a message by a receipt of any type but `retry` or by an `<ack>`, even one
 * with an error: a client that cannot decrypt sends a `retry` receipt, which is a request to the
 * sender, and then such an ack, which ends the server's duty. What the sender then encrypts anew
 * is a stanza of its own, with the same id; hence two with one key are acknowledged in order.
 * A post in a newsletter has nobody who waits for a receipt: only an `<ack>` acknowledges it.
 */
export class UndeliveredStanzas {
	readonly #stored: StoredMap<UndeliveredStanza>;
	readonly #byDevice = new Map<string, DeviceQueue>();
	#nextRow = 1;

	constructor(state: StateFile) {
		this.#stored = state.map('undelivered');
		for (const [row, stanza] of this.#stored.entries()) {
			this.#queueOf(stanza.device).add(row, stanza);
			this.#nextRow = Math.max(this.#nextRow, Number(row) + 1);
		}
	}

	add(device: string, node: BinaryNode, options: { isPeer?: boolean; copy?: SentCopy } = {}) {
		const stanza: UndeliveredStanza = {
			device,
			key: keyOf(node),
			node,
			isPeer: options.isPeer === true,
			...(options.copy && { copy: options.copy }),
		};
		const row = String(this.#nextRow++);
		this.#stored.set(row, stanza);
		this.#queueOf(device).add(row, stanza);
		return stanza;
	}

	/** Drops what this ack or receipt of the device acknowledges; answers with what it was. */
	acknowledge(device: string, node: BinaryNode): UndeliveredStanza[] {
		const queue = this.#byDevice.get(device);
		if (queue === undefined) return [];
		return acknowledgedKeys(node).flatMap((key) => {
			const row = queue.takeFirst(key);
			if (row === undefined) return [];
			const stanza = this.#stored.get(row)!;
			this.#stored.delete(row);
			return [stanza];
		});
	}

	/** The newest message of this id that the device has not acknowledged yet. */
	findMessage(device: string, messageId: string): UndeliveredStanza | undefined {
		const row = this.#byDevice.get(device)?.last(`message/${messageId}`);
		return row === undefined ? undefined : this.#stored.get(row);
	}

	/** Oldest first. */
	of(device: string): UndeliveredStanza[] {
		const rows = this.#byDevice.get(device)?.rows() ?? [];
		return [...rows].map((row) => this.#stored.get(row)!);
	}

	count(device: string): number {
		return this.#byDevice.get(device)?.size ?? 0;
	}

	forget(device: string): void {
		for (const row of this.#byDevice.get(device)?.rows() ?? []) this.#stored.delete(row);
		this.#byDevice.delete(device);
	}

	#queueOf(device: string): DeviceQueue {
		let queue = this.#byDevice.get(device);
		if (queue === undefined) this.#byDevice.set(device, (queue = new DeviceQueue()));
		return queue;
	}
}

/** The rows of one device in order, and where to find them by key. */
class DeviceQueue {
	readonly #keyByRow = new Map<string, string>();
	readonly #rowsByKey = new Map<string, string[]>();

	get size(): number {
		return this.#keyByRow.size;
	}

	rows(): Iterable<string> {
		return this.#keyByRow.keys();
	}

	add(row: string, { key }: UndeliveredStanza): void {
		this.#keyByRow.set(row, key);
		const rows = this.#rowsByKey.get(key);
		if (rows === undefined) this.#rowsByKey.set(key, [row]);
		else rows.push(row);
	}

	last(key: string): string | undefined {
		return this.#rowsByKey.get(key)?.at(-1);
	}

	takeFirst(key: string): string | undefined {
		const rows = this.#rowsByKey.get(key);
		const row = rows?.shift();
		if (rows?.length === 0) this.#rowsByKey.delete(key);
		if (row !== undefined) this.#keyByRow.delete(row);
		return row;
	}
}

function keyOf({ tag, attrs }: BinaryNode): string {
	return tag === 'receipt' ? receiptKey(attrs) : `${tag}/${attrs['id']}`;
}

function acknowledgedKeys({ tag, attrs, content }: BinaryNode): string[] {
	if (tag === 'ack') {
		return attrs['class'] === 'receipt'
			? [receiptKey(attrs)]
			: [`${attrs['class']}/${attrs['id']}`];
	}
	if (attrs['type'] === 'retry' || attrs['to']?.endsWith('@newsletter')) return [];
	const lists = childrenOf({ tag, attrs, content: content ?? [] }, 'list');
	const items = lists.flatMap((list) => childrenOf(list, 'item'));
	const more = items.map((item) => item.attrs['id']);
	return [attrs['id'], ...more].map((id) => `message/${id}`);
}

/** Delivered and read receipts share the message's id, and in a group so do all members'. */
function receiptKey(attrs: BinaryNode['attrs']): string {
	return ['receipt', attrs['id'], attrs['type'] ?? '', attrs['participant'] ?? ''].join('/');
}
