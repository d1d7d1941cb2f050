import { describe, expect, it } from '@jest/globals';
import {
	chatTypeOf,
	isGroup,
	parseRecipient,
	phoneOf,
	withoutDevice,
} from '../../../engine/src/domain/address.ts';

describe('a recipient', () => {
	it.each([
		['5511999999999', '5511999999999@s.whatsapp.net'],
		['+55 (11) 99999-9999', '5511999999999@s.whatsapp.net'],
		[' 5511999999999 ', '5511999999999@s.whatsapp.net'],
		['5511999999999@s.whatsapp.net', '5511999999999@s.whatsapp.net'],
		['5511999999999:3@s.whatsapp.net', '5511999999999@s.whatsapp.net'],
		['5511999999999@c.us', '5511999999999@s.whatsapp.net'],
		['184756372819@lid', '184756372819@lid'],
		['120363025246125486@g.us', '120363025246125486@g.us'],
		['5511999999999-1612345678@g.us', '5511999999999-1612345678@g.us'],
	])('%s stands for %s', (to, jid) => {
		expect(parseRecipient(to)).toBe(jid);
	});

	it.each([
		'',
		'Maria',
		'123',
		'1234567890123456',
		'55119999@evil.example',
		'status@broadcast',
		'120363144038483540@newsletter',
		'+',
	])('"%s" is nobody', (to) => {
		expect(parseRecipient(to)).toBeUndefined();
	});
});

describe('an address', () => {
	it('gives its phone number, if it has one', () => {
		expect(phoneOf('5511999999999:12@s.whatsapp.net')).toBe('5511999999999');
		expect(phoneOf('184756372819@lid')).toBeUndefined();
		expect(phoneOf('120363025246125486@g.us')).toBeUndefined();
	});

	it('is that of a person without the device', () => {
		expect(withoutDevice('184756372819:3@lid')).toBe('184756372819@lid');
		expect(withoutDevice('184756372819@lid')).toBe('184756372819@lid');
	});

	it.each([
		['5511999999999@s.whatsapp.net', 'direct'],
		['184756372819@lid', 'direct'],
		['120363025246125486@g.us', 'group'],
		['5511999999999-1612345678@g.us', 'group'],
		['status@broadcast', 'status'],
		['120363144038483540@newsletter', 'newsletter'],
	])('%s is that of a chat of type %s', (jid, type) => {
		expect(chatTypeOf(jid)).toBe(type);
	});

	it('of a group is told from a person', () => {
		expect(isGroup('120363025246125486@g.us')).toBe(true);
		expect(isGroup('5511999999999@s.whatsapp.net')).toBe(false);
	});
});
