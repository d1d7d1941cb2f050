import { describe, expect, it } from '@jest/globals';
import type { StateChange } from '../../../engine/src/domain/incident.ts';
import type { InstanceState, StatusReason } from '../../../engine/src/domain/instance.ts';
import {
	dropsWithin,
	measureUptime,
	uptimePercent,
	type TimeRange,
} from '../../../engine/src/domain/uptime.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 0, 1, 12);
const TODAY: TimeRange = { from: NOON - 12 * HOUR, to: NOON + 12 * HOUR };

describe('uptime', () => {
	it('is the share of the time it was meant to run in which it was connected', () => {
		const uptime = measure([
			[0, 'starting'],
			[1, 'connected'],
			[61, 'reconnecting', 'connection_lost'],
			[62, 'connected'],
			[100, 'stopped', 'stopped_by_user'],
		]);

		expect(uptime.observedMs).toBe(100 * MINUTE);
		expect(uptime.connectedMs).toBe(98 * MINUTE);
		expect(uptimePercent(uptime)).toBe(98);
	});

	it('goes on in the state that the range began with', () => {
		const changes = walk([
			[-3 * 60, 'starting'],
			[-2 * 60, 'connected'],
			[30, 'reconnecting', 'connection_lost'],
		]);

		const uptime = measureUptime(
			{ createdAt: 0, knownUntil: Infinity, changes },
			{ from: NOON, to: NOON + HOUR },
		);

		expect(uptime).toMatchObject({ connectedMs: 30 * MINUTE, observedMs: HOUR });
	});

	it.each<[InstanceState, StatusReason | null]>([
		['pending', null],
		['pending', 'pairing_timed_out'],
		['stopped', 'stopped_by_user'],
		['logged_out', 'logged_out_by_user'],
	])('leaves out time spent %s (%s)', (state, reason) => {
		expect(timeIn(state, reason)).toEqual({ connectedMs: 0, observedMs: 0 });
	});

	it.each<[InstanceState, StatusReason | null]>([
		['starting', null],
		['starting', 'restarted_by_user'],
		['qr', null],
		['reconnecting', 'connection_lost'],
		['reconnecting', 'healed'],
		['stopped', 'replaced'],
		['logged_out', 'logged_out'],
		['failed', 'banned'],
	])('counts time spent %s (%s) against it', (state, reason) => {
		expect(timeIn(state, reason)).toEqual({ connectedMs: 0, observedMs: HOUR });
	});

	it('is unknown for an instance that was never meant to run', () => {
		const uptime = measure([]);

		expect(uptimePercent(uptime)).toBeNull();
		expect(uptime.hourly.map(uptimePercent)).toEqual(Array(24).fill(null));
	});

	it('is not rounded up to what was not reached', () => {
		expect(uptimePercent({ connectedMs: 30 * DAY - 1, observedMs: 30 * DAY })).toBe(99.999);
		expect(uptimePercent({ connectedMs: 30 * DAY, observedMs: 30 * DAY })).toBe(100);
		expect(uptimePercent({ connectedMs: 1, observedMs: 3 })).toBe(33.333);
	});

	it('leaves out what lies before the creation, after the end and in the future', () => {
		const changes = walk([[-60, 'connected']]);

		const uptime = measureUptime(
			{ createdAt: NOON - HOUR, knownUntil: NOON + 2 * HOUR, changes },
			TODAY,
		);

		expect(uptime).toMatchObject({ connectedMs: 3 * HOUR, observedMs: 3 * HOUR });
	});

	it('has a bucket for each hour of the clock that the range touches', () => {
		const changes = walk([[-60, 'connected']]);

		const { hourly } = measureUptime(
			{ createdAt: 0, knownUntil: NOON + 90 * MINUTE, changes },
			{ from: NOON + 15 * MINUTE, to: NOON + 3 * HOUR },
		);

		expect(hourly).toEqual([
			{ at: NOON, connectedMs: 45 * MINUTE, observedMs: 45 * MINUTE },
			{ at: NOON + HOUR, connectedMs: 30 * MINUTE, observedMs: 30 * MINUTE },
			{ at: NOON + 2 * HOUR, connectedMs: 0, observedMs: 0 },
		]);
	});

	it('has 744 buckets for 31 days', () => {
		const { hourly } = measure([[0, 'connected']], { from: NOON, to: NOON + 31 * DAY });

		expect(hourly).toHaveLength(744);
	});

	it('is measured in the order of the changes, also when the clock was set back', () => {
		const uptime = measure([
			[0, 'connected'],
			[20, 'reconnecting', 'connection_lost'],
			[10, 'connected'],
			[60, 'stopped', 'stopped_by_user'],
		]);

		expect(uptime).toMatchObject({
			connectedMs: HOUR,
			observedMs: HOUR,
			meanTimeToRecoveryMs: 0,
		});
	});
});

