import { randomBytes } from 'node:crypto';
import type { Delivery } from './delivery.ts';
import type { DeviceAddress, Directory, LinkedDevice } from './directory.ts';
import type { KeyBundle } from './key-bundle.ts';
import { nowInSeconds, SERVER, stanza } from './stanza.ts';

/** Below this many unused one-time keys a device is asked for more. */
const LOW_PRE_KEYS = 5;

/** Hands out the keys for new sessions, each one-time key once. */
export class KeyServer {
	readonly #directory: Directory;
	readonly #delivery: Delivery;
	/** Devices that have been asked for more keys and have not sent any yet. */
	readonly #asked = new Set<string>();

	constructor(directory: Directory, delivery: Delivery) {
		this.#directory = directory;
		this.#delivery = delivery;
	}

	findBundle({ phone, deviceId }: DeviceAddress): KeyBundle | undefined {
		if (deviceId === 0) return this.#directory.makePhoneBundle(phone);
		const device = this.#directory.findDevice(phone.number, deviceId);
		return device === undefined ? undefined : this.takeBundle(device);
	}

	takeBundle(device: LinkedDevice): KeyBundle {
		const bundle = this.#directory.takeBundle(device);
		const count = this.#directory.countPreKeys(device);
		if (count < LOW_PRE_KEYS && !this.#asked.has(device.key)) {
			this.#asked.add(device.key);
			this.#delivery.deliver(device, lowOnKeys(count));
		}
		return bundle;
	}

	addPreKeys(device: LinkedDevice, keys: Parameters<Directory['addPreKeys']>[1]): void {
		this.#directory.addPreKeys(device, keys);
		this.#asked.delete(device.key);
	}
}

function lowOnKeys(count: number) {
	const id = randomBytes(8).toString('hex');
	const attributes = { from: SERVER, id, type: 'encrypt', t: nowInSeconds() };
	return stanza('notification', attributes, [stanza('count', { value: count })]);
}
