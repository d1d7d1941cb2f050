import { afterAlert, needsPerson, NO_ATTENTION, type Attention } from '../domain/attention.ts';
import type { EventData, NewEvent } from '../domain/events.ts';
import { isRunning, SESSION_STATUS, type InstanceStatus } from '../domain/instance.ts';
import type { Account, Instance } from './ports.ts';

export interface TransitionContext {
	readonly at: number;
	/** WhatsApp's close code, when one caused the change. */
	readonly closeCode: number | null;
	readonly account: Account | null;
}

/**
 * The events that a change of status calls for, in the order in which they are told. A status that
 * stays the same calls for none, and an instance that was never connected is not reported as
 * disconnected.
 */
export function transitionEvents(
	instance: Pick<Instance, 'name' | 'status'>,
	after: InstanceStatus,
	{ at, closeCode, account }: TransitionContext,
): NewEvent[] {
	const before = instance.status;
	if (before.state === after.state) return [];
	const occurredAt = at;
	const events: NewEvent[] = [
		{
			event: 'session.status',
			occurredAt,
			data: {
				name: instance.name,
				status: SESSION_STATUS[after.state],
				state: after.state,
				reason: after.reason,
				previous: before.state,
			},
		},
	];
	const wasUp = before.state === 'connected' || before.state === 'reconnecting';
	if (after.state === 'connected' && account) {
		events.push({ event: 'instance.connected', occurredAt, data: connectedData(account) });
	} else if (wasUp) {
		events.push({
			event: 'instance.disconnected',
			occurredAt,
			data: {
				reason: after.reason ?? 'stopped_by_user',
				will_reconnect: isRunning(after.state),
				close_code: closeCode,
			},
		});
	}
	if (after.state === 'failed') {
		const data = { reason: after.reason ?? 'connection_lost', close_code: closeCode };
		events.push({ event: 'instance.failed', occurredAt, data });
	}
	if (needsPerson(after.state)) {
		events.push(attentionEvent(after, { level: 1, since: at, at }));
	}
	return events;
}

/** The alerts that are due after a change of status: the first one is among its events. */
export function attentionAfter(
	before: InstanceStatus,
	after: InstanceStatus,
	at: number,
): Attention | undefined {
	if (before.state === after.state) return undefined;
	return needsPerson(after.state) ? afterAlert(1, at) : NO_ATTENTION;
}

export function attentionEvent(
	{ state, reason }: InstanceStatus,
	{ level, since, at }: { readonly level: number; readonly since: number; readonly at: number },
): NewEvent {
	return {
		event: 'instance.needs_attention',
		occurredAt: at,
		data: { state, reason, level, waiting_ms: at - since, since: new Date(since).toISOString() },
	};
}

function connectedData(account: Account): EventData['instance.connected'] {
	return {
		phone_number: account.phoneNumber,
		jid: account.jid,
		lid: account.lid,
		push_name: account.pushName,
	};
}
