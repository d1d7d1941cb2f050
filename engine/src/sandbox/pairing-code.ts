import { randomBytes } from 'node:crypto';
import {
	aesDecryptCTR,
	aesDecryptGCM,
	aesEncryptCTR,
	Curve,
	derivePairingCodeKey,
	hkdf,
	type BinaryNode,
	type KeyPair,
} from '@whiskeysockets/baileys';
import type { PhoneRecord } from './key-bundle.ts';
import { SimulationError } from './simulation-error.ts';
import { getBytes } from './stanza.ts';

const BUNDLE_INFO = 'link_code_pairing_key_bundle_encryption_key';

/** `salt 32 | iv 16 | AES-CTR(public key)`, under a key which is made from the code. */
export async function wrapKey(publicKey: Uint8Array, code: string): Promise<Buffer> {
	const salt = randomBytes(32);
	const iv = randomBytes(16);
	const key = await derivePairingCodeKey(normalized(code), salt);
	return Buffer.concat([salt, iv, aesEncryptCTR(publicKey, key, iv)]);
}

export async function unwrapKey(wrapped: Buffer, code: string): Promise<Buffer> {
	const key = await derivePairingCodeKey(normalized(code), wrapped.subarray(0, 32));
	return aesDecryptCTR(wrapped.subarray(48), key, wrapped.subarray(32, 48));
}

/** People type the code as it is shown: in two groups, in either case. */
function normalized(code: string): string {
	return code.replaceAll(/[\s-]/g, '').toUpperCase();
}

/**
 * Opens what the client sends last and makes the shared `advSecret`. With the wrong code both
 * sides have come to different keys, which shows here and nowhere earlier.
 */
export function openKeyBundle(
	finish: BinaryNode,
	keys: { phone: PhoneRecord; ephemeral: KeyPair; clientEphemeral: Buffer },
): Buffer {
	const wrapped = getBytes(finish, 'link_code_pairing_wrapped_key_bundle');
	const clientIdentity = getBytes(finish, 'companion_identity_public', 32);
	const shared = Curve.sharedKey(keys.ephemeral.private, keys.clientEphemeral);
	const key = Buffer.from(hkdf(shared, 32, { salt: wrapped.subarray(0, 32), info: BUNDLE_INFO }));
	const bundle = tryDecrypt(wrapped.subarray(44), key, wrapped.subarray(32, 44));
	const expected = Buffer.concat([clientIdentity, keys.phone.identity.public]);
	if (bundle === undefined || !bundle.subarray(0, 64).equals(expected)) {
		throw new SimulationError('pairing_code_wrong');
	}
	const identityShared = Curve.sharedKey(keys.phone.identity.private, clientIdentity);
	const material = Buffer.concat([shared, identityShared, bundle.subarray(64)]);
	return Buffer.from(hkdf(material, 32, { info: 'adv_secret' }));
}

function tryDecrypt(ciphertext: Buffer, key: Buffer, iv: Buffer): Buffer | undefined {
	try {
		return aesDecryptGCM(ciphertext, key, iv, Buffer.alloc(0));
	} catch {
		return undefined;
	}
}
