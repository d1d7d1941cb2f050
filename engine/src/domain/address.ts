/**
 * WhatsApp's addresses. People write phone numbers; WhatsApp speaks of JIDs: `<digits>@s.whatsapp.net`
 * for a number, `<id>@lid` for a contact whose number may be private, `<id>@g.us` for a group.
 */
const DIRECT = /^(\d{5,20})(?::\d{1,3})?@(s\.whatsapp\.net|c\.us|lid)$/;
const GROUP = /^\d{5,30}(?:-\d{5,20})?@g\.us$/;

/** Country code and number; E.164 allows 15 digits, and no real number has fewer than 7. */
const PHONE = /^\d{7,15}$/;

/**
 * The JID that `to` stands for, or `undefined` when it is neither a phone number nor an address.
 * Spaces, dashes, dots, brackets and a leading plus are how people write numbers.
 */
export function parseRecipient(to: string): string | undefined {
	const trimmed = to.trim();
	if (GROUP.test(trimmed)) return trimmed;
	const direct = DIRECT.exec(trimmed);
	if (direct) return `${direct[1]}@${direct[2] === 'lid' ? 'lid' : 's.whatsapp.net'}`;
	const digits = trimmed.replace(/^\+/, '').replace(/[\s().-]/g, '');
	return PHONE.test(digits) ? `${digits}@s.whatsapp.net` : undefined;
}

/** The digits of a phone number's JID, with or without a device part; `undefined` for others. */
export function phoneOf(jid: string): string | undefined {
	return /^(\d+)(?::\d+)?@(?:s\.whatsapp\.net|c\.us)$/.exec(jid)?.[1];
}

/** The address of the person behind one of their devices. */
export function withoutDevice(jid: string): string {
	return jid.replace(/:\d+@/, '@');
}

export function isGroup(jid: string): boolean {
	return jid.endsWith('@g.us');
}

export type ChatType = 'direct' | 'group' | 'status' | 'newsletter';

export function chatTypeOf(chat: string): ChatType {
	if (isGroup(chat)) return 'group';
	if (chat === 'status@broadcast') return 'status';
	return chat.endsWith('@newsletter') ? 'newsletter' : 'direct';
}
