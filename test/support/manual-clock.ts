import type { Clock } from '../../engine/src/app/ports.ts';

/**
 * The engine's clock under a test's control: it runs like any other, and `advance` makes it jump,
 * so that what was to happen in minutes happens at once. Sockets keep their own time. One that
 * `stands` goes on only when it is told to.
 */
export class ManualClock implements Clock {
	readonly #timers = new Set<{ at: number; work: () => void }>();
	readonly #standsAt: number | undefined;
	readonly #ticking: NodeJS.Timeout | undefined;
	#offset = 0;

	constructor({ stands = false } = {}) {
		if (stands) this.#standsAt = Date.now();
		else this.#ticking = setInterval(() => this.#run(), 5);
	}

	now(): number {
		return (this.#standsAt ?? Date.now()) + this.#offset;
	}

	after(ms: number, work: () => void): () => void {
		const timer = { at: this.now() + ms, work };
		this.#timers.add(timer);
		return () => this.#timers.delete(timer);
	}

	advance(ms: number): void {
		this.#offset += ms;
		this.#run();
	}

	stop(): void {
		clearInterval(this.#ticking);
	}

	#run(): void {
		const due = [...this.#timers].filter(({ at }) => at <= this.now());
		for (const timer of due.sort((a, b) => a.at - b.at)) {
			if (this.#timers.delete(timer)) timer.work();
		}
	}
}
