import { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord } from 'libsignal';
import { generateSignalPubKey } from '@whiskeysockets/baileys';
import type { KeyBundle, PhoneRecord } from './key-bundle.ts';
import type { StateFile, StoredMap } from './state-file.ts';

/** Where an encrypted copy comes from or goes to: one device of one person. */
export interface SignalAddress {
	/** The user part of the person's LID, whatever the stanza was addressed by. */
	readonly lid: string;
	readonly deviceId: number;
}

export type Ciphertext = { readonly type: 'pkmsg' | 'msg'; readonly bytes: Buffer };

interface KeyPairBytes {
	readonly pubKey: Buffer;
	readonly privKey: Buffer;
}

/**
 * The Signal side of all simulated phones: their sessions with linked devices, in the network's
 * state file.
 *
 * A step of the ratchet and what follows from it (the stanza that is queued, the message that is
 * received) are one write: a process that dies in between has done neither.
 */
export class SignalSessions {
	readonly #state: StateFile;
	readonly #sessions: StoredMap<unknown>;
	readonly #preKeys: StoredMap<KeyPairBytes>;

	constructor(state: StateFile) {
		this.#state = state;
		this.#sessions = state.map('phone-session');
		this.#preKeys = state.map('phone-prekey');
	}

	has(own: PhoneRecord, peer: SignalAddress): boolean {
		return this.#sessions.has(addressOf(own, peer).toString());
	}

	/** Starts a session from the keys which the peer has left at the server. */
	async start(own: PhoneRecord, peer: SignalAddress, bundle: KeyBundle): Promise<void> {
		const store = new PhoneStore(own, this.#sessions, this.#preKeys);
		const { preKey, signedPreKey } = bundle;
		const session = {
			registrationId: bundle.registrationId,
			identityKey: generateSignalPubKey(bundle.identityKey),
			signedPreKey: {
				...signedPreKey,
				publicKey: generateSignalPubKey(signedPreKey.publicKey),
			},
			...(preKey && {
				preKey: { ...preKey, publicKey: generateSignalPubKey(preKey.publicKey) },
			}),
		};
		// libsignal does without a one-time key, but its types ask for one.
		type Session = Parameters<SessionBuilder['initOutgoing']>[0];
		await new SessionBuilder(store, addressOf(own, peer)).initOutgoing(session as Session);
		this.#state.atomically(() => store.commit());
	}

	/** Encrypts; `send` runs in the same write as the ratchet's step. */
	async encrypt(
		own: PhoneRecord,
		peer: SignalAddress,
		plaintext: Buffer,
		send: (ciphertext: Ciphertext) => void,
	): Promise<void> {
		const store = new PhoneStore(own, this.#sessions, this.#preKeys);
		const cipher = new SessionCipher(store, addressOf(own, peer));
		const { type, body } = await cipher.encrypt(plaintext);
		const bytes = Buffer.from(body as unknown as Uint8Array);
		this.#state.atomically(() => {
			store.commit();
			send({ type: type === 3 ? 'pkmsg' : 'msg', bytes });
		});
	}

	/** Decrypts or throws; `receive` runs in the same write as the ratchet's step. */
	async decrypt(
		own: PhoneRecord,
		peer: SignalAddress,
		{ type, bytes }: Ciphertext,
		receive: (plaintext: Buffer) => void,
	): Promise<void> {
		const store = new PhoneStore(own, this.#sessions, this.#preKeys);
		const cipher = new SessionCipher(store, addressOf(own, peer));
		const plaintext =
			type === 'pkmsg'
				? await cipher.decryptPreKeyWhisperMessage(bytes)
				: await cipher.decryptWhisperMessage(bytes);
		this.#state.atomically(() => {
			store.commit();
			receive(plaintext);
		});
	}

	/** Keeps a one-time key until somebody has used it. */
	keepPreKey(own: PhoneRecord, keyId: number, keys: KeyPairBytes): void {
		this.#preKeys.set(preKeyName(own, keyId), keys);
	}

	/** The phone forgets its session with this device, as one does that was restored. */
	forget(own: PhoneRecord, peer: SignalAddress): void {
		this.#sessions.delete(addressOf(own, peer).toString());
	}
}

/**
 * The storage that libsignal asks for, for one operation of one phone. Records are made anew
 * from their stored form each time, since libsignal changes a record in place even when it then
 * fails; nothing is stored before `commit`.
 */
class PhoneStore {
	readonly #own: PhoneRecord;
	readonly #sessions: StoredMap<unknown>;
	readonly #preKeys: StoredMap<KeyPairBytes>;
	readonly #changed = new Map<string, SessionRecord>();
	readonly #usedPreKeys: number[] = [];

	constructor(own: PhoneRecord, sessions: StoredMap<unknown>, preKeys: StoredMap<KeyPairBytes>) {
		this.#own = own;
		this.#sessions = sessions;
		this.#preKeys = preKeys;
	}

	commit(): void {
		for (const [address, record] of this.#changed) {
			this.#sessions.set(address, record.serialize());
		}
		for (const keyId of this.#usedPreKeys) this.#preKeys.delete(preKeyName(this.#own, keyId));
	}

	async loadSession(address: string): Promise<SessionRecord | undefined> {
		const stored = this.#sessions.get(address);
		return stored === undefined ? undefined : SessionRecord.deserialize(stored as Uint8Array);
	}

	async storeSession(address: string, record: SessionRecord): Promise<void> {
		this.#changed.set(address, record);
	}

	isTrustedIdentity(): boolean {
		return true;
	}

	async loadPreKey(keyId: number | string): Promise<KeyPairBytes | undefined> {
		return this.#preKeys.get(preKeyName(this.#own, keyId));
	}

	removePreKey(keyId: number): void {
		this.#usedPreKeys.push(keyId);
	}

	loadSignedPreKey(): KeyPairBytes {
		return asSignalPair(this.#own.signedPreKey!.keyPair);
	}

	getOurRegistrationId(): number {
		return this.#own.registrationId;
	}

	getOurIdentity(): KeyPairBytes {
		return asSignalPair(this.#own.identity);
	}
}

/**
 * libsignal serialises all work on one address, process-wide. The phone's own number in front
 * keeps its queue apart from that of a client in the same process.
 */
function addressOf(own: PhoneRecord, peer: SignalAddress): ProtocolAddress {
	return new ProtocolAddress(`${own.number}>${peer.lid}`, peer.deviceId);
}

function preKeyName(own: PhoneRecord, keyId: number | string): string {
	return `${own.number}/${keyId}`;
}

function asSignalPair(pair: { readonly public: Uint8Array; readonly private: Uint8Array }) {
	return {
		pubKey: Buffer.from(generateSignalPubKey(pair.public)),
		privKey: Buffer.from(pair.private),
	};
}
