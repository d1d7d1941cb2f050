import { setImmediate as nextTurnOfTheLoop } from 'node:timers/promises';
import { SimulationError } from './simulation-error.ts';

/** How long encryption may keep the event loop for itself: it never waits for I/O. */
const LONGEST_STRETCH_MS = 8;

/**
 * Runs work of the same name strictly in the order in which it was asked for. A burst gives way
 * to the rest of the process every few milliseconds.
 */
export class Turns {
	readonly #last = new Map<string, Promise<unknown>>();
	#pausedAt = performance.now();
	#stopped = false;

	run<T>(name: string, work: () => Promise<T>): Promise<T> {
		const previous = this.#last.get(name);
		const result = this.#after(previous, work);
		const settled: Promise<void> = result.then(
			() => this.#forget(name, settled),
			() => this.#forget(name, settled),
		);
		this.#last.set(name, settled);
		return result;
	}

	/** Ends what is running and refuses what has not begun. */
	async stop(): Promise<void> {
		this.#stopped = true;
		await Promise.all(this.#last.values());
	}

	async #after<T>(previous: Promise<unknown> | undefined, work: () => Promise<T>): Promise<T> {
		await previous;
		if (performance.now() - this.#pausedAt > LONGEST_STRETCH_MS) {
			await nextTurnOfTheLoop();
			this.#pausedAt = performance.now();
		}
		if (this.#stopped) throw new SimulationError('not_running');
		return work();
	}

	#forget(name: string, settled: Promise<unknown>): void {
		if (this.#last.get(name) === settled) this.#last.delete(name);
	}
}
