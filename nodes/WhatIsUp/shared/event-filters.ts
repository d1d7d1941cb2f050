import type { IDataObject, INodeProperties } from 'n8n-workflow';

export const chatsField: INodeProperties = {
	displayName: 'Chats',
	name: 'chats',
	type: 'options',
	options: [
		{ name: 'All', value: 'all', description: 'Chats with one person, and groups' },
		{ name: 'Direct Only', value: 'direct_only', description: 'Chats with one person' },
		{ name: 'Groups Only', value: 'groups_only', description: 'Group chats' },
	],
	default: 'all',
	description: 'Which chats the messages may come from. Events that are about no chat always come.',
};

export const ignoreNewslettersField: INodeProperties = {
	displayName: 'Ignore Newsletters',
	name: 'ignoreNewsletters',
	type: 'boolean',
	default: true,
	description: 'Whether to leave out what channels publish that the account follows',
};

export const ignoreStatusesField: INodeProperties = {
	displayName: 'Ignore Statuses',
	name: 'ignoreStatuses',
	type: 'boolean',
	default: true,
	description:
		'Whether to leave out the status updates of contacts, the pictures and texts that vanish after a day',
};

export const maxCallsField: INodeProperties = {
	displayName: 'Max Calls per Second',
	name: 'maxPerSecond',
	type: 'number',
	typeOptions: { minValue: 0, maxValue: 1000 },
	default: 0,
	description:
		'How many events a second are sent at most; the others wait for their turn. 0 means no limit.',
};

export const maximumAgeField: INodeProperties = {
	displayName: 'Maximum Age (Seconds)',
	name: 'maxAge',
	type: 'number',
	typeOptions: { minValue: 0 },
	default: 0,
	description:
		'How old an event may be when its turn comes, such as after an outage; older ones are dropped. 0 means that late is better than never.',
};

export const orderedField: INodeProperties = {
	displayName: 'Ordered',
	name: 'ordered',
	type: 'boolean',
	default: true,
	description:
		'Whether the events of one chat come one after another, in the order in which they happened. Turn off to get each as soon as possible.',
};

/**
 * What of these was set, as the engine takes it. A limit of 0 takes the limit away, and what was
 * not set is left out.
 */
export function eventFiltersOf(given: IDataObject): IDataObject {
	const { chats, ignoreFromMe, ignoreStatuses, ignoreNewsletters, ordered } = given;
	const { maxAge, maxPerSecond } = given;
	return {
		...(chats !== undefined && { chat_type_filter: chats }),
		...(ignoreFromMe !== undefined && { ignore_from_me: ignoreFromMe }),
		...(ignoreStatuses !== undefined && { ignore_status: ignoreStatuses }),
		...(ignoreNewsletters !== undefined && { ignore_newsletters: ignoreNewsletters }),
		...(ordered !== undefined && { ordered }),
		...(maxAge !== undefined && { max_age_seconds: Number(maxAge) || null }),
		...(maxPerSecond !== undefined && { max_per_second: Number(maxPerSecond) || null }),
	};
}
