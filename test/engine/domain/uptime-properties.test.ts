import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isByChoice } from '../../../engine/src/domain/incident.ts';
import {
	CONTRACT_STATUS,
	type InstanceState,
	type StatusReason,
} from '../../../engine/src/domain/instance.ts';
import {
	measureUptime,
	type InstanceHistory,
	type TimeRange,
	type Uptime,
} from '../../../engine/src/domain/uptime.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.UTC(2026, 0, 1, 12);

/** Every instant is a multiple of it, so that `lookAtEveryMoment` misses nothing. */
const MOMENT = 5 * MINUTE;

const STATES = Object.keys(CONTRACT_STATUS) as InstanceState[];
const REASONS = [
	null,
	'connection_lost',
	'replaced',
	'banned',
	'engine_restarted',
	'pairing_timed_out',
	'stopped_by_user',
	'restarted_by_user',
	'logged_out_by_user',
	'healed',
] as const satisfies readonly (StatusReason | null)[];

describe('uptime of any history', () => {
	it('is what looking at every moment finds', () => {
		fc.assert(
			fc.property(anyHistory(), anyRange(), (history, range) => {
				const uptime = measureUptime(history, range);

				expect(uptime).toMatchObject(lookAtEveryMoment(history, range));
			}),
		);
	});

	it('is connected no longer than observed, and observed no longer than the range', () => {
		fc.assert(
			fc.property(anyHistory(), anyRange(), (history, range) => {
				const uptime = measureUptime(history, range);

				for (const { connectedMs, observedMs } of [uptime, ...uptime.hourly]) {
					expect(connectedMs).toBeGreaterThanOrEqual(0);
					expect(connectedMs).toBeLessThanOrEqual(observedMs);
				}
				expect(uptime.observedMs).toBeLessThanOrEqual(range.to - range.from);
				for (const { observedMs } of uptime.hourly) expect(observedMs).toBeLessThanOrEqual(HOUR);
			}),
		);
	});

	it('is the sum of its hours', () => {
		fc.assert(
			fc.property(anyHistory(), anyRange(), (history, range) => {
				const { hourly, connectedMs, observedMs } = measureUptime(history, range);

				expect(total(hourly, 'connectedMs')).toBe(connectedMs);
				expect(total(hourly, 'observedMs')).toBe(observedMs);
				expect(hourly.map(({ at }) => at)).toEqual(
					hourly.map((_, index) => Math.floor(range.from / HOUR) * HOUR + index * HOUR),
				);
			}),
		);
	});

	it('adds up when its range is split', () => {
		fc.assert(
			fc.property(anyHistory(), anyRange(), fc.nat({ max: 100 }), (history, range, percent) => {
				const middle = range.from + Math.floor(((range.to - range.from) * percent) / 100);

				const parts = [
					measureUptime(history, { from: range.from, to: middle }),
					measureUptime(history, { from: middle, to: range.to }),
				];

				const whole = measureUptime(history, range);
				expect(total(parts, 'connectedMs')).toBe(whole.connectedMs);
				expect(total(parts, 'observedMs')).toBe(whole.observedMs);
				expect(addUp(parts.map(({ disconnects }) => disconnects))).toEqual(whole.disconnects);
			}),
		);
	});

	it('needs of the past no more than the last change before the range', () => {
		fc.assert(
			fc.property(anyHistory(), anyRange(), (history, range) => {
				const past = history.changes.findLastIndex(({ at }) => at < range.from);
				const short = { ...history, changes: history.changes.slice(Math.max(0, past)) };

				expect(measureUptime(short, range)).toEqual(measureUptime(history, range));
			}),
		);
	});
});

function anyInstant(): fc.Arbitrary<number> {
	return fc.integer({ min: 0, max: 2 * 24 * 12 }).map((moment) => NOON + moment * MOMENT);
}

function anyHistory(): fc.Arbitrary<InstanceHistory> {
	const step = fc.record({
		at: anyInstant(),
		to: fc.constantFrom(...STATES),
		reason: fc.constantFrom(...REASONS),
	});
	return fc
		.record({
			steps: fc.array(step, { maxLength: 25 }),
			createdAt: anyInstant(),
			knownUntil: anyInstant(),
		})
		.map(({ steps, createdAt, knownUntil }) => {
			let from: InstanceState = 'pending';
			const changes = steps
				.toSorted((a, b) => a.at - b.at)
				.filter(({ at }) => at >= createdAt)
				.map((one) => {
					const change = { from, ...one };
					from = one.to;
					return change;
				});
			return { createdAt, knownUntil, changes };
		});
}

function anyRange(): fc.Arbitrary<TimeRange> {
	return fc
		.tuple(anyInstant(), anyInstant())
		.map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
}

/** The same by a second, slower way. */
function lookAtEveryMoment(
	{ createdAt, knownUntil, changes }: InstanceHistory,
	{ from, to }: TimeRange,
): Pick<Uptime, 'connectedMs' | 'observedMs'> {
	let [connectedMs, observedMs] = [0, 0];
	for (let at = from; at < to; at += MOMENT) {
		if (at < createdAt || at >= knownUntil) continue;
		const last = changes.findLast((change) => change.at <= at);
		if (!last || last.to === 'pending') continue;
		const isIdle = last.to === 'stopped' || last.to === 'logged_out' || last.to === 'failed';
		if (isIdle && isByChoice(last.reason)) continue;
		observedMs += MOMENT;
		if (last.to === 'connected') connectedMs += MOMENT;
	}
	return { connectedMs, observedMs };
}

function total<Key extends string>(parts: readonly Readonly<Record<Key, number>>[], key: Key) {
	return parts.reduce((sum, part) => sum + part[key], 0);
}

function addUp(parts: readonly Uptime['disconnects'][]): Uptime['disconnects'] {
	const sum: Partial<Record<StatusReason, number>> = {};
	for (const [reason, count] of parts.flatMap((part) => Object.entries(part))) {
		sum[reason as StatusReason] = (sum[reason as StatusReason] ?? 0) + count;
	}
	return sum;
}
