import { randomInt } from 'node:crypto';
import {
	Curve,
	generateSignalPubKey,
	hmacSign,
	proto,
	WA_ADV_ACCOUNT_SIG_PREFIX,
	WA_ADV_DEVICE_SIG_PREFIX,
} from '@whiskeysockets/baileys';
import { verifySignature } from 'libsignal/src/curve.js';
import { deviceKey, type LinkedDevice } from './directory.ts';
import type { PhoneRecord } from './key-bundle.ts';
import { nowInSeconds, ProtocolViolation } from './stanza.ts';

export interface IdentityOffer {
	readonly details: Uint8Array;
	readonly accountKey: Buffer;
	readonly accountSignature: Uint8Array;
	/** An `ADVSignedDeviceIdentityHMAC`, which the client checks with its `advSecret`. */
	readonly encoded: Uint8Array;
}

/** What a phone signs to take a device into its account. */
export function offerIdentity(
	phone: PhoneRecord,
	keyIndex: number,
	identityKey: Buffer,
	advSecret: Buffer,
): IdentityOffer {
	const rawId = randomInt(2 ** 31);
	const identity = { rawId, timestamp: nowInSeconds(), keyIndex };
	const details = proto.ADVDeviceIdentity.encode(identity).finish();
	const accountKey = phone.identity.public;
	const accountSignature = Curve.sign(
		phone.identity.private,
		Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, identityKey]),
	);
	const signed = proto.ADVSignedDeviceIdentity.encode({
		details,
		accountSignatureKey: accountKey,
		accountSignature,
	}).finish();
	const hmac = hmacSign(signed, advSecret);
	const encoded = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish();
	return { details, accountKey, accountSignature, encoded };
}

interface Candidature {
	readonly phone: PhoneRecord;
	readonly deviceId: number;
	readonly registration: proto.ClientPayload.IDevicePairingRegistrationData;
	readonly noiseKey: Buffer;
	readonly label: string | null;
	/** What the device has answered: the identity with its own signature. */
	readonly signed: Buffer;
}

/** Checks the device's signature and makes its record. */
export function linkDevice(offer: IdentityOffer, candidature: Candidature): LinkedDevice {
	const { phone, deviceId, registration, noiseKey, label, signed } = candidature;
	const identityKey = Buffer.from(registration.eIdent ?? []);
	const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(signed);
	const message = Buffer.concat([
		WA_ADV_DEVICE_SIG_PREFIX,
		offer.details,
		identityKey,
		offer.accountKey,
	]);
	if (!deviceSignature || !isSignedBy(identityKey, message, deviceSignature)) {
		throw new ProtocolViolation('the device has not signed its identity');
	}
	const { details, accountKey, accountSignature } = offer;
	const deviceIdentity = proto.ADVSignedDeviceIdentity.encode({
		details,
		accountSignatureKey: accountKey,
		accountSignature,
		deviceSignature,
	}).finish();
	return {
		key: deviceKey(phone.number, deviceId),
		phoneNumber: phone.number,
		lid: phone.lid,
		deviceId,
		noiseKey: Buffer.from(noiseKey),
		identityKey,
		deviceIdentity: Buffer.from(deviceIdentity),
		label,
		registrationId: Buffer.from(registration.eRegid ?? []).readUInt32BE(),
		signedPreKey: {
			keyId: Buffer.from(registration.eSkeyId ?? []).readUIntBE(0, 3),
			publicKey: Buffer.from(registration.eSkeyVal ?? []),
			signature: Buffer.from(registration.eSkeySig ?? []),
		},
		initialised: false,
		banned: false,
	};
}

/** Baileys' own `Curve.verify` answers true whatever the signature. */
function isSignedBy(publicKey: Buffer, message: Buffer, signature: Uint8Array): boolean {
	return verifySignature(
		Buffer.from(generateSignalPubKey(publicKey)),
		message,
		Buffer.from(signature),
	);
}
