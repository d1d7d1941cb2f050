import type { NewEvent } from '../domain/events.ts';
import { isRunning, type InstanceStatus } from '../domain/instance.ts';
import type { Account } from './ports.ts';

export interface TransitionContext {
	readonly at: number;
	/** WhatsApp's close code, when one caused the change. */
	readonly closeCode: number | null;
	readonly account: Account | null;
}

/**
 * The events that a change of status calls for. A status that stays the same calls for none, and an
 * instance that was never connected is not reported as disconnected.
 */
export function transitionEvents(
	before: InstanceStatus,
	after: InstanceStatus,
	{ at, closeCode, account }: TransitionContext,
): NewEvent[] {
	if (before.state === after.state) return [];
	if (after.state === 'connected' && account) {
		return [
			{
				event: 'instance.connected',
				occurredAt: at,
				data: {
					phone_number: account.phoneNumber,
					jid: account.jid,
					lid: account.lid,
					push_name: account.pushName,
				},
			},
		];
	}
	const wasUp = before.state === 'connected' || before.state === 'reconnecting';
	return wasUp
		? [
				{
					event: 'instance.disconnected',
					occurredAt: at,
					data: {
						reason: after.reason ?? 'stopped_by_user',
						will_reconnect: isRunning(after.state),
						close_code: closeCode,
					},
				},
			]
		: [];
}
