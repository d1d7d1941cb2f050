import {
	areJidsSameUser,
	decodeMessageNode,
	proto,
	unpadRandomMax16,
	type BinaryNode,
} from '@whiskeysockets/baileys';
import { chatTypeOf, phoneOf, withoutDevice } from '../../domain/address.ts';
import type { MessageBody } from '../../domain/events.ts';
import type { InboundMessage, JournalEntry, NewJournalEntry } from '../../app/ports.ts';

/**
 * What the journal keeps of a stanza: enough to make its event after a crash, with no connection
 * and no key at hand.
 */
interface JournaledStanza {
	readonly attrs: BinaryNode['attrs'];
	readonly me: { readonly id: string; readonly lid: string };
	/** The sender's phone number address where the stanza names only the private one. */
	readonly pn: string | null;
	/** Signal plaintexts end in up to 16 bytes of padding, plain ones do not. */
	readonly padded: boolean;
}

export function toJournal(
	stanza: JournaledStanza,
	plaintext: Uint8Array,
	receivedAt: number,
): NewJournalEntry {
	return { stanza: Buffer.from(JSON.stringify(stanza)), plaintext, receivedAt };
}

/** Peer stanzas carry the phone's own keys and history, never a message. */
export function isJournaled(node: BinaryNode): boolean {
	return node.attrs['category'] !== 'peer';
}

/** Chats whose messages become events. */
const CHAT = /^status@broadcast$|@(?:s\.whatsapp\.net|lid|g\.us|newsletter)$/;

/**
 * The message in a journal entry; `undefined` when there is none in it: sender keys, receipts for
 * polls, edits and other protocol messages.
 */
export function translate(entry: JournalEntry): InboundMessage | undefined {
	const { attrs, me, pn, padded } = JSON.parse(
		Buffer.from(entry.stanza).toString(),
	) as JournaledStanza;
	const node: BinaryNode = { tag: 'message', attrs };
	const { key, pushName } = decodeMessageNode(node, me.id, me.lid).fullMessage;
	if (!key.id || !key.remoteJid) return undefined;
	if (!CHAT.test(key.remoteJid)) return undefined;
	const body = bodyOf(entry.plaintext, padded);
	if (!body) return undefined;

	const chatType = chatTypeOf(key.remoteJid);
	const author = authorOf(key.remoteJid, key.participant);
	// Of a status, Baileys compares the author with our phone number only.
	const isOwnStatus = chatType === 'status' && areJidsSameUser(author, me.lid);
	const fromMe = key.fromMe === true || isOwnStatus;
	const addresses = [author, key.participantAlt ?? key.remoteJidAlt, pn]
		.filter((jid): jid is string => typeof jid === 'string')
		.map(withoutDevice);
	const other = addresses.find((jid) => phoneOf(jid)) ?? withoutDevice(author);
	return {
		waId: key.id,
		chat: chatType === 'direct' ? other : key.remoteJid,
		sender: fromMe ? withoutDevice(me.id) : other,
		senderLid: addresses.find((jid) => jid.endsWith('@lid')) ?? null,
		pushName: pushName ?? null,
		fromMe,
		body,
	};
}

/** A group's message and a status name their author, elsewhere it is the chat itself. */
function authorOf(chat: string, participant: string | null | undefined): string {
	const chatType = chatTypeOf(chat);
	return chatType === 'group' || chatType === 'status' ? (participant ?? chat) : chat;
}

function bodyOf(plaintext: Uint8Array, padded: boolean): MessageBody | undefined {
	let message: proto.IMessage;
	try {
		message = proto.Message.decode(padded ? unpadRandomMax16(plaintext) : plaintext);
	} catch {
		// Encrypted for us and still not a message: the flow is told that something came.
		return { type: 'unsupported' };
	}
	return contentOf(message.deviceSentMessage?.message ?? message);
}

function contentOf(message: proto.IMessage): MessageBody | undefined {
	const inner =
		message.ephemeralMessage?.message ??
		message.viewOnceMessage?.message ??
		message.viewOnceMessageV2?.message ??
		message.documentWithCaptionMessage?.message;
	if (inner) return contentOf(inner);
	const text = message.conversation ?? message.extendedTextMessage?.text;
	if (typeof text === 'string' && text !== '') return { type: 'text', text };
	return hasContent(message) ? { type: 'unsupported' } : undefined;
}

const NO_CONTENT = new Set([
	'conversation',
	'senderKeyDistributionMessage',
	'fastRatchetKeySenderKeyDistributionMessage',
	'messageContextInfo',
	'protocolMessage',
]);

function hasContent(message: proto.IMessage): boolean {
	return Object.entries(message).some(([field, value]) => value != null && !NO_CONTENT.has(field));
}
