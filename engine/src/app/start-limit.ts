import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { Clock } from './ports.ts';

const WINDOW_MS = 60_000;
const MOST_STARTS = 5;

/**
 * Keeps callers from connecting an instance over and over: WhatsApp throttles accounts for that.
 * It counts what callers ask for; the engine's own attempts wait by themselves.
 */
export class StartLimit {
	readonly #clock: Clock;
	readonly #starts = new Map<InstanceId, number[]>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Throws `too_many_restarts`, with the seconds to wait, or counts one more. */
	take(id: InstanceId): void {
		const now = this.#clock.now();
		const recent = (this.#starts.get(id) ?? []).filter((at) => at > now - WINDOW_MS);
		const [oldest] = recent;
		if (oldest !== undefined && recent.length >= MOST_STARTS) {
			throw new EngineError('too_many_restarts', {
				retry_after_seconds: Math.ceil((oldest + WINDOW_MS - now) / 1_000),
			});
		}
		this.#starts.set(id, [...recent, now]);
	}

	forget(id: InstanceId): void {
		this.#starts.delete(id);
	}
}
