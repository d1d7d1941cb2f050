import { expect, it } from '@jest/globals';
import { parseRetryAfter } from '../../../engine/src/net/retry-after.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

it.each([
	['0', 0],
	['120', 120_000],
	[' 7 ', 7_000],
	['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
	['Thursday, 01-Jan-26 12:01:00 GMT', 60_000],
	['Thu, 01 Jan 2026 11:00:00 GMT', 0],
	['', undefined],
	['-5', undefined],
	['1.5', undefined],
	['1e9', undefined],
	['99999999999', undefined],
	['2026-01-01T12:01:00Z', undefined],
	['soon', undefined],
	['Thu, soon', undefined],
])('Retry-After: %s asks to wait for %s ms', (value, waitMs) => {
	expect(parseRetryAfter(value, NOON)).toBe(waitMs);
});