describe('the mean time to recovery', () => {
	it('is the mean from a drop to the next connection, however many states lie between', () => {
		const uptime = measure([
			[0, 'connected'],
			[10, 'reconnecting', 'connection_lost'],
			[12, 'connected'],
			[20, 'logged_out', 'logged_out'],
			[30, 'starting'],
			[31, 'qr'],
			[32, 'starting', 'restart_required'],
			[34, 'connected'],
		]);

		expect(uptime.meanTimeToRecoveryMs).toBe(8 * MINUTE);
	});

	it('leaves out an outage that is not over', () => {
		const uptime = measure([
			[0, 'connected'],
			[10, 'reconnecting', 'connection_lost'],
			[12, 'connected'],
			[20, 'failed', 'banned'],
		]);

		expect(uptime.meanTimeToRecoveryMs).toBe(2 * MINUTE);
		expect(uptime.disconnects).toEqual({ connection_lost: 1, banned: 1 });
	});

	it('leaves out an outage that was ended by choice', () => {
		const uptime = measure([
			[0, 'connected'],
			[10, 'failed', 'connection_lost'],
			[20, 'stopped', 'stopped_by_user'],
			[600, 'starting'],
			[601, 'connected'],
		]);

		expect(uptime.meanTimeToRecoveryMs).toBeNull();
	});

	it('counts an outage that a restart by hand ended', () => {
		const uptime = measure([
			[0, 'connected'],
			[10, 'failed', 'connection_lost'],
			[20, 'starting', 'restarted_by_user'],
			[21, 'connected'],
		]);

		expect(uptime.meanTimeToRecoveryMs).toBe(11 * MINUTE);
	});

	it('knows of no recovery from what was done by choice', () => {
		const uptime = measure([
			[0, 'connected'],
			[10, 'reconnecting', 'restarted_by_user'],
			[11, 'connected'],
			[20, 'reconnecting', 'healed'],
			[21, 'connected'],
			[30, 'stopped', 'stopped_by_user'],
		]);

		expect(uptime.meanTimeToRecoveryMs).toBeNull();
		expect(uptime.disconnects).toEqual({});
	});
});

describe('disconnects', () => {
	it('are the connections lost within the range, by reason', () => {
		const changes = walk([
			[-60, 'connected'],
			[-1, 'reconnecting', 'server_error'],
			[-0.5, 'connected'],
			[0, 'reconnecting', 'connection_lost'],
			[1, 'connected'],
			[2, 'reconnecting', 'connection_lost'],
			[3, 'failed', 'banned'],
			[4, 'starting'],
			[5, 'connected'],
			[60, 'reconnecting', 'service_unavailable'],
		]);
		const range = { from: NOON, to: NOON + HOUR };

		const { disconnects } = measureUptime({ createdAt: 0, knownUntil: Infinity, changes }, range);

		expect(disconnects).toEqual({ connection_lost: 2 });
		expect(dropsWithin(changes, range)).toEqual([changes[3], changes[5]]);
	});
});

type Step = readonly [minute: number, to: InstanceState, reason?: StatusReason];

/** Changes at these minutes after noon, each from the state that the one before led to. */
function walk(steps: readonly Step[]): StateChange[] {
	let from: InstanceState = 'pending';
	return steps.map(([minute, to, reason = null]) => {
		const change = { from, to, reason, at: NOON + minute * MINUTE };
		from = to;
		return change;
	});
}

function measure(
	steps: readonly (readonly [number, InstanceState, StatusReason?])[],
	range = TODAY,
) {
	return measureUptime({ createdAt: 0, knownUntil: Infinity, changes: walk(steps) }, range);
}

function timeIn(state: InstanceState, reason: StatusReason | null) {
	const changes = [{ from: 'starting' as const, to: state, reason, at: NOON }];
	const history = { createdAt: 0, knownUntil: Infinity, changes };
	const { connectedMs, observedMs } = measureUptime(history, { from: NOON, to: NOON + HOUR });
	return { connectedMs, observedMs };
}
