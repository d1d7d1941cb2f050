import { describe, expect, it } from '@jest/globals';
import type { NewEvent } from '../../../engine/src/domain/events.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import {
	DEFAULT_FILTERS,
	wants,
	type ChatTypeFilter,
	type EventFilters,
	type Subscription,
} from '../../../engine/src/domain/subscription.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const SHOP: InstanceId = 'inst_shop';
const STORE: InstanceId = 'inst_store';

const CHATS = {
	direct: '5511987654321@s.whatsapp.net',
	hidden: '123456789012345@lid',
	group: '120363000000000000@g.us',
	status: 'status@broadcast',
	newsletter: '120363000000000001@newsletter',
} as const;

const EVENTS: Readonly<Record<string, NewEvent>> = {
	direct: received('direct'),
	hidden: received('hidden'),
	group: received('group'),
	status: received('status'),
	newsletter: received('newsletter'),
	ownDirect: received('direct', { fromMe: true }),
	ownGroup: received('group', { fromMe: true }),
	ownStatus: received('status', { fromMe: true }),
	sent: {
		event: 'message.sent',
		occurredAt: NOON,
		chat: CHATS.group,
		data: { message_id: 'msg_1', to: CHATS.group, client_ref: null, sent_at: '' },
	},
	qr: {
		event: 'qr.updated',
		occurredAt: NOON,
		data: { qr: 'data:,', code: 'code', expires_at: '' },
	},
};

/** Which of the events above pass, for an endpoint that asks for all of them. */
const FILTERED: readonly (readonly [string, Partial<EventFilters>, string])[] = [
	['no filter of its own', {}, 'direct hidden group ownDirect ownGroup sent qr'],
	['direct chats only', { chatType: 'direct_only' }, 'direct hidden ownDirect qr'],
	['groups only', { chatType: 'groups_only' }, 'group ownGroup sent qr'],
	['nothing of its own', { ignoreFromMe: true }, 'direct hidden group sent qr'],
	[
		'statuses as well',
		{ ignoreStatus: false },
		'direct hidden group status ownDirect ownGroup ownStatus sent qr',
	],
	[
		'statuses of others as well',
		{ ignoreStatus: false, ignoreFromMe: true },
		'direct hidden group status sent qr',
	],
	[
		'newsletters as well',
		{ ignoreNewsletters: false },
		'direct hidden group newsletter ownDirect ownGroup sent qr',
	],
	[
		'direct chats only, whatever it says of the rest',
		{ chatType: 'direct_only', ignoreStatus: false, ignoreNewsletters: false },
		'direct hidden ownDirect qr',
	],
	[
		'groups only, without its own',
		{ chatType: 'groups_only', ignoreFromMe: true, ignoreStatus: false },
		'group sent qr',
	],
];

describe('an endpoint', () => {
	it.each(FILTERED)('that asks for %s gets just that', (_, filters, expected) => {
		const endpoint = subscription({ filters: { ...DEFAULT_FILTERS, ...filters } });

		const passing = Object.entries(EVENTS).filter(([, event]) => wants(endpoint, event, SHOP));

		expect(passing.map(([name]) => name).join(' ')).toBe(expected);
	});

	it.each<readonly [Subscription['events'], string]>([
		[['*'], 'direct sent qr'],
		[['message.received'], 'direct'],
		[['message.sent', 'qr.updated'], 'sent qr'],
		[['instance.connected'], ''],
		[[], ''],
	])('that asks for %j gets these events and no others', (events, expected) => {
		const endpoint = subscription({ events });

		const passing = ['direct', 'sent', 'qr'].filter((name) => wants(endpoint, EVENTS[name]!, SHOP));

		expect(passing.join(' ')).toBe(expected);
	});

	it.each<readonly [string, InstanceId[], boolean, boolean]>([
		['no instance', [], true, true],
		['one instance', [SHOP], true, false],
		['another instance', [STORE], false, true],
		['both instances', [STORE, SHOP], true, true],
	])('that names %s gets the events of those', (_, instanceIds, ofShop, ofStore) => {
		const endpoint = subscription({ instanceIds });

		expect(wants(endpoint, EVENTS['direct']!, SHOP)).toBe(ofShop);
		expect(wants(endpoint, EVENTS['direct']!, STORE)).toBe(ofStore);
	});

	it.each<readonly [InstanceId[], ChatTypeFilter]>([
		[[], 'all'],
		[[SHOP], 'direct_only'],
	])('of instances %j hears of an event that is about no instance', (instanceIds, chatType) => {
		const endpoint = subscription({
			instanceIds,
			filters: { ...DEFAULT_FILTERS, chatType },
		});
		const event: NewEvent = {
			event: 'endpoint.disabled',
			occurredAt: NOON,
			data: { endpoint_id: 'wh_1', reason: 'gone', failing_since: null },
		};

		expect(wants(endpoint, event, null)).toBe(true);
		expect(wants({ ...endpoint, events: ['qr.updated'] }, event, null)).toBe(false);
	});
});

function subscription(changes: Partial<Subscription> = {}): Subscription {
	return { events: ['*'], instanceIds: [], filters: DEFAULT_FILTERS, ...changes };
}

function received(chat: keyof typeof CHATS, { fromMe = false } = {}): NewEvent {
	const type = chat === 'hidden' ? 'direct' : chat;
	return {
		event: 'message.received',
		occurredAt: NOON,
		chat: CHATS[chat],
		data: {
			message_id: 'msg_1',
			from: '5511987654321',
			from_jid: CHATS.direct,
			from_lid: null,
			push_name: null,
			chat_id: CHATS[chat],
			chat_type: type,
			from_me: fromMe,
			body: { type: 'text', text: 'Hello' },
			received_at: '',
		},
	};
}
