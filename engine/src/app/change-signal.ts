import type { InstanceId } from '../domain/ids.ts';
import type { Clock } from './ports.ts';

/** Wakes those who wait for an instance to change, without their missing a change in between. */
export class ChangeSignal {
	readonly #clock: Clock;
	readonly #watchers = new Map<InstanceId, Set<() => void>>();
	#count = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Counts the changes of all instances; read it before the state that `next` is to follow. */
	get count(): number {
		return this.#count;
	}

	tell(id: InstanceId): void {
		this.#count++;
		for (const watcher of [...(this.#watchers.get(id) ?? [])]) watcher();
	}

	tellAll(): void {
		this.#count++;
		for (const id of [...this.#watchers.keys()]) this.tell(id);
	}

	/**
	 * Resolves at the next change of the instance, or after `ms`; at once when there was a change
	 * (of any instance) after `since`, which the caller may have missed.
	 */
	async next(id: InstanceId, since: number, ms: number): Promise<void> {
		if (this.#count !== since) return;
		const watchers = this.#watchers.get(id) ?? new Set();
		this.#watchers.set(id, watchers);
		await new Promise<void>((resolve) => {
			const cancel = this.#clock.after(ms, done);
			watchers.add(done);
			function done() {
				cancel();
				watchers.delete(done);
				resolve();
			}
		});
		if (watchers.size === 0) this.#watchers.delete(id);
	}
}
