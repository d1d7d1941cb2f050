import {
	createCipheriv,
	createDecipheriv,
	createSecretKey,
	hkdfSync,
	randomBytes,
	type KeyObject,
} from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The first byte of all that is sealed, so that a later key or cipher can tell its own apart. */
const VERSION = 1;

/**
 * Seals what must not lie in the database in clear: version, nonce, ciphertext, tag.
 *
 * The owner is authenticated with the value and not stored in it. A sealed value that is copied to
 * another row, or to another column, does not open there.
 *
 * Nonces are random, which is sound for 2^32 values under one key: more than a thousand million
 * messages at three values each.
 */
export class SecretBox {
	/** As a key object, because Node takes three times as long to seal with a key in bytes. */
	readonly #key: KeyObject;

	/** A long random secret; its strength is the strength of the box. */
	constructor(secret: string) {
		const key = hkdfSync('sha256', secret, '', 'whatisup secret box 1', KEY_BYTES);
		this.#key = createSecretKey(Buffer.from(key));
	}

	/** `owner`: the table, the row's key and the column, in words that never change. */
	seal(clear: Uint8Array, owner: readonly string[]): Uint8Array {
		const nonce = randomBytes(NONCE_BYTES);
		const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
		cipher.setAAD(ownerBytes(owner));
		return Buffer.concat([
			Uint8Array.of(VERSION),
			nonce,
			cipher.update(clear),
			cipher.final(),
			cipher.getAuthTag(),
		]);
	}

	/** Throws when the key is another, the owner is another, or a bit has changed. */
	open(sealed: Uint8Array, owner: readonly string[]): Uint8Array {
		if (sealed[0] !== VERSION || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) {
			throw new Error(`This is no sealed value: ${owner.join(' ')}`);
		}
		const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
		const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
		decipher.setAAD(ownerBytes(owner));
		decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
		const clear = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES));
		decipher.final();
		return clear;
	}
}

/** As JSON, because `['a', 'b/c']` and `['a/b', 'c']` must not become the same bytes. */
function ownerBytes(owner: readonly string[]): Buffer {
	return Buffer.from(JSON.stringify(owner));
}
