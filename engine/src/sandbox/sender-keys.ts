import { BufferJSON, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';
import {
	GroupCipher,
	GroupSessionBuilder,
	SenderKeyDistributionMessage,
	SenderKeyName,
	SenderKeyRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js';
import type { PhoneRecord } from './key-bundle.ts';
import type { SignalAddress } from './signal-sessions.ts';
import type { StateFile, StoredMap } from './state-file.ts';

/** A device that writes to a group. */
interface GroupSender extends SignalAddress {
	readonly group: string;
}

/**
 * The group side of Signal for all phones. A sender encrypts once for the whole group with a key
 * of its own, after giving that key, in a distribution message, to each device by itself.
 */
export class SenderKeys {
	readonly #state: StateFile;
	readonly #keys: StoredMap<Buffer>;
	readonly #distributed: StoredMap<true>;

	constructor(state: StateFile) {
		this.#state = state;
		this.#keys = state.map('sender-key');
		this.#distributed = state.map('sender-key-distributed');
	}

	/** Encrypts for a group; the message is for those who do not have the phone's key yet. */
	async encrypt(
		own: PhoneRecord,
		group: string,
		plaintext: Uint8Array,
	): Promise<{ ciphertext: Uint8Array; distribution: proto.IMessage }> {
		const store = new PhoneSenderKeys(own, this.#keys);
		const name = nameOf({ group, lid: own.lid, deviceId: 0 });
		const key = await new GroupSessionBuilder(store).create(name);
		const ciphertext = await new GroupCipher(store, name).encrypt(plaintext);
		this.#state.atomically(() => store.commit());
		const axolotlSenderKeyDistributionMessage = key.serialize();
		const senderKeyDistributionMessage = {
			groupId: group,
			axolotlSenderKeyDistributionMessage,
		};
		return { ciphertext, distribution: { senderKeyDistributionMessage } };
	}

	isDistributed(own: PhoneRecord, group: string, device: string): boolean {
		return this.#distributed.has(`${own.number}/${group}/${device}`);
	}

	setDistributed(own: PhoneRecord, group: string, device: string, has: boolean): void {
		const key = `${own.number}/${group}/${device}`;
		if (has) this.#distributed.set(key, true);
		else this.#distributed.delete(key);
	}

	/** The sender's key inside a message that was decrypted, if it carries one. */
	findDistribution(plaintext: Uint8Array): Uint8Array | undefined {
		const message = proto.Message.decode(unpadRandomMax16(plaintext));
		const { senderKeyDistributionMessage: distribution } = message;
		return distribution?.axolotlSenderKeyDistributionMessage ?? undefined;
	}

	async accept(own: PhoneRecord, from: GroupSender, distribution: Uint8Array): Promise<void> {
		const store = new PhoneSenderKeys(own, this.#keys);
		const message = new SenderKeyDistributionMessage(null, null, null, null, distribution);
		await new GroupSessionBuilder(store).process(nameOf(from), message);
		this.#state.atomically(() => store.commit());
	}

	/** Decrypts or throws; `receive` runs in the same write as the step of the sender's key. */
	async decrypt(
		own: PhoneRecord,
		from: GroupSender,
		ciphertext: Buffer,
		receive: (plaintext: Uint8Array) => void,
	): Promise<void> {
		const store = new PhoneSenderKeys(own, this.#keys);
		const cipher = new GroupCipher(store, nameOf(from));
		const plaintext = await cipher.decrypt(ciphertext);
		this.#state.atomically(() => {
			store.commit();
			receive(plaintext);
		});
	}
}

/** One phone's sender keys during one operation; nothing is stored before `commit`. */
class PhoneSenderKeys {
	readonly #own: PhoneRecord;
	readonly #keys: StoredMap<Buffer>;
	readonly #changed = new Map<string, SenderKeyRecord>();

	constructor(own: PhoneRecord, keys: StoredMap<Buffer>) {
		this.#own = own;
		this.#keys = keys;
	}

	commit(): void {
		for (const [name, record] of this.#changed) {
			const json = JSON.stringify(record.serialize(), BufferJSON.replacer);
			this.#keys.set(name, Buffer.from(json, 'utf8'));
		}
	}

	async loadSenderKey(name: SenderKeyName): Promise<SenderKeyRecord> {
		const key = this.#nameOf(name);
		const stored = this.#keys.get(key);
		return (
			this.#changed.get(key) ??
			(stored === undefined ? new SenderKeyRecord() : SenderKeyRecord.deserialize(stored))
		);
	}

	async storeSenderKey(name: SenderKeyName, record: SenderKeyRecord): Promise<void> {
		this.#changed.set(this.#nameOf(name), record);
	}

	#nameOf(name: SenderKeyName): string {
		return `${this.#own.number}>${name.toString()}`;
	}
}

function nameOf({ group, lid, deviceId }: GroupSender): SenderKeyName {
	return new SenderKeyName(group, {
		id: lid,
		deviceId,
		toString: () => `${lid}.${deviceId}`,
	});
}
