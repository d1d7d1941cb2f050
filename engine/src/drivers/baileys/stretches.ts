import { setImmediate as nextTurnOfTheLoop } from 'node:timers/promises';

/** Some ten messages: enough to share a commit, and soon over for whoever else has to wait. */
const LONGEST_MS = 8;

/**
 * Divides the event loop among those who decrypt. Decryption waits for nothing, so a burst would
 * keep the loop to its end: nothing would be written, sent or answered meanwhile. Here each has a
 * stretch of one turn of the loop, in the order in which they came.
 */
export class Stretches {
	#endsAt = 0;
	#last: Promise<void> = Promise.resolve();

	/** Resolves at once while there is time left in this stretch, or else when it is one's turn. */
	mine(): Promise<void> | undefined {
		if (performance.now() < this.#endsAt) return undefined;
		this.#last = this.#last
			.then(() => nextTurnOfTheLoop())
			.then(() => {
				this.#endsAt = performance.now() + LONGEST_MS;
			});
		return this.#last;
	}
}
