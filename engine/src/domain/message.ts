/** How far an outbound message has come. `failed` is final; the others only move forward. */
export type MessageStatus = 'queued' | 'sent' | 'delivered' | 'read' | 'failed';

const ORDER: Record<MessageStatus, number> = {
	queued: 0,
	sent: 1,
	delivered: 2,
	read: 3,
	failed: 4,
};

/** Receipts arrive in any order: a message that was read stays read. */
export function isProgress(from: MessageStatus, to: MessageStatus): boolean {
	return from !== 'failed' && ORDER[to] > ORDER[from];
}

/** How long a queued message waits for its instance to be connected. */
export const QUEUE_TTL_MS = 24 * 60 * 60_000;

export const MAX_TEXT_LENGTH = 65_536;
