import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterAlert, needsPerson } from '../../../engine/src/domain/attention.ts';
import {
	DEFAULT_HEAL_POLICY,
	HOUR_MS,
	isTransient,
	planHealing,
	withinLastHour,
} from '../../../engine/src/domain/healing.ts';
import { mayRepeatAfter, restrictionMs } from '../../../engine/src/domain/restriction.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE_MS = 60_000;
const LOST = { state: 'failed', reason: 'connection_lost' } as const;

describe('healing', () => {
	it('waits half a minute, then twice as long each time', () => {
		const waits = [0, 1, 2, 3, 4].map((restarts) => {
			const healedAt = Array.from({ length: restarts }, (_, i) => NOON - MINUTE_MS - i);
			const plan = planHealing(LOST, DEFAULT_HEAL_POLICY, healedAt, NOON);
			return plan.type === 'restart' ? plan.at - NOON : undefined;
		});

		expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 480_000]);
	});

	it('is exhausted when the restarts of the hour are spent, until the oldest is an hour old', () => {
		const oldest = NOON - 50 * MINUTE_MS;
		const healedAt = [oldest, ...Array.from({ length: 5 }, () => NOON - MINUTE_MS)];

		const plan = planHealing(LOST, DEFAULT_HEAL_POLICY, healedAt, NOON);

		expect(plan).toEqual({ type: 'exhausted', at: oldest + HOUR_MS });
	});

	it.each([
		'banned',
		'client_outdated',
		'identity_mismatch',
		'passkey_required',
		'replaced',
	] as const)('does nothing about %s, which no restart mends', (reason) => {
		expect(isTransient(reason)).toBe(false);
		expect(planHealing({ state: 'failed', reason }, DEFAULT_HEAL_POLICY, [], NOON)).toEqual({
			type: 'none',
		});
	});

	it('touches nothing but what has failed, and nothing at all when it is switched off', () => {
		for (const state of ['stopped', 'logged_out', 'connected', 'pending', 'qr'] as const) {
			const plan = planHealing({ ...LOST, state }, DEFAULT_HEAL_POLICY, [], NOON);
			expect(plan).toEqual({ type: 'none' });
		}
		const off = { ...DEFAULT_HEAL_POLICY, enabled: false };
		expect(planHealing(LOST, off, [], NOON)).toEqual({ type: 'none' });
	});

	it('never restarts more often within an hour than the policy allows', () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 10 }), (maxRestartsPerHour) => {
				const policy = { enabled: true, maxRestartsPerHour };
				let now = NOON;
				let healedAt: number[] = [];
				for (let i = 0; i < 40; i++) {
					const plan = planHealing(LOST, policy, healedAt, now);
					if (plan.type === 'none') break;
					now = Math.max(plan.at, now + 1);
					if (plan.type === 'restart') healedAt = [...withinLastHour(healedAt, now), now];
					expect(withinLastHour(healedAt, now).length).toBeLessThanOrEqual(maxRestartsPerHour);
				}
			}),
		);
	});
});

describe('alerts', () => {
	it('come after 5 and 30 minutes, then every six hours', () => {
		let at = NOON;
		const minutes = [1, 2, 3, 4].map((level) => {
			at = afterAlert(level, at).dueAt!;
			return (at - NOON) / MINUTE_MS;
		});

		expect(minutes).toEqual([5, 30, 390, 750]);
	});

	it('are for states that somebody has to end', () => {
		expect((['qr', 'logged_out', 'failed'] as const).every(needsPerson)).toBe(true);
		expect((['stopped', 'connected', 'reconnecting', 'pending'] as const).some(needsPerson)).toBe(
			false,
		);
	});
});

describe('a restriction', () => {
	it('holds for minutes after 429 and for an hour after 463, and after no other code', () => {
		expect(restrictionMs(429)).toBe(5 * MINUTE_MS);
		expect(restrictionMs(463)).toBe(60 * MINUTE_MS);
		expect(restrictionMs(479)).toBeUndefined();
	});

	it('lets a throttled message be sent again, and a refused one not', () => {
		expect(mayRepeatAfter(429)).toBe(true);
		expect(mayRepeatAfter(463)).toBe(false);
	});
});
