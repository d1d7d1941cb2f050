/**
 * A bulkhead: so many may be under way at once. Who finds no place is told when one is free again,
 * in the order of asking.
 */
export class Places<Waiter> {
	readonly #most: number;
	readonly #waiting = new Set<Waiter>();
	#taken = 0;

	constructor(most: number) {
		this.#most = most;
	}

	get isFull(): boolean {
		return this.#taken >= this.#most;
	}

	get isUnused(): boolean {
		return this.#taken === 0 && this.#waiting.size === 0;
	}

	take(): void {
		this.#taken++;
	}

	waitFor(waiter: Waiter): void {
		this.#waiting.add(waiter);
	}

	/** Frees a place and lets those who wait try, one after another, while there are places. */
	release(tryAgain: (waiter: Waiter) => void): void {
		this.#taken--;
		// Who tries in vain waits anew, behind the others; each has one turn.
		for (const waiter of [...this.#waiting]) {
			if (this.isFull) return;
			this.#waiting.delete(waiter);
			tryAgain(waiter);
		}
	}
}
