import type { Clock } from '../../engine/src/app/ports.ts';

/** Time that goes on only when it is told to. */
export class SteppedClock implements Clock {
	readonly #timers = new Set<{ at: number; work: () => void }>();
	#now = Date.UTC(2026, 0, 1);

	now(): number {
		return this.#now;
	}

	after(ms: number, work: () => void): () => void {
		const timer = { at: this.#now + ms, work };
		this.#timers.add(timer);
		return () => this.#timers.delete(timer);
	}

	advance(ms: number): void {
		this.#now += ms;
		const due = [...this.#timers].filter(({ at }) => at <= this.#now);
		for (const timer of due.sort((a, b) => a.at - b.at)) {
			if (this.#timers.delete(timer)) timer.work();
		}
	}
}
