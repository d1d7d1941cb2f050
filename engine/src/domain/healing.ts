/**
 * What the engine does by itself for an instance that has failed: it restarts it after half a
 * minute, then after longer and longer, and not more often within an hour than its policy allows.
 * It does so only where a restart can help. A ban, an outdated client or the wrong phone are for
 * a person to mend, and what was stopped on purpose stays stopped.
 */
import type { InstanceState, StatusReason } from './instance.ts';

export interface HealingPolicy {
	readonly enabled: boolean;
	readonly maxRestartsPerHour: number;
}

export const DEFAULT_HEAL_POLICY = {
	enabled: true,
	maxRestartsPerHour: 6,
	scheduledRestart: null,
} as const;

export const HOUR_MS = 60 * 60_000;

/** Wawp's advice, and long enough for a network to come back. */
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;

const TRANSIENT: ReadonlySet<StatusReason> = new Set<StatusReason>([
	'connection_lost',
	'connection_timed_out',
	'restart_required',
	'server_error',
	'service_unavailable',
	'stuck',
]);

export function isTransient(reason: StatusReason | null): boolean {
	return reason !== null && TRANSIENT.has(reason);
}

export type HealPlan =
	| { readonly type: 'none' }
	| { readonly type: 'restart'; readonly at: number }
	/** The hour's restarts are spent; the next one may be at `at`. */
	| { readonly type: 'exhausted'; readonly at: number };

/** The instants that still count against the hour. */
export function withinLastHour(healedAt: readonly number[], now: number): number[] {
	return healedAt.filter((at) => at > now - HOUR_MS);
}

export function planHealing(
	{ state, reason }: { readonly state: InstanceState; readonly reason: StatusReason | null },
	policy: HealingPolicy,
	healedAt: readonly number[],
	now: number,
): HealPlan {
	if (!policy.enabled || state !== 'failed' || !isTransient(reason)) return { type: 'none' };
	const recent = withinLastHour(healedAt, now);
	const [oldest] = recent;
	if (recent.length >= policy.maxRestartsPerHour) {
		return oldest === undefined ? { type: 'none' } : { type: 'exhausted', at: oldest + HOUR_MS };
	}
	const waitMs = Math.min(FIRST_WAIT_MS * 2 ** recent.length, LONGEST_WAIT_MS);
	return { type: 'restart', at: now + waitMs };
}
