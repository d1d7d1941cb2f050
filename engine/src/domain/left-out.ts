import type { EventName, NewEvent } from './events.ts';
import type { InstanceId } from './ids.ts';
import { wants, type Subscription } from './subscription.ts';

/** An event as it was stored; `body` is its envelope's text, `null` when that is no longer kept. */
export interface PastEvent {
	readonly event: EventName;
	readonly instanceId: InstanceId | null;
	readonly body: string | null;
}

export type EventCounts = Readonly<Partial<Record<EventName, number>>>;

export interface LeftOut {
	readonly wanted: number;
	/** Not among the names that it asks for. */
	readonly notSubscribed: EventCounts;
	/** Of instances that it does not listen to. */
	readonly ofOtherInstances: EventCounts;
	/** Left out by the filters of chats and senders. */
	readonly filtered: EventCounts;
}

type Reason = Exclude<keyof LeftOut, 'wanted'>;

/** Which of these events an endpoint does not get, by the first reason that there is for it. */
export function leftOut(subscription: Subscription, events: readonly PastEvent[]): LeftOut {
	const counts = { notSubscribed: {}, ofOtherInstances: {}, filtered: {} } satisfies Record<
		Reason,
		EventCounts
	>;
	let wanted = 0;
	for (const past of events) {
		const reason = reasonFor(subscription, past);
		if (reason === undefined) {
			wanted += 1;
			continue;
		}
		const byName: Partial<Record<EventName, number>> = counts[reason];
		byName[past.event] = (byName[past.event] ?? 0) + 1;
	}
	return { wanted, ...counts };
}

function reasonFor(subscription: Subscription, past: PastEvent): Reason | undefined {
	const { event, instanceId } = past;
	const restored = restore(past);
	if (wants(subscription, restored, instanceId)) return undefined;
	const everywhere = { ...subscription, instanceIds: [] };
	if (wants(everywhere, restored, instanceId)) return 'ofOtherInstances';
	const isNamed = subscription.events.includes('*') || subscription.events.includes(event);
	return isNamed ? 'filtered' : 'notSubscribed';
}

/** As far as a subscription looks at it. Without its body, filters of chats and senders let it pass. */
function restore({ event, body }: PastEvent): NewEvent {
	const data = body === null ? {} : (JSON.parse(body) as { data: Record<string, unknown> }).data;
	const chat = 'chat_id' in data ? String(data['chat_id']) : undefined;
	return { event, occurredAt: 0, data, ...(chat && { chat }) } as unknown as NewEvent;
}
