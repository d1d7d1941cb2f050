import { inTime } from './in-time.ts';
import type { Clock, Storage } from './ports.ts';

/** Slow is not gone, but who asks waits no longer than five seconds, as a rule. */
const ANSWERS_WITHIN_MS = 3_000;

/** Whether the database answers. One that hangs is as little use as one that is gone. */
export class DatabaseCheck {
	readonly #storage: Pick<Storage, 'ping'>;
	readonly #clock: Clock;
	#asking: Promise<boolean> | undefined;

	constructor(storage: Pick<Storage, 'ping'>, clock: Clock) {
		this.#storage = storage;
		this.#clock = clock;
	}

	/** However many ask, the database is asked once at a time: each question takes a connection. */
	async passes(): Promise<boolean> {
		this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
		const asking = this.#asking;
		return (await inTime(this.#clock, ANSWERS_WITHIN_MS, () => asking)) ?? false;
	}

	async #ask(): Promise<boolean> {
		try {
			await this.#storage.ping();
			return true;
		} catch {
			return false;
		}
	}
}
