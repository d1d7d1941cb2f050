import { Curve, signedKeyPair, type BinaryNode, type SignedKeyPair } from '@whiskeysockets/baileys';
import { bigEndian, findChild, getBytes, getChild, stanza } from './stanza.ts';

const CURVE_25519 = Buffer.from([5]);
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_ID_BYTES = 3;
const REGISTRATION_ID_BYTES = 4;

export interface PublicSignedPreKey {
	readonly keyId: number;
	readonly publicKey: Buffer;
	readonly signature: Buffer;
}

/** The public keys with which a stranger can start a Signal session. */
export interface KeyBundle {
	readonly registrationId: number;
	readonly identityKey: Uint8Array;
	readonly signedPreKey: PublicSignedPreKey;
	/** The one-time key, if any is left. */
	readonly preKey?: { readonly keyId: number; readonly publicKey: Uint8Array };
	/** What links a device to its account; phones have none. */
	readonly deviceIdentity?: Uint8Array;
}

/** The bundle as the children of `<user>` or `<keys>`. */
export function bundleToStanza(bundle: KeyBundle): BinaryNode[] {
	const { signedPreKey, preKey, deviceIdentity } = bundle;
	const nodes = [
		stanza('registration', {}, bigEndian(bundle.registrationId, REGISTRATION_ID_BYTES)),
		stanza('type', {}, CURVE_25519),
		stanza('identity', {}, bundle.identityKey),
		stanza('skey', {}, [
			stanza('id', {}, bigEndian(signedPreKey.keyId, KEY_ID_BYTES)),
			stanza('value', {}, signedPreKey.publicKey),
			stanza('signature', {}, signedPreKey.signature),
		]),
	];
	if (preKey !== undefined) {
		nodes.push(
			stanza('key', {}, [
				stanza('id', {}, bigEndian(preKey.keyId, KEY_ID_BYTES)),
				stanza('value', {}, preKey.publicKey),
			]),
		);
	}
	if (deviceIdentity) nodes.push(stanza('device-identity', {}, deviceIdentity));
	return nodes;
}

export function readSignedPreKey(skey: BinaryNode): PublicSignedPreKey {
	return {
		keyId: getBytes(skey, 'id', KEY_ID_BYTES).readUIntBE(0, KEY_ID_BYTES),
		publicKey: getBytes(skey, 'value', KEY_BYTES),
		signature: getBytes(skey, 'signature', SIGNATURE_BYTES),
	};
}

export function readPreKey(key: BinaryNode): { keyId: number; publicKey: Buffer } {
	return {
		keyId: getBytes(key, 'id', KEY_ID_BYTES).readUIntBE(0, KEY_ID_BYTES),
		publicKey: getBytes(key, 'value', KEY_BYTES),
	};
}

/** The bundle inside a retry receipt, which a client adds from its second request on. */
export function findBundleInRetry(receipt: BinaryNode): KeyBundle | undefined {
	const keys = findChild(receipt, 'keys');
	if (keys === undefined) return undefined;
	const key = findChild(keys, 'key');
	return {
		registrationId: getBytes(receipt, 'registration', REGISTRATION_ID_BYTES).readUInt32BE(),
		identityKey: getBytes(keys, 'identity', KEY_BYTES),
		signedPreKey: readSignedPreKey(getChild(keys, 'skey')),
		...(key && { preKey: readPreKey(key) }),
	};
}

/** A person's phone: the primary device 0 of an account, or somebody's contact, or both. */
export interface PhoneRecord {
	readonly number: string;
	/** The user part of its LID. */
	readonly lid: string;
	readonly registrationId: number;
	/** The account's key, which signs linked devices, is the phone's Signal identity, too. */
	readonly identity: { readonly public: Buffer; readonly private: Buffer };
	pushName: string | null;
	/** Made when somebody first asks for it: signing takes milliseconds. */
	signedPreKey: SignedKeyPair | null;
	nextPreKeyId: number;
	nextDeviceId: number;
}

/** Makes what a phone must publish before anybody can write to it. */
export function makeSignedPreKey(phone: PhoneRecord): SignedKeyPair {
	return signedKeyPair(phone.identity, 1);
}

export function makePreKey(): { pubKey: Buffer; privKey: Buffer } {
	const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
	return {
		pubKey: Buffer.concat([CURVE_25519, publicKey]),
		privKey: Buffer.from(privateKey),
	};
}
