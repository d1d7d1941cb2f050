import { createHash, randomInt } from 'node:crypto';
import { Curve, jidDecode } from '@whiskeysockets/baileys';
import { type KeyBundle, makePreKey, makeSignedPreKey, type PhoneRecord } from './key-bundle.ts';
import type { PublicSignedPreKey } from './key-bundle.ts';
import type { SignalSessions } from './signal-sessions.ts';
import { SimulationError } from './simulation-error.ts';
import type { StateFile, StoredMap } from './state-file.ts';

const KEY_ID_BYTES = 3;
const PRE_KEY_BYTES = KEY_ID_BYTES + 32;
const PHONE_NUMBER = /^\d{7,15}$/;

/** A client that a phone has linked: what the server keeps of it. */
export interface LinkedDevice {
	/** `<phone number>:<device id>`. */
	readonly key: string;
	readonly phoneNumber: string;
	readonly lid: string;
	readonly deviceId: number;
	/** Identifies the client at its next login, together with number and device id. */
	readonly noiseKey: Buffer;
	readonly identityKey: Buffer;
	readonly deviceIdentity: Buffer;
	/** The last `?device=` under which it has connected. */
	label: string | null;
	registrationId: number;
	signedPreKey: PublicSignedPreKey;
	/** Whether the phone has sent what a new device needs (app state keys, history). */
	initialised: boolean;
	banned: boolean;
}

export interface DeviceAddress {
	readonly phone: PhoneRecord;
	/** 0 is the phone itself. */
	readonly deviceId: number;
	readonly addressing: 'pn' | 'lid';
}

/** Who exists: phones, the devices they have linked, and the keys these have published. */
export class Directory {
	readonly #phones: StoredMap<PhoneRecord>;
	readonly #devices: StoredMap<LinkedDevice>;
	/** The unused one-time keys of a device: id and key, id and key, … in one buffer. */
	readonly #preKeys: StoredMap<Buffer>;
	readonly #appStateVersions: StoredMap<number>;
	readonly #sessions: SignalSessions;
	readonly #numberByLid = new Map<string, string>();
	readonly #devicesByPhone = new Map<string, LinkedDevice[]>();
	readonly #deviceByLabel = new Map<string, LinkedDevice>();

