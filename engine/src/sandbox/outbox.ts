import type { StateFile, StoredMap } from './state-file.ts';

/** A text that somebody outside received from a linked device, decrypted by the receiver. */
export interface ReceivedMessage {
	readonly messageId: string;
	/** The receiver's phone number, or the group's address. */
	readonly to: string;
	/** The phone number of the account that wrote. */
	readonly from: string;
	readonly text: string;
	readonly receivedAt: number;
	/** How often the message arrived. A phone shows it once, whatever the number. */
	readonly copies: number;
}

export interface OutboxEntry extends ReceivedMessage {
	readonly key: string;
	/** Under which names `receivedBy` finds it: the device's label and its phone number. */
	readonly names: readonly string[];
	/** Who received it; in a group every member does. */
	readonly receiver: string;
	/** The receipts that the receiver still owes, in order, and to which address. */
	readonly owes: readonly ('delivered' | 'read')[];
	readonly chat: string;
	readonly participant?: string;
}

/** How many messages are kept for one device; older ones are dropped. */
const KEPT_PER_NAME = 20_000;

/** What contacts received from linked devices, without duplicates, oldest first. */
export class Outbox {
	readonly #stored: StoredMap<OutboxEntry>;
	readonly #keysByName = new Map<string, Set<string>>();

	constructor(state: StateFile) {
		this.#stored = state.map('outbox');
		for (const entry of this.#stored.values()) this.#index(entry);
	}

	/** Adds a message; one that the receiver has already is only counted. Tells if it was new. */
	add(message: Omit<OutboxEntry, 'key' | 'copies'>): boolean {
		const key = entryKey(message.messageId, message.receiver);
		const known = this.#stored.get(key);
		if (known !== undefined) {
			const { owes } = message;
			this.#stored.set(key, { ...known, owes, copies: known.copies + 1 });
			return false;
		}
		const entry: OutboxEntry = { ...message, key, copies: 1 };
		this.#stored.set(key, entry);
		this.#index(entry);
		return true;
	}

	find(messageId: string, receiver: string): OutboxEntry | undefined {
		return this.#stored.get(entryKey(messageId, receiver));
	}

	get(messageId: string, receiver: string): OutboxEntry {
		return this.#stored.get(entryKey(messageId, receiver))!;
	}

	/** The receiver has sent its next receipt; answers with what it owes from now on. */
	settleReceipt({ messageId, receiver }: OutboxEntry): OutboxEntry {
		const entry = this.get(messageId, receiver);
		const settled = { ...entry, owes: entry.owes.slice(1) };
		this.#stored.set(entry.key, settled);
		return settled;
	}

	owing(): OutboxEntry[] {
		return [...this.#stored.values()].filter(({ owes }) => owes.length > 0);
	}

	/** A message to a group is listed once for each member that received it. */
	of(name: string): ReceivedMessage[] {
		return [...(this.#keysByName.get(name) ?? [])].map((key) => {
			const { messageId, to, from, text, receivedAt, copies } = this.#stored.get(key)!;
			return { messageId, to, from, text, receivedAt, copies };
		});
	}

	#index(entry: OutboxEntry): void {
		for (const name of entry.names) {
			let keys = this.#keysByName.get(name);
			if (keys === undefined) this.#keysByName.set(name, (keys = new Set()));
			keys.add(entry.key);
			if (keys.size > KEPT_PER_NAME) this.#drop(keys.values().next().value!);
		}
	}

	#drop(key: string): void {
		for (const name of this.#stored.get(key)?.names ?? []) {
			this.#keysByName.get(name)?.delete(key);
		}
		this.#stored.delete(key);
	}
}

function entryKey(messageId: string, receiver: string): string {
	return `${messageId}/${receiver}`;
}
