import { setImmediate as nextTurnOfTheLoop } from 'node:timers/promises';
import {
	BufferJSON,
	initAuthCreds,
	proto,
	type AuthenticationCreds,
	type SignalDataSet,
	type SignalDataTypeMap,
	type SignalKeyStore,
} from '@whiskeysockets/baileys';
import type { AuthChange, AuthStateStore, JournalEntry, NewJournalEntry } from '../../app/ports.ts';
import type { InstanceId } from '../../domain/ids.ts';

const CREDS = { type: 'creds', id: 'self' } as const;

/** A type of our own among the Signal keys: what it holds goes to the journal, in the same commit. */
export const INBOUND_PLAINTEXT = 'inbound-plaintext';

/**
 * Baileys copies such a value when it reads it and never changes one that it has set, so it may be
 * kept as it is, and encoded when it is written.
 */
const RATCHETS: ReadonlySet<string> = new Set(['session', 'sender-key']);

/** What Baileys reads again for every message. */
const KEPT: ReadonlySet<string> = new Set([...RATCHETS, 'device-list', 'identity-key']);

/** How many of these are at hand, up to a few kilobytes each. */
const MOST_KEPT = 200;

interface Key {
	readonly type: string;
	readonly id: string;
}

/** Bytes of what Baileys may change behind our back, and values of what it does not. */
type Held = { readonly bytes: Uint8Array } | { readonly value: unknown };

const NOTHING: Held = { value: null };

/**
 * One instance's link to WhatsApp, as Baileys wants to see it, over the engine's own store.
 *
 * A change counts at once and is written with all others of the same turn of the event loop, in one
 * commit: Baileys collects what a decryption changes and sets it at once, so the advanced ratchet
 * and the plaintext that it gave up reach the disk together. `durable` tells when; nothing that
 * follows from a change may leave the process before (see `OutputGate`).
 */
export class BaileysAuthState {
	readonly creds: AuthenticationCreds;
	readonly keys: SignalKeyStore;
	/** Called once, when a change could not be written. Nothing is written after that. */
	failed: (error: unknown) => void = () => undefined;
	readonly #instanceId: InstanceId;
	readonly #store: AuthStateStore;
	readonly #journaled: (entries: readonly JournalEntry[]) => void;
	/** What was used last, the least recently used first. */
	readonly #kept = new Map<string, Held>();
	#changes = new Map<string, Held & Key>();
	#journal: NewJournalEntry[] = [];
	/** What is being written and may be read meanwhile. */
	#writing: ReadonlyMap<string, Held & Key> = new Map();
	/** The commit under way, and the one after it. */
	#current: Promise<void> | undefined;
	#next: Promise<void> | undefined;
	#abandoned = false;

	static async load(
		instanceId: InstanceId,
		store: AuthStateStore,
		journaled: (entries: readonly JournalEntry[]) => void,
	): Promise<BaileysAuthState> {
		return new BaileysAuthState(
			instanceId,
			store,
			journaled,
			(await loadCreds(instanceId, store)) ?? initAuthCreds(),
		);
	}

	constructor(
		instanceId: InstanceId,
		store: AuthStateStore,
		journaled: (entries: readonly JournalEntry[]) => void,
		creds: AuthenticationCreds,
	) {
		this.#instanceId = instanceId;
		this.#store = store;
		this.#journaled = journaled;
		this.creds = creds;
		this.keys = {
			get: (type, ids) => this.#get(type, ids),
			set: (data) => this.set(data),
		};
	}

	/** Takes the creds as they are now. */
	saveCreds(): void {
		this.#change(CREDS, { bytes: encode(this.creds) });
	}

	set(data: SignalDataSet): void {
		for (const { type, id, value } of entriesOf(data)) {
			if (type === INBOUND_PLAINTEXT) {
				this.journal(value as NewJournalEntry);
			} else if (value == null) {
				this.#change({ type, id }, NOTHING);
			} else if (RATCHETS.has(type)) {
				this.#step({ type, id }, value);
			} else {
				this.#change({ type, id }, { bytes: encode(value) });
			}
		}
	}

	journal(entry: NewJournalEntry): void {
		this.#journal.push(entry);
		this.#writeSoon();
	}

	/** When all that has changed so far is on the disk; `undefined` if it is. Throws if it fails. */
	durable(): Promise<void> | undefined {
		return this.#next ?? this.#current;
	}

	/** After this nothing is written any more: the keys of an unlinked session must not come back. */
	abandon(): void {
		this.#abandoned = true;
	}

