/**
 * One phone or all of WhatsApp? A drop is a connection lost against everyone's wish. It is part of
 * an incident when enough other instances dropped close to it for the same reason: then the cause
 * lies where they meet, and no phone needs looking after.
 *
 * Whose instances the others are does not matter, for nobody is told more than the flag. Live and
 * test instances never count for each other: they have no network in common.
 */
import type { InstanceState, StatusReason } from './instance.ts';

export interface StateChange {
	readonly from: InstanceState;
	readonly to: InstanceState;
	readonly reason: StatusReason | null;
	readonly at: number;
}

/** A change of state that ended a connection nobody meant to end. */
export type Drop = StateChange & { readonly from: 'connected'; readonly reason: StatusReason };

export interface IncidentRule {
	/** How many instances beside the one that is looked at. */
	readonly otherInstances: number;
	/** How far before or after it they dropped, both ends included. */
	readonly withinMs: number;
}

export const INCIDENT: IncidentRule = { otherInstances: 2, withinMs: 60_000 };

/** The reasons of what a caller asked for, or what the engine was told to do at that hour. */
const BY_CHOICE: ReadonlySet<StatusReason> = new Set<StatusReason>([
	'stopped_by_user',
	'restarted_by_user',
	'logged_out_by_user',
	'healed',
]);

export function isByChoice(reason: StatusReason | null): boolean {
	return reason !== null && BY_CHOICE.has(reason);
}

export function isDrop<Change extends StateChange>(change: Change): change is Change & Drop {
	return change.from === 'connected' && change.reason !== null && !isByChoice(change.reason);
}
