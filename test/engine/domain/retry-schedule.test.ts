import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
	honoursRetryAfter,
	MAX_ATTEMPTS,
	nextAttemptAt,
} from '../../../engine/src/domain/retry-schedule.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const MIDDLE = 0.5;

/** The contract's table: after attempt n has failed, wait this long. */
const WAITS: ReadonlyArray<readonly [number, number]> = [
	[1, 10 * SECOND],
	[2, MINUTE],
	[3, 5 * MINUTE],
	[4, 30 * MINUTE],
	[5, 2 * HOUR],
];

const anyFailure = fc.record({
	attempt: fc.integer({ min: 1, max: 5 }),
	failedAt: fc.integer({ min: 0, max: NOON * 2 }),
	random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

describe('the retry schedule', () => {
	it.each(WAITS)('waits after attempt %i for %i ms', (attempt, waitMs) => {
		expect(nextAttemptAt({ attempt, failedAt: NOON, random: MIDDLE })).toBe(NOON + waitMs);
	});

	it.each(WAITS)('spreads the wait after attempt %i by a fifth either way', (attempt, waitMs) => {
		expect(nextAttemptAt({ attempt, failedAt: NOON, random: 0 })).toBe(NOON + 0.8 * waitMs);
		expect(nextAttemptAt({ attempt, failedAt: NOON, random: 1 - Number.EPSILON })).toBe(
			NOON + 1.2 * waitMs,
		);
	});

	it('is spent after six attempts', () => {
		expect(MAX_ATTEMPTS).toBe(6);
		for (const attempt of [6, 7, 100]) {
			const next = nextAttemptAt({ attempt, failedAt: NOON, random: MIDDLE, retryAfterMs: HOUR });
			expect(next).toBeUndefined();
		}
	});

	it('never leaves the bounds of the jitter, and is a whole millisecond', () => {
		fc.assert(
			fc.property(anyFailure, (failure) => {
				const waitMs = WAITS[failure.attempt - 1]![1];

				const waited = nextAttemptAt(failure)! - failure.failedAt;

				expect(Number.isInteger(waited)).toBe(true);
				expect(waited).toBeGreaterThanOrEqual(0.8 * waitMs);
				expect(waited).toBeLessThanOrEqual(1.2 * waitMs);
			}),
		);
	});

	it('waits longer when the receiver asks, never shorter, and for an hour at most', () => {
		fc.assert(
			fc.property(anyFailure, fc.nat({ max: 1_000 * HOUR }), (failure, retryAfterMs) => {
				const scheduled = nextAttemptAt(failure)!;

				const asked = nextAttemptAt({ ...failure, retryAfterMs })!;

				const granted = failure.failedAt + Math.min(retryAfterMs, HOUR);
				expect(asked).toBe(Math.max(scheduled, granted));
			}),
		);
	});

	it('keeps to the schedule when that is longer than the hour', () => {
		const next = nextAttemptAt({ attempt: 5, failedAt: NOON, random: MIDDLE, retryAfterMs: HOUR });

		expect(next).toBe(NOON + 2 * HOUR);
	});

	it('listens to Retry-After of a receiver that is busy, not of one that refuses', () => {
		const statuses = [301, 400, 404, 408, 410, 429, 500, 502, 503, 504];

		expect(statuses.filter(honoursRetryAfter)).toEqual([429, 503]);
	});
});
