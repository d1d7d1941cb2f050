import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind } from '../../engine/src/sandbox/simulated-network.ts';
import { LIVE_KEY, type EngineProcess } from '../support/engine-process.ts';
import type { NetworkProcess } from './network-process.ts';
import type { PairedAccount } from './paired-accounts.ts';

const INBOUND_EVERY_MS = 100;
const OUTBOUND_EVERY_MS = 200;
const FAULT_EVERY_MS = 400;

/** Every fault after which nobody has to act. */
const HEALING: readonly FaultKind[] = [
	'connection_lost',
	'stream_ended',
	'restart_required',
	'server_error',
	'service_unavailable',
	'upgrade_refused',
	'silent',
];

/** Silence is noticed within a minute, and half of that is left when the faults are over. */
const LAST_SILENCE_MS = 35_000;

export interface LoadOptions {
	readonly engine: EngineProcess;
	readonly network: NetworkProcess;
	readonly accounts: readonly PairedAccount[];
	readonly random: () => number;
}

/** Messages both ways and faults, all at random, for some time; remembers what it did. */
export class Load {
	readonly #options: LoadOptions;
	/** Texts that contacts have sent. */
	readonly inbound: string[] = [];
	/** Texts that the engine has accepted. */
	readonly outbound: string[] = [];
	readonly faults = new Map<FaultKind, number>();

	constructor(options: LoadOptions) {
		this.#options = options;
	}

	get faultCount(): number {
		return [...this.faults.values()].reduce((sum, times) => sum + times, 0);
	}

	async run(ms: number): Promise<void> {
		const until = Date.now() + ms;
		const repeat = async (everyMs: number, act: () => Promise<void>) => {
			for (let next = Date.now(); next < until; next += everyMs) {
				await act();
				await sleep(Math.max(0, next + everyMs - Date.now()));
			}
		};
		await Promise.all([
			repeat(INBOUND_EVERY_MS, () => this.#receive()),
			repeat(OUTBOUND_EVERY_MS, () => this.#send()),
			repeat(FAULT_EVERY_MS, () => this.#fail(until - Date.now())),
		]);
	}

	/** From now on nothing goes wrong any more; what is broken stays so until it heals. */
	async end(): Promise<void> {
		const { network, accounts } = this.#options;
		for (const { phoneNumber } of accounts) await network.heal(phoneNumber);
	}

	async #receive(): Promise<void> {
		const account = this.#anyAccount();
		const text = `in ${this.inbound.length}`;
		this.inbound.push(text);
		await this.#options.network.sendText({
			from: contactOf(account),
			to: account.phoneNumber,
			text,
		});
	}

	async #send(): Promise<void> {
		const account = this.#anyAccount();
		const text = `out ${this.outbound.length}`;
		const path = `/v1/instances/${account.instanceId}/messages`;
		const body = { to: contactOf(account), body: { type: 'text', text }, client_ref: text };
		await this.#options.engine.call('POST', path, body, LIVE_KEY);
		this.outbound.push(text);
	}

	async #fail(remainingMs: number): Promise<void> {
		const { network, random } = this.#options;
		const kinds = HEALING.filter((kind) => kind !== 'silent' || remainingMs > LAST_SILENCE_MS);
		const kind = oneOf(kinds, random);
		const connected = (await network.devices()).filter((device) => device.connected);
		if (connected.length === 0) return;
		// One refusal each: those of all devices add up, and whoever comes next meets them.
		await network.fault(oneOf(connected, random).phoneNumber, kind, { upgrades: 1 });
		this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
	}

	#anyAccount(): PairedAccount {
		return oneOf(this.#options.accounts, this.#options.random);
	}
}

/** Each account has a contact of its own. */
function contactOf({ phoneNumber }: PairedAccount): string {
	return `4${phoneNumber.slice(1)}`;
}

function oneOf<T>(all: readonly T[], random: () => number): T {
	return all[Math.floor(random() * all.length)]!;
}
