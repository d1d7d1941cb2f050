/** Numbers that look random and come again with their seed. */
export class Chance {
	#state: number;

	constructor(seed: number) {
		this.#state = seed | 0;
	}

	/** In [0, 1): the generator mulberry32. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** A whole number from `least` to `most`, both included. */
	between(least: number, most: number): number {
		return least + Math.floor(this.next() * (most - least + 1));
	}

	pick<T>(all: readonly T[]): T {
		return all[this.between(0, all.length - 1)]!;
	}

	/** A generator of its own, which others do not disturb. */
	fork(): Chance {
		return new Chance(this.between(0, 2 ** 31 - 1));
	}
}
