import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest } from '@jest/globals';
import {
	SimulatedNetwork,
	type SimulatedNetworkOptions,
} from '../../../engine/src/sandbox/simulated-network.ts';
import { BaileysClient, pair, tameBaileys, until } from '../../support/baileys-client.ts';

export const ANA = '5511911111111';
export const BIA = '5511922222222';
export const SHOP = '5511933333333';

const RECEIPT_DELAY_MS = 20;
/** A slow machine makes 800 keys for each client, too. */
const TEST_TIMEOUT_MS = 30_000;

/**
 * A simulated network for each test of a file, and real Baileys clients for it. After each test
 * nothing must be left of it: no connection, no socket, no stanza that the network did not know.
 */
export class Harness {
	readonly #options: SimulatedNetworkOptions;
	readonly #clients: BaileysClient[] = [];
	#network: SimulatedNetwork | undefined;
	#folder = '';
	/** Set by a test that sends what no client sends. */
	expectsTrouble = false;

	constructor(options: SimulatedNetworkOptions & { inFile?: boolean } = {}) {
		const { inFile = false, ...rest } = options;
		this.#options = { receiptDelayMs: RECEIPT_DELAY_MS, ...rest };
		jest.setTimeout(TEST_TIMEOUT_MS);
		let restore: () => void;
		let socketsBefore = 0;
		beforeAll(() => {
			restore = tameBaileys();
		});
		beforeEach(async () => {
			this.expectsTrouble = false;
			socketsBefore = openSockets();
			if (inFile) this.#folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
			await this.start();
		});
		afterEach(async () => {
			await Promise.all(this.#clients.splice(0).map((client) => client.end()));
			const { unhandled, broken } = this.network;
			await this.network.stop();
			if (this.#folder !== '') rmSync(this.#folder, { recursive: true });
			if (!this.expectsTrouble) expect({ unhandled, broken }).toEqual(NO_TROUBLE);
			await sleep(10);
			// One that was on its way out before the test may be gone by now; none may be left behind.
			expect(openSockets()).toBeLessThanOrEqual(socketsBefore);
		});
		afterAll(() => restore());
	}

	get network(): SimulatedNetwork {
		return this.#network!;
	}

	/** The state file, if the tests of this file have one. */
	get file(): string {
		return this.#folder === '' ? ':memory:' : join(this.#folder, 'network.sqlite');
	}

	async start(): Promise<void> {
		this.#network = new SimulatedNetwork({ ...this.#options, file: this.file });
		await this.#network.start();
	}

	/** The network goes away and comes back with what its file holds, on another port. */
	async restart(): Promise<void> {
		await this.network.stop();
		await this.start();
	}

	client(): BaileysClient {
		return this.track(new BaileysClient());
	}

	/** Ends this client after the test. */
	track(client: BaileysClient): BaileysClient {
		this.#clients.push(client);
		return client;
	}

	/** A client that is paired under this label, logged in and synchronised. */
	async paired(label = 'shop', phoneNumber = SHOP, pushName = 'Shop'): Promise<BaileysClient> {
		const { client } = await pair(this.network, label, { phoneNumber, pushName });
		return this.track(client);
	}

	/** Waits until the device has acknowledged all that it was sent. */
	async settled(label = 'shop'): Promise<void> {
		const isSettled = () =>
			this.network.devices().every((device) => device.label !== label || !device.undelivered);
		await until(isSettled);
	}
}

const NO_TROUBLE = { unhandled: [], broken: [] };

function openSockets(): number {
	return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}
