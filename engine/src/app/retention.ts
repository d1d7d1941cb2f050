import { firstIdAt, type EventId } from '../domain/ids.ts';
import type { Clock, Log, PayloadStore, SettingStore } from './ports.ts';

export interface RetentionOptions {
	readonly payloads: PayloadStore;
	readonly settings: SettingStore;
	readonly clock: Clock;
	readonly log: Log;
	/** How long payloads stay after a success; 0: for ever. */
	readonly successDays: number;
	/** The same after the last failure. */
	readonly failedDays: number;
}

const DAY_MS = 24 * 60 * 60_000;
const FIRST_SWEEP_MS = 60_000;
const PERIOD_MS = 60 * 60_000;

/** Small enough that whoever waits for the database does not notice. */
const BATCH = 500;
const PAUSE_MS = 50;

/** Events up to here have been looked at; those behind it keep only what a delivery needs. */
const SETTING = 'payloads_forgotten_until';

/**
 * Forgets what was sent once its time is over: the text of a message has no place in a log for
 * good. What stays of a delivery says when it went where and what came of it.
 *
 * It works in short commits with pauses in between, so that no other write waits for long.
 */
export class Retention {
	readonly #options: RetentionOptions;
	#cancel: (() => void) | undefined;
	#sweep: Promise<void> = Promise.resolve();
	#isStopped = false;
	#endPause: (() => void) | undefined;

	constructor(options: RetentionOptions) {
		this.#options = options;
	}

	start(afterMs = FIRST_SWEEP_MS): void {
		this.#isStopped = false;
		this.#cancel = this.#options.clock.after(afterMs, () => {
			this.#sweep = this.sweep()
				.catch((error: unknown) => {
					this.#options.log.error({ error: String(error) }, 'payloads could not be forgotten');
				})
				.finally(() => {
					if (!this.#isStopped) this.start(PERIOD_MS);
				});
		});
	}

	/** Waits for the batch that is under way; the rest comes after the next start. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#cancel?.();
		this.#endPause?.();
		await this.#sweep;
	}

	/** Forgets everything whose time is over. */
	async sweep(): Promise<void> {
		const { clock, successDays, failedDays, log } = this.#options;
		const now = clock.now();
		const succeeded = await this.#settled('success', now, successDays);
		const failed = await this.#settled('failed', now, failedDays);
		await this.#undelivered(now, successDays);
		if (succeeded + failed > 0) log.info({ succeeded, failed }, 'payloads forgotten');
	}

	async #settled(status: 'success' | 'failed', now: number, days: number): Promise<number> {
		if (days === 0) return 0;
		let forgotten = 0;
		let batch = BATCH;
		while (batch === BATCH && !this.#isStopped) {
			batch = await this.#options.payloads.forgetSettled(status, now - days * DAY_MS, BATCH);
			forgotten += batch;
			if (batch === BATCH) await this.#pause();
		}
		return forgotten;
	}

	/** Events that went to nobody. Where it got to is kept, so that no hour begins anew. */
	async #undelivered(now: number, days: number): Promise<void> {
		if (days === 0) return;
		const { payloads, settings } = this.#options;
		const before = now - days * DAY_MS;
		let after = ((await settings.find(SETTING)) ?? null) as EventId | null;
		while (!this.#isStopped) {
			const next = await payloads.forgetUndelivered(before, after, BATCH);
			after = next ?? firstIdAt('evt', before);
			await settings.set(SETTING, after);
			if (next === undefined) return;
			await this.#pause();
		}
	}

	async #pause(): Promise<void> {
		if (this.#isStopped) return;
		return new Promise((resolve) => {
			const cancel = this.#options.clock.after(PAUSE_MS, resolve);
			this.#endPause = () => {
				cancel();
				resolve();
			};
		});
	}
}
