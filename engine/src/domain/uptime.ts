/**
 * How well an instance kept its connection, told from the changes of its state.
 *
 * The measure is the time in which it was meant to run: from its start on, whether it connects,
 * waits for a scan, has failed or was unlinked. Time in which it waits to be started or was stopped
 * by choice says nothing about the connection and counts neither for nor against it.
 *
 *   pending │ starting  connected │ reconnecting │ connected │ stopped by choice │ …
 *           │◀──────────────────── observed ────────────────▶│
 *                      │◀────────▶│              │◀────────▶│   connected
 *                                 │◀── outage ──▶│               (from a drop until it is back)
 */
import { isByChoice, isDrop, type Drop, type StateChange } from './incident.ts';
import { NEW_INSTANCE, isRunning, type InstanceState, type StatusReason } from './instance.ts';

/** From `from` up to, and not including, `to`. */
export interface TimeRange {
	readonly from: number;
	readonly to: number;
}

export interface InstanceHistory {
	readonly createdAt: number;
	/** Nothing is known of it from here on: it is the present, or the instance was deleted. */
	readonly knownUntil: number;
	/** In the order in which they happened, from the last one before the range on at the latest. */
	readonly changes: readonly StateChange[];
}

export interface ObservedTime {
	readonly connectedMs: number;
	readonly observedMs: number;
}

/** One hour of the clock in UTC, as far as it lies within the range. */
export interface HourlyUptime extends ObservedTime {
	/** When the hour begins, also where the range begins later. */
	readonly at: number;
}

export interface Uptime extends ObservedTime {
	/** Over the outages that both began and ended with a connection within the range. */
	readonly meanTimeToRecoveryMs: number | null;
	/** How many drops there were, by their reason. */
	readonly disconnects: Readonly<Partial<Record<StatusReason, number>>>;
	/** Every hour that the range touches, oldest first. They add up to the whole. */
	readonly hourly: readonly HourlyUptime[];
}

const HOUR_MS = 60 * 60_000;

export function measureUptime(history: InstanceHistory, range: TimeRange): Uptime {
	const hourly = hoursOf(range);
	for (const stay of staysOf(history, range)) {
		if (isMeantToRun(stay.state, stay.reason)) record(stay, hourly);
	}
	const disconnects: Partial<Record<StatusReason, number>> = {};
	for (const { reason } of dropsWithin(history.changes, range)) {
		disconnects[reason] = (disconnects[reason] ?? 0) + 1;
	}
	return {
		connectedMs: sum(hourly.map(({ connectedMs }) => connectedMs)),
		observedMs: sum(hourly.map(({ observedMs }) => observedMs)),
		meanTimeToRecoveryMs: mean(recoveryTimes(history.changes, range)),
		disconnects,
		hourly,
	};
}

/**
 * Cut off after three decimals, so that 100 stands for every single millisecond. `null` when the
 * instance was not meant to run at all.
 */
export function uptimePercent({ connectedMs, observedMs }: ObservedTime): number | null {
	return observedMs === 0 ? null : Math.floor((connectedMs * 100_000) / observedMs) / 1_000;
}

export function dropsWithin<Change extends StateChange>(
	changes: readonly Change[],
	range: TimeRange,
): (Change & Drop)[] {
	return changes.filter((change) => isWithin(range, change)).filter(isDrop);
}

/** Time spent in one state. */
interface Stay extends TimeRange {
	readonly state: InstanceState;
	readonly reason: StatusReason | null;
}

/** A change that a clock put before the one that it followed counts from that one's instant. */
function* staysOf(
	{ createdAt, knownUntil, changes }: InstanceHistory,
	range: TimeRange,
): Generator<Stay> {
	const end = Math.min(range.to, knownUntil);
	let { state, reason } = NEW_INSTANCE;
	let from = Math.max(range.from, createdAt);
	for (const change of changes) {
		const to = Math.min(change.at, end);
		if (to > from) {
			yield { state, reason, from, to };
			from = to;
		}
		({ to: state, reason } = change);
	}
	if (end > from) yield { state, reason, from, to: end };
}

function isMeantToRun(state: InstanceState, reason: StatusReason | null): boolean {
	return isRunning(state) || (state !== 'pending' && !isByChoice(reason));
}

type Hour = { -readonly [Key in keyof HourlyUptime]: HourlyUptime[Key] };

function hoursOf({ from, to }: TimeRange): Hour[] {
	const first = Math.floor(from / HOUR_MS);
	const count = Math.max(0, Math.ceil(to / HOUR_MS) - first);
	return Array.from({ length: count }, (_, index) => ({
		at: (first + index) * HOUR_MS,
		connectedMs: 0,
		observedMs: 0,
	}));
}

function record({ state, from, to }: Stay, hours: readonly Hour[]): void {
	const [first] = hours;
	if (!first) return;
	const touched = hours.slice(
		Math.floor((from - first.at) / HOUR_MS),
		Math.ceil((to - first.at) / HOUR_MS),
	);
	for (const hour of touched) {
		const ms = Math.min(to, hour.at + HOUR_MS) - Math.max(from, hour.at);
		hour.observedMs += ms;
		if (state === 'connected') hour.connectedMs += ms;
	}
}

/**
 * How long each outage lasted. One that is not over has no end to measure, and one that ended with
 * a stop, or with codes that nobody scanned, was given up and not recovered from.
 */
function recoveryTimes(changes: readonly StateChange[], range: TimeRange): number[] {
	const times: number[] = [];
	let droppedAt: number | undefined;
	for (const change of changes) {
		if (!isWithin(range, change)) continue;
		if (isDrop(change)) droppedAt = change.at;
		const isBack = change.to === 'connected';
		if (isBack && droppedAt !== undefined) times.push(Math.max(0, change.at - droppedAt));
		if (isBack || !isMeantToRun(change.to, change.reason)) droppedAt = undefined;
	}
	return times;
}

function isWithin({ from, to }: TimeRange, { at }: StateChange): boolean {
	return at >= from && at < to;
}

function mean(values: readonly number[]): number | null {
	return values.length === 0 ? null : Math.round(sum(values) / values.length);
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}
