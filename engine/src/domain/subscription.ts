/**
 * Which events an endpoint wants. Decided where an event is written, so that what nobody wants
 * becomes no delivery at all.
 *
 * Statuses ("stories") and newsletters of other people are left out unless an endpoint asks for
 * them: a workflow that answers messages would otherwise answer every story.
 */
import { chatTypeOf } from './address.ts';
import type { EventName, NewEvent } from './events.ts';
import type { InstanceId } from './ids.ts';

/** What an endpoint may ask for: events by name, or all of them, those of later versions included. */
export type EventChoice = EventName | '*';

export const CHAT_TYPE_FILTERS = ['all', 'direct_only', 'groups_only'] as const;
export type ChatTypeFilter = (typeof CHAT_TYPE_FILTERS)[number];

export interface EventFilters {
	/** Counts for events about a chat; the others pass. */
	readonly chatType: ChatTypeFilter;
	/** What the account itself wrote on its phone. */
	readonly ignoreFromMe: boolean;
	readonly ignoreStatus: boolean;
	readonly ignoreNewsletters: boolean;
}

export const DEFAULT_FILTERS: EventFilters = {
	chatType: 'all',
	ignoreFromMe: false,
	ignoreStatus: true,
	ignoreNewsletters: true,
};

export interface Subscription {
	readonly events: readonly EventChoice[];
	/** Empty: every instance, those to come included. */
	readonly instanceIds: readonly InstanceId[];
	readonly filters: EventFilters;
}

/** `instanceId` is `null` for an event that is about no instance. */
export function wants(
	{ events, instanceIds, filters }: Subscription,
	event: NewEvent,
	instanceId: InstanceId | null,
): boolean {
	if (!events.includes('*') && !events.includes(event.event)) return false;
	const isElsewhere = instanceId !== null && !instanceIds.includes(instanceId);
	if (instanceIds.length > 0 && isElsewhere) return false;
	if (event.event === 'message.received' && event.data.from_me && filters.ignoreFromMe) {
		return false;
	}
	return event.chat === undefined || wantsChat(filters, event.chat);
}

function wantsChat(filters: EventFilters, chat: string): boolean {
	switch (chatTypeOf(chat)) {
		case 'direct':
			return filters.chatType !== 'groups_only';
		case 'group':
			return filters.chatType !== 'direct_only';
		case 'status':
			return filters.chatType === 'all' && !filters.ignoreStatus;
		case 'newsletter':
			return filters.chatType === 'all' && !filters.ignoreNewsletters;
	}
}
