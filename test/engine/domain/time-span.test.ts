import { expect, it } from '@jest/globals';
import { span } from '../../../engine/src/domain/time-span.ts';

it.each([
	[0, '0 seconds'],
	[-5, '0 seconds'],
	[1_999, '1 second'],
	[59_999, '59 seconds'],
	[60_000, '1 minute'],
	[2 * 3_600_000, '2 hours'],
	[47 * 3_600_000, '1 day'],
])('%d milliseconds are %s to people', (ms, text) => {
	expect(span(ms)).toBe(text);
});
