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
 * One instance's link to WhatsApp, as Baileys wants to see it, over the engine's own store.
 *
 * Every `set` is one commit. Baileys collects what a decryption changes and sets it at once, so the
 * advanced ratchet and the plaintext that it gave up reach the disk together.
 */
export class BaileysAuthState {
	readonly creds: AuthenticationCreds;
	readonly keys: SignalKeyStore;
	readonly #instanceId: InstanceId;
	readonly #store: AuthStateStore;
	readonly #journaled: (entries: readonly JournalEntry[]) => void;
	/** Values that are on disk already: a send writes its ratchet step before Baileys does. */
	readonly #durable = new WeakSet<object>();
	#savingCreds: Promise<unknown> = Promise.resolve();
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

	/** Saves the creds as they are now. Saves never overtake each other. */
	saveCreds(): Promise<unknown> {
		const value = encode(this.creds);
		const save = () => this.#commit([{ ...CREDS, value }], []);
		this.#savingCreds = this.#savingCreds.then(save, save);
		return this.#savingCreds;
	}

	async set(data: SignalDataSet): Promise<void> {
		const changes: AuthChange[] = [];
		const journal: NewJournalEntry[] = [];
		const written: object[] = [];
		for (const { type, id, value } of entriesOf(data)) {
			if (type === INBOUND_PLAINTEXT) {
				journal.push(value as NewJournalEntry);
			} else if (!isObject(value)) {
				changes.push({ type, id, value: value == null ? null : encode(value) });
			} else if (!this.#durable.has(value)) {
				written.push(value);
				changes.push({ type, id, value: encode(value) });
			}
		}
		if (changes.length === 0 && journal.length === 0) return;
		await this.#commit(changes, journal);
		for (const value of written) this.#durable.add(value);
	}

	/** For a stanza that came unencrypted, so that no ratchet step carries it to the disk. */
	journal(entry: NewJournalEntry): Promise<void> {
		return this.#commit([], [entry]);
	}

	/** After this nothing is written any more: the keys of an unlinked session must not come back. */
	abandon(): void {
		this.#abandoned = true;
	}

	async #commit(changes: AuthChange[], journal: NewJournalEntry[]): Promise<void> {
		if (this.#abandoned) return;
		const entries = await this.#store.commit(this.#instanceId, changes, journal);
		if (entries.length > 0) this.#journaled(entries);
	}

	async #get<T extends keyof SignalDataTypeMap>(
		type: T,
		ids: string[],
	): Promise<Record<string, SignalDataTypeMap[T]>> {
		const found: Record<string, SignalDataTypeMap[T]> = {};
		for (const [id, bytes] of await this.#store.get(this.#instanceId, type, ids)) {
			const value: unknown = decode(bytes);
			found[id] = (
				type === 'app-state-sync-key'
					? proto.Message.AppStateSyncKeyData.fromObject(value as object)
					: value
			) as SignalDataTypeMap[T];
		}
		return found;
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

function encode(value: unknown): Uint8Array {
	return Buffer.from(JSON.stringify(value, BufferJSON.replacer));
}

function decode(bytes: Uint8Array): unknown {
	return JSON.parse(Buffer.from(bytes).toString(), BufferJSON.reviver);
}

function isObject(value: unknown): value is object {
	return typeof value === 'object' && value !== null;
}
