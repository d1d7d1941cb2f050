import type { Clock } from './ports.ts';

/** Wakes the open streams when there are new events, without their missing any in between. */
export class EventSignal {
	readonly #clock: Clock;
	readonly #watchers = new Set<() => void>();
	#count = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Counts the calls of `tell`; read it before the events that `next` is to follow. */
	get count(): number {
		return this.#count;
	}

	/** To be called after each commit of events. Cheap, and safe to call too often. */
	tell(): void {
		this.#count++;
		for (const watcher of [...this.#watchers]) watcher();
	}

	/**
	 * Resolves at the next `tell`, when `ended` is aborted, or after `ms`; at once when there was a
	 * `tell` after `since`.
	 */
	async next(since: number, ms: number, ended: AbortSignal): Promise<void> {
		if (this.#count !== since) return;
		await pause(this.#clock, ms, ended, this.#watchers);
	}
}

/** Resolves after `ms`, when `ended` is aborted, or when one of the watchers is called. */
export async function pause(
	clock: Clock,
	ms: number,
	ended: AbortSignal,
	watchers: Set<() => void> = new Set(),
): Promise<void> {
	if (ended.aborted) return;
	await new Promise<void>((resolve) => {
		const cancel = clock.after(ms, done);
		watchers.add(done);
		ended.addEventListener('abort', done);
		function done() {
			cancel();
			watchers.delete(done);
			ended.removeEventListener('abort', done);
			resolve();
		}
	});
}
