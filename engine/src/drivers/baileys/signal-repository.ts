import {
	DEFAULT_CONNECTION_CONFIG,
	type SignalKeyStore,
	type SignalKeyStoreWithTransaction,
	type SignalRepositoryWithLIDStore,
	type SocketConfig,
} from '@whiskeysockets/baileys';
import type { NewJournalEntry } from '../../app/ports.ts';
import { INBOUND_PLAINTEXT } from './auth-state.ts';

type Factory = SocketConfig['makeSignalRepository'];

const makeLibSignalRepository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository;

export interface DurableSignalOptions {
	/** Commits at once, outside Baileys' transactions. */
	readonly store: Pick<SignalKeyStore, 'set'>;
	/** What to journal for a ciphertext: `undefined` for stanzas that never become events. */
	readonly journalEntry: (
		ciphertext: Uint8Array,
		plaintext: Uint8Array,
		repository: SignalRepositoryWithLIDStore,
	) => Promise<NewJournalEntry | undefined>;
}

/**
 * Baileys' own Signal repository, made safe against a crash at any point.
 *
 * Receiving: the plaintext joins the transaction that advances the ratchet. Baileys acknowledges
 * right after it, and from then on neither WhatsApp nor the ratchet gives the message a second time.
 *
 * Sending: Baileys writes the stanza to the socket inside its transaction, that is before the step
 * is stored. After a crash in between, the next message would be encrypted with the same key as the
 * last one, which the contact's phone drops as a repeat. So an encryption stores its step at once.
 */
export function durableSignalRepository({ store, journalEntry }: DurableSignalOptions): Factory {
	return (auth, logger, pnToLid) => {
		// Baileys wraps the key store that it was given before it calls the factory.
		const keys = auth.keys as SignalKeyStoreWithTransaction;
		const receiving = makeLibSignalRepository(auth, logger, pnToLid);
		const writeThrough: SignalKeyStoreWithTransaction = {
			...keys,
			set: async (data) => {
				await store.set(data);
				await keys.set(data);
			},
		};
		const sending = makeLibSignalRepository({ ...auth, keys: writeThrough }, logger, pnToLid);
		let entries = 0;

		const journaling = (
			ciphertext: Uint8Array,
			transactionKey: string,
			decrypt: () => Promise<Uint8Array>,
		): Promise<Uint8Array> =>
			keys.transaction(async () => {
				const plaintext = await decrypt();
				const entry = await journalEntry(ciphertext, plaintext, receiving);
				if (entry) {
					const data = { [INBOUND_PLAINTEXT]: { [String(entries++)]: entry } };
					await keys.set(data as Parameters<typeof keys.set>[0]);
				}
				return plaintext;
			}, transactionKey);

		return {
			...receiving,
			decryptMessage: (options) =>
				journaling(options.ciphertext, options.jid, () => receiving.decryptMessage(options)),
			decryptGroupMessage: (options) =>
				journaling(options.msg, options.group, () => receiving.decryptGroupMessage(options)),
			encryptMessage: (options) => sending.encryptMessage(options),
			encryptGroupMessage: (options) => sending.encryptGroupMessage(options),
			close: () => {
				receiving.close?.();
				sending.close?.();
			},
		};
	};
}
