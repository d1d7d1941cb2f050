import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import type { LinkedDevice } from './directory.ts';
import type { StateFile } from './state-file.ts';
import { stanza } from './stanza.ts';
import type { SentCopy, UndeliveredStanzas } from './undelivered.ts';

/** Gets stanzas to linked devices: at once to those that are listening, later to the others. */
export class Delivery {
	readonly #state: StateFile;
	readonly #undelivered: UndeliveredStanzas;
	readonly #listening = new Map<string, Connection>();

	constructor(state: StateFile, undelivered: UndeliveredStanzas) {
		this.#state = state;
		this.#undelivered = undelivered;
	}

	deliver(
		device: LinkedDevice,
		node: BinaryNode,
		options: { isPeer?: boolean; copy?: SentCopy } = {},
	): void {
		this.#undelivered.add(device.key, node, options);
		this.#state.afterCommit(() => this.#listening.get(device.key)?.send(node));
	}

	/**
	 * The device is ready: it gets all that waits for it and, from now on, the rest as it comes.
	 *
	 * What its own phone has sent to it alone comes after the end of the offline stanzas, as if
	 * the phone had just sent it: Baileys waits 20 s for a history notification that it has
	 * already handled when this is the first session of the device.
	 */
	resume(device: LinkedDevice, connection: Connection): void {
		const waiting = this.#undelivered.of(device.key);
		const offline = waiting.filter(({ isPeer }) => !isPeer);
		for (const [position, { node }] of offline.entries()) {
			connection.send({ ...node, attrs: { ...node.attrs, offline: String(position) } });
		}
		connection.send(stanza('ib', {}, [stanza('offline', { count: offline.length })]));
		for (const { node, isPeer } of waiting) if (isPeer) connection.send(node);
		this.#listening.set(device.key, connection);
	}

	/** The connection is gone. A newer one of the same device is left alone. */
	suspend(device: LinkedDevice, connection: Connection): void {
		if (this.#listening.get(device.key) === connection) this.#listening.delete(device.key);
	}
}
