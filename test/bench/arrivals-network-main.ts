/**
 * Run as a process: the simulated network, and the contacts who write.
 *
 * Contacts encrypt one message after the other, more slowly than a socket can take them. For a
 * burst they do it beforehand: the stanzas are held back until all are ready, and handed to the
 * sockets at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { quietLibsignal } from '../../engine/src/drivers/baileys/quiet-libsignal.ts';
import { Connection } from '../../engine/src/sandbox/connection.ts';
import { SimulatedNetwork } from '../../engine/src/sandbox/simulated-network.ts';
import { answerCalls, preciseNow } from './arrivals-process.ts';

export interface Chat {
	/** A contact's phone number, and an account's. */
	readonly from: string;
	readonly to: string;
}

export interface SentMessage {
	readonly text: string;
	/** Its place in `chats`. */
	readonly chat: number;
	/** When the stanza was handed to the socket. */
	readonly sentAt: number;
}

export interface Load {
	/** Begins every text, so that those of one load can be told from others. */
	readonly name: string;
	/** They take turns. */
	readonly chats: readonly Chat[];
	readonly count: number;
}

const RECEIPT_DELAY_MS = 20;

quietLibsignal();
const network = new SimulatedNetwork({ receiptDelayMs: RECEIPT_DELAY_MS });
await network.start();

const handedAt = new Map<string, number>();
let held: (() => void)[] | undefined;
let sent: { text: string; chat: number; messageId: string }[] = [];

const { send } = Connection.prototype;
Connection.prototype.send = function (node) {
	const id = node.tag === 'message' ? node.attrs['id'] : undefined;
	if (id === undefined || node.attrs['category'] === 'peer') return send.call(this, node);
	const hand = () => {
		if (!handedAt.has(id)) handedAt.set(id, preciseNow());
		send.call(this, node);
	};
	if (held) held.push(hand);
	else hand();
};

const answers = {
	url: () => network.url,
	scanQr: (code: string) => network.scanQr(code),
	write: ({ from, to }: Chat, text: string) => network.sendText({ from, to, text }),
	/** How many texts of this account its contacts have received. */
	replies: (account: string) => network.outbox(account).length,
	/** How many stanzas this account has not acknowledged. */
	undelivered: (account: string) =>
		network.devices().find(({ phoneNumber }) => phoneNumber === account)?.undelivered,

	async burst({ name, chats, count }: Load): Promise<void> {
		held = [];
		begin();
		for (let n = 0; n < count; n++) await write(name, chats, n);
		const hands = held;
		held = undefined;
		for (const hand of hands) hand();
	},

	async pace({ name, chats, count }: Load, perSecond: number): Promise<void> {
		begin();
		const startAt = performance.now();
		const writing: Promise<void>[] = [];
		for (let n = 0; n < count; n++) {
			await sleep(Math.max(0, startAt + (n * 1_000) / perSecond - performance.now()));
			writing.push(write(name, chats, n));
		}
		await Promise.all(writing);
	},

	/** What the last load has sent. */
	sent: (): SentMessage[] =>
		sent.map(({ text, chat, messageId }) => ({ text, chat, sentAt: handedAt.get(messageId) ?? 0 })),
	trouble: () => network.unhandled.length + network.broken.length,
};

export type NetworkAnswers = typeof answers;

function begin(): void {
	handedAt.clear();
	sent = [];
}

async function write(name: string, chats: readonly Chat[], n: number): Promise<void> {
	const chat = n % chats.length;
	const text = `${name} ${n}`;
	const { messageId } = await network.sendText({ ...chats[chat]!, text });
	sent.push({ text, chat, messageId });
}

answerCalls(answers);