	constructor(state: StateFile, sessions: SignalSessions) {
		this.#phones = state.map('phone');
		this.#devices = state.map('device');
		this.#preKeys = state.map('device-prekeys');
		this.#appStateVersions = state.map('app-state-version');
		this.#sessions = sessions;
		for (const phone of this.#phones.values()) this.#numberByLid.set(phone.lid, phone.number);
		for (const device of this.#devices.values()) this.#index(device);
	}

	/** The phone with this number. Every well-formed number is on the simulated WhatsApp. */
	phone(number: string): PhoneRecord {
		const known = this.#phones.get(number);
		if (known !== undefined) return known;
		if (!isPhoneNumber(number)) throw new SimulationError('phone_number_invalid');
		const phone: PhoneRecord = {
			number,
			lid: lidOf(number),
			registrationId: randomInt(1, 16_380),
			identity: keyBytes(Curve.generateKeyPair()),
			pushName: null,
			signedPreKey: null,
			nextPreKeyId: 1,
			nextDeviceId: 1,
		};
		this.#numberByLid.set(phone.lid, number);
		this.savePhone(phone);
		return phone;
	}

	isKnown(number: string): boolean {
		return this.#phones.has(number);
	}

	savePhone(phone: PhoneRecord): void {
		this.#phones.set(phone.number, phone);
	}

	/** Whom a JID means, or `undefined` for one that this network has not given out. */
	findAddress(jid: string): DeviceAddress | undefined {
		const decoded = jidDecode(jid);
		if (decoded === undefined) return undefined;
		const deviceId = decoded.device ?? 0;
		if (decoded.server === 'lid') {
			const number = this.#numberByLid.get(decoded.user);
			if (number === undefined) return undefined;
			return { phone: this.phone(number), deviceId, addressing: 'lid' };
		}
		if (decoded.server !== 's.whatsapp.net' || !isPhoneNumber(decoded.user)) return undefined;
		return { phone: this.phone(decoded.user), deviceId, addressing: 'pn' };
	}

	/** The linked devices of a phone, oldest first. */
	devicesOf(number: string): readonly LinkedDevice[] {
		return this.#devicesByPhone.get(number) ?? [];
	}

	devices(): Iterable<LinkedDevice> {
		return this.#devices.values();
	}

	findDevice(number: string, deviceId: number): LinkedDevice | undefined {
		return this.#devices.get(deviceKey(number, deviceId));
	}

	/** The device with this label, else the newest device of the phone with this number. */
	findDeviceByName(name: string): LinkedDevice | undefined {
		return this.#deviceByLabel.get(name) ?? this.devicesOf(name).at(-1);
	}

	link(device: LinkedDevice): void {
		this.#devices.set(device.key, device);
		this.#index(device);
	}

	saveDevice(device: LinkedDevice): void {
		this.#devices.set(device.key, device);
		if (device.label !== null) this.#deviceByLabel.set(device.label, device);
	}

	unlink(device: LinkedDevice): void {
		this.#devices.delete(device.key);
		this.#preKeys.delete(device.key);
		const others = this.devicesOf(device.phoneNumber).filter(({ key }) => key !== device.key);
		this.#devicesByPhone.set(device.phoneNumber, others);
		if (device.label !== null && this.#deviceByLabel.get(device.label) === device) {
			this.#deviceByLabel.delete(device.label);
		}
	}

	addPreKeys(device: LinkedDevice, keys: readonly { keyId: number; publicKey: Buffer }[]): void {
		const added = keys.map(({ keyId, publicKey }) => {
			const id = Buffer.alloc(KEY_ID_BYTES);
			id.writeUIntBE(keyId, 0, KEY_ID_BYTES);
			return Buffer.concat([id, publicKey]);
		});
		this.#preKeys.set(device.key, Buffer.concat([this.#preKeysOf(device), ...added]));
	}

	countPreKeys(device: LinkedDevice): number {
		return this.#preKeysOf(device).length / PRE_KEY_BYTES;
	}

	/** The keys for a new session with a device; its next one-time key is used up by this. */
	takeBundle(device: LinkedDevice): KeyBundle {
		const { registrationId, identityKey, signedPreKey, deviceIdentity } = device;
		const bundle = { registrationId, identityKey, signedPreKey, deviceIdentity };
		const keys = this.#preKeysOf(device);
		if (keys.length === 0) return bundle;
		this.#preKeys.set(device.key, Buffer.from(keys.subarray(PRE_KEY_BYTES)));
		const keyId = keys.readUIntBE(0, KEY_ID_BYTES);
		return {
			...bundle,
			preKey: { keyId, publicKey: Buffer.from(keys.subarray(KEY_ID_BYTES, PRE_KEY_BYTES)) },
		};
	}

	/** The keys for a new session with a phone, with a one-time key made for the purpose. */
	makePhoneBundle(phone: PhoneRecord): KeyBundle {
		phone.signedPreKey ??= makeSignedPreKey(phone);
		const keyId = phone.nextPreKeyId++;
		this.savePhone(phone);
		const preKey = makePreKey();
		this.#sessions.keepPreKey(phone, keyId, preKey);
		return {
			registrationId: phone.registrationId,
			identityKey: phone.identity.public,
			signedPreKey: {
				keyId: phone.signedPreKey.keyId,
				publicKey: Buffer.from(phone.signedPreKey.keyPair.public),
				signature: Buffer.from(phone.signedPreKey.signature),
			},
			preKey: { keyId, publicKey: preKey.pubKey.subarray(1) },
		};
	}

	/** The version of an app state collection; with `bump`, after one more change to it. */
	appStateVersion(number: string, collection: string, bump: boolean): number {
		const key = `${number}/${collection}`;
		const version = (this.#appStateVersions.get(key) ?? 0) + (bump ? 1 : 0);
		if (bump) this.#appStateVersions.set(key, version);
		return version;
	}

	#preKeysOf(device: LinkedDevice): Buffer {
		return Buffer.from(this.#preKeys.get(device.key) ?? []);
	}

	#index(device: LinkedDevice): void {
		const devices = this.#devicesByPhone.get(device.phoneNumber) ?? [];
		this.#devicesByPhone.set(device.phoneNumber, [...devices, device]);
		if (device.label !== null) this.#deviceByLabel.set(device.label, device);
	}
}

export function isPhoneNumber(text: string): boolean {
	return PHONE_NUMBER.test(text);
}

export function deviceKey(number: string, deviceId: number): string {
	return `${number}:${deviceId}`;
}

/** The address of a phone, or of one of its devices, by phone number or by LID. */
export function jidOf(
	{ number, lid }: Pick<PhoneRecord, 'number' | 'lid'>,
	addressing: 'pn' | 'lid',
	deviceId = 0,
): string {
	const user = addressing === 'lid' ? lid : number;
	const server = addressing === 'lid' ? 'lid' : 's.whatsapp.net';
	return deviceId === 0 ? `${user}@${server}` : `${user}:${deviceId}@${server}`;
}

/** LIDs look like WhatsApp's: 15 digits which do not show the number. */
function lidOf(number: string): string {
	const hash = createHash('sha256').update(`lid of ${number}`).digest().readUIntBE(0, 6);
	return String(100_000_000_000_000 + hash);
}

function keyBytes(pair: { public: Uint8Array; private: Uint8Array }) {
	return { public: Buffer.from(pair.public), private: Buffer.from(pair.private) };
}
