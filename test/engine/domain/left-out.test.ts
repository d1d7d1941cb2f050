import { describe, expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { leftOut, type PastEvent } from '../../../engine/src/domain/left-out.ts';
import { DEFAULT_FILTERS, type Subscription } from '../../../engine/src/domain/subscription.ts';

const SHOP: InstanceId = 'inst_shop';
const OTHER: InstanceId = 'inst_other';

const EVERYTHING: Subscription = { events: ['*'], instanceIds: [], filters: DEFAULT_FILTERS };
const NOTHING = { notSubscribed: {}, ofOtherInstances: {}, filtered: {} };

describe('what an endpoint leaves out', () => {
	it('is nothing when it asks for everything', () => {
		const past = [received('5511987654321@s.whatsapp.net'), { ...qr, instanceId: null }];

		expect(leftOut(EVERYTHING, past)).toEqual({ wanted: 2, ...NOTHING });
	});

	it('is what it does not name, counted by name', () => {
		const past = [qr, qr, received('5511987654321@s.whatsapp.net')];

		expect(leftOut({ ...EVERYTHING, events: ['message.received'] }, past)).toEqual({
			wanted: 1,
			...{ ...NOTHING, notSubscribed: { 'qr.updated': 2 } },
		});
	});

	it('is what happened elsewhere', () => {
		const past = [qr, { ...qr, instanceId: OTHER }, { ...qr, instanceId: OTHER }];

		expect(leftOut({ ...EVERYTHING, instanceIds: [SHOP] }, past)).toEqual({
			wanted: 1,
			...{ ...NOTHING, ofOtherInstances: { 'qr.updated': 2 } },
		});
	});

	it.each([
		['a group', '120363000000000001@g.us', { chatType: 'direct_only' }],
		['a direct chat', '5511987654321@s.whatsapp.net', { chatType: 'groups_only' }],
		['a status', 'status@broadcast', {}],
		['a newsletter', '120363000000000002@newsletter', {}],
	] as const)('is what was written in %s when the filters say so', (_, chat, filters) => {
		const subscription = { ...EVERYTHING, filters: { ...DEFAULT_FILTERS, ...filters } };

		expect(leftOut(subscription, [received(chat)])).toEqual({
			wanted: 0,
			...{ ...NOTHING, filtered: { 'message.received': 1 } },
		});
	});

	it('is what the account wrote itself when the filters say so', () => {
		const subscription = { ...EVERYTHING, filters: { ...DEFAULT_FILTERS, ignoreFromMe: true } };
		const past = [received('5511987654321@s.whatsapp.net', true)];

		expect(leftOut(subscription, past)).toMatchObject({ filtered: { 'message.received': 1 } });
	});

	it('holds what is no longer kept to be wanted, as far as its name and instance go', () => {
		const forgotten = { ...received('status@broadcast'), body: null };

		expect(leftOut(EVERYTHING, [forgotten])).toEqual({ wanted: 1, ...NOTHING });
	});
});

const qr: PastEvent = { event: 'qr.updated', instanceId: SHOP, body: '{"data":{}}' };

function received(chat: string, fromMe = false): PastEvent {
	const body = JSON.stringify({ data: { chat_id: chat, from_me: fromMe } });
	return { event: 'message.received', instanceId: SHOP, body };
}
