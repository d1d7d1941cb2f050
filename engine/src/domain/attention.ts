/**
 * When to tell that an instance waits for a person: at once, after 5 and 30 minutes, then every
 * six hours. The level rises by one each time, so that a workflow can ask someone else.
 */
import type { InstanceState } from './instance.ts';

const MINUTE_MS = 60_000;

/** The waits after the first, second and every later alert. */
const WAITS_MS = [5 * MINUTE_MS, 25 * MINUTE_MS, 6 * 60 * MINUTE_MS];

export interface Attention {
	readonly level: number;
	readonly dueAt: number | null;
}

export const NO_ATTENTION: Attention = { level: 0, dueAt: null };

/** Whether an instance in this state gets no further without somebody. */
export function needsPerson(state: InstanceState): boolean {
	return state === 'qr' || state === 'logged_out' || state === 'failed';
}

/** After the alert of `level` was given at `now`. */
export function afterAlert(level: number, now: number): Attention {
	return { level, dueAt: now + (WAITS_MS[level - 1] ?? WAITS_MS.at(-1)!) };
}