	#step(key: Key, value: unknown): void {
		const kept = this.#kept.get(nameOf(key));
		// A send sets its ratchet's step, and then Baileys sets the same.
		if (kept && 'value' in kept && kept.value === value) return;
		this.#change(key, { value });
	}

	#change(key: Key, held: Held): void {
		this.#changes.set(nameOf(key), { ...key, ...held });
		this.#keep(key, held);
		this.#writeSoon();
	}

	#writeSoon(): void {
		if (this.#next) return;
		const next = this.#write(this.#current);
		this.#next = next;
		next.catch((error: unknown) => {
			if (this.#abandoned) return;
			this.#abandoned = true;
			this.failed(error);
		});
	}

	async #write(before: Promise<void> | undefined): Promise<void> {
		await before;
		await nextTurnOfTheLoop();
		const [changes, journal, written] = [this.#changes, this.#journal, this.#next];
		this.#changes = new Map();
		this.#journal = [];
		this.#writing = changes;
		this.#current = written;
		this.#next = undefined;
		if (this.#abandoned) throw new Error('the session is over');
		const encoded = [...changes.values()].map(toAuthChange);
		const entries = await this.#store.commit(this.#instanceId, encoded, journal);
		this.#writing = new Map();
		if (this.#current === written) this.#current = undefined;
		if (entries.length > 0) this.#journaled(entries);
	}

	async #get<T extends keyof SignalDataTypeMap>(
		type: T,
		ids: string[],
	): Promise<Record<string, SignalDataTypeMap[T]>> {
		const found: Record<string, SignalDataTypeMap[T]> = {};
		const missing: string[] = [];
		for (const id of ids) {
			const held = this.#recall({ type, id });
			if (held === undefined) missing.push(id);
			else if (!isNothing(held)) found[id] = valueOf(type, held) as SignalDataTypeMap[T];
		}
		if (missing.length === 0) return found;
		const stored = await this.#store.get(this.#instanceId, type, missing);
		for (const id of missing) {
			// It may have been set meanwhile.
			const held = this.#recall({ type, id }) ?? heldFrom(type, stored.get(id));
			this.#keep({ type, id }, held);
			if (!isNothing(held)) found[id] = valueOf(type, held) as SignalDataTypeMap[T];
		}
		return found;
	}

	/** `undefined` when only the store can tell. */
	#recall(key: Key): Held | undefined {
		const name = nameOf(key);
		const held = this.#kept.get(name) ?? this.#changes.get(name) ?? this.#writing.get(name);
		if (held) this.#keep(key, held);
		return held;
	}

	#keep(key: Key, held: Held): void {
		if (!KEPT.has(key.type)) return;
		const name = nameOf(key);
		this.#kept.delete(name);
		this.#kept.set(name, held);
		if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
	}
}

/** Whether a phone has linked this instance and not unlinked it since. */
export async function isPaired(instanceId: InstanceId, store: AuthStateStore): Promise<boolean> {
	return (await loadCreds(instanceId, store))?.account !== undefined;
}

async function loadCreds(
	instanceId: InstanceId,
	store: AuthStateStore,
): Promise<AuthenticationCreds | undefined> {
	const bytes = (await store.get(instanceId, CREDS.type, [CREDS.id])).get(CREDS.id);
	if (!bytes) return undefined;
	const creds = decode(bytes) as AuthenticationCreds;
	// A pairing code that was asked for and never entered leaves an account without a device: the
	// next connection would try to log in with it and be refused.
	if (creds.me && !creds.account) delete creds.me;
	return creds;
}

function entriesOf(data: SignalDataSet): { type: string; id: string; value: unknown }[] {
	return Object.entries(data).flatMap(([type, values]) =>
		Object.entries(values as Record<string, unknown>).map(([id, value]) => ({ type, id, value })),
	);
}

function nameOf({ type, id }: Key): string {
	return `${type}/${id}`;
}

function toAuthChange(change: Held & Key): AuthChange {
	const { type, id } = change;
	if ('bytes' in change) return { type, id, value: change.bytes };
	return { type, id, value: change.value === null ? null : encode(change.value) };
}

function heldFrom(type: string, bytes: Uint8Array | undefined): Held {
	if (!bytes) return NOTHING;
	return RATCHETS.has(type) ? { value: decode(bytes) } : { bytes };
}

function isNothing(held: Held): boolean {
	return 'value' in held && held.value === null;
}

function valueOf(type: string, held: Held): unknown {
	if ('value' in held) return held.value;
	const value = decode(held.bytes);
	return type === 'app-state-sync-key'
		? proto.Message.AppStateSyncKeyData.fromObject(value as object)
		: value;
}

function encode(value: unknown): Uint8Array {
	return Buffer.from(JSON.stringify(value, BufferJSON.replacer));
}

function decode(bytes: Uint8Array): unknown {
	return JSON.parse(Buffer.from(bytes).toString(), BufferJSON.reviver);
}
