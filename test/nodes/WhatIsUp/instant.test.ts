import { describe, expect, it } from '@jest/globals';
import { instantOf } from '../../../nodes/WhatIsUp/shared/instant';

describe('a date of n8n', () => {
	it.each([
		['winter time', '2026-01-31T09:00:00', 'Europe/Berlin', '2026-01-31T08:00:00.000Z'],
		['summer time', '2026-07-31T09:00:00', 'Europe/Berlin', '2026-07-31T07:00:00.000Z'],
		['time behind UTC', '2026-01-31T22:00:00', 'America/Sao_Paulo', '2026-02-01T01:00:00.000Z'],
		['half an hour', '2026-01-31T09:00:00', 'Asia/Kolkata', '2026-01-31T03:30:00.000Z'],
		[
			'the hour before clocks jump',
			'2026-03-29T01:59:59',
			'Europe/Berlin',
			'2026-03-29T00:59:59.000Z',
		],
		[
			'the hour after clocks jump',
			'2026-03-29T03:00:00',
			'Europe/Berlin',
			'2026-03-29T01:00:00.000Z',
		],
		['midnight', '2026-01-31', 'Europe/Berlin', '2026-01-30T23:00:00.000Z'],
		['milliseconds', '2026-01-31T09:00:00.250', 'Europe/Berlin', '2026-01-31T08:00:00.250Z'],
	])('is taken for local time: %s', (_, given, timeZone, instant) => {
		expect(instantOf(given, timeZone)).toBe(instant);
	});

	it.each([
		['2026-01-31T09:00:00Z', '2026-01-31T09:00:00.000Z'],
		['2026-01-31T09:00:00.000+05:30', '2026-01-31T03:30:00.000Z'],
		['2026-01-31T09:00:00-0300', '2026-01-31T12:00:00.000Z'],
		[new Date(Date.UTC(2026, 0, 31)), '2026-01-31T00:00:00.000Z'],
		[{ toString: () => '2026-01-31T09:00:00.000+09:00' }, '2026-01-31T00:00:00.000Z'],
	])('keeps the time zone that it names itself: %s', (given, instant) => {
		expect(instantOf(given, 'America/Sao_Paulo')).toBe(instant);
	});

	it.each(['', 'yesterday', '31.01.2026', undefined, null])('is none when it is %s', (given) => {
		expect(instantOf(given, 'Europe/Berlin')).toBeUndefined();
	});
});
