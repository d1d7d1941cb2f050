import { uuidv7 } from 'uuidv7';
import type { Clock, IdSource, Log } from '../../engine/src/app/ports.ts';

export const ids: IdSource = { next: (prefix) => `${prefix}_${uuidv7()}` };

export const systemClock: Clock = {
	now: () => Date.now(),
	after: (ms, work) => {
		const timer = setTimeout(work, ms);
		return () => clearTimeout(timer);
	},
};

const silence = () => undefined;

export const silentLog: Log = { debug: silence, info: silence, warn: silence, error: silence };

type Truthy<T> = Exclude<T, undefined | null | false | 0 | ''>;

/** Waits for something to become true, and says what it was when it does not. */
export async function eventually<T>(
	probe: () => T | Promise<T>,
	{ withinMs = 10_000, what = 'the expected state' } = {},
): Promise<Truthy<T>> {
	const until = Date.now() + withinMs;
	for (;;) {
		const value = await probe();
		if (value) return value as Truthy<T>;
		if (Date.now() > until) throw new Error(`${what} did not come within ${withinMs} ms`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}
