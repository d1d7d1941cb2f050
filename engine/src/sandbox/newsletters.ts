import { createHash } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import type { Delivery } from './delivery.ts';
import type { LinkedDevice } from './directory.ts';
import type { PhoneRecord } from './key-bundle.ts';
import type { StateFile, StoredMap } from './state-file.ts';
import { newMessageId, nowInSeconds, stanza } from './stanza.ts';

export interface NewsletterPost {
	readonly messageId: string;
	readonly newsletterJid: string;
}

/**
 * Newsletters, which people know as channels: everybody has one. Its posts are not encrypted, they
 * name no author, and the server numbers them.
 */
export class Newsletters {
	readonly #delivery: Delivery;
	/** How many posts a newsletter has, by its JID. */
	readonly #posts: StoredMap<number>;

	constructor(state: StateFile, delivery: Delivery) {
		this.#delivery = delivery;
		this.#posts = state.map('newsletter-posts');
	}

	/** Posts in this person's newsletter; the followers' devices get it. */
	post(owner: PhoneRecord, followers: readonly LinkedDevice[], text: string): NewsletterPost {
		const newsletterJid = newsletterOf(owner.number);
		const messageId = newMessageId();
		const number = (this.#posts.get(newsletterJid) ?? 0) + 1;
		this.#posts.set(newsletterJid, number);
		const attributes = {
			from: newsletterJid,
			id: messageId,
			server_id: number,
			t: nowInSeconds(),
			type: 'text',
		};
		const bytes = proto.Message.encode({ conversation: text }).finish();
		const content = [stanza('plaintext', {}, Buffer.from(bytes))];
		for (const device of followers) {
			this.#delivery.deliver(device, stanza('message', attributes, content));
		}
		return { messageId, newsletterJid };
	}
}

/** Twelve digits after a fixed beginning, as WhatsApp's; they do not show the number. */
function newsletterOf(number: string): string {
	const hash = createHash('sha256').update(`newsletter of ${number}`).digest().readUIntBE(0, 6);
	return `120363${String(hash % 10 ** 12).padStart(12, '0')}@newsletter`;
}
