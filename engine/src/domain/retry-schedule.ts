/**
 * When a failed delivery is tried again: six attempts, the first at once, then after 10 s,
 * 60 s, 5 min, 30 min and 2 h, about two and a half hours in all.
 *
 * Every wait is stretched or shortened by up to a fifth, so that the deliveries which failed
 * together when a receiver went down do not come back together when it is up.
 *
 * A receiver that is busy (429, 503) may ask for more time with `Retry-After`. It can only
 * put an attempt off, never bring it forward, and never by more than an hour: a wrong clock
 * or a careless proxy must not park an event for days.
 */
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The wait before each attempt, counted from the failure of the one before it. */
const WAITS_MS = [0, 10 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS];
const JITTER = 0.2;
const LONGEST_RETRY_AFTER_MS = HOUR_MS;

export const MAX_ATTEMPTS = WAITS_MS.length;

/**
 * A delivery that fails keeps the later ones of its chat waiting until this attempt has failed as
 * well, about six minutes after the first. The next is half an hour away, and one message that its
 * receiver cannot take must not hold up the conversation for so long.
 */
export const BLOCKING_ATTEMPTS = 4;

export interface FailedAttempt {
	/** The number of the attempt that has just failed; the first is 1. */
	readonly attempt: number;
	readonly failedAt: number;
	/** A random number in [0, 1). */
	readonly random: number;
	/** What the receiver asked for, when its status is one that `honoursRetryAfter`. */
	readonly retryAfterMs?: number | undefined;
}

/** The instant of the next attempt, or undefined when this was the last one. */
export function nextAttemptAt(failed: FailedAttempt): number | undefined {
	const { attempt, failedAt, random, retryAfterMs = 0 } = failed;
	const waitMs = WAITS_MS[attempt];
	if (waitMs === undefined) return undefined;

	const scheduledMs = waitMs * (1 - JITTER + 2 * JITTER * random);
	const askedMs = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
	return failedAt + Math.round(Math.max(scheduledMs, askedMs));
}

/** The two statuses that mean "not now" rather than "no". */
export function honoursRetryAfter(status: number): boolean {
	return status === 429 || status === 503;
}
