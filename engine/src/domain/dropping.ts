/** Why a delivery is not sent at all, in the words that its log keeps. */
const TOO_OLD = 'Not sent: it was older than max_age_seconds allows';
const PAYLOAD_GONE = 'Not sent: its payload is no longer kept.';

export interface Droppable {
	/** `null` when it is no longer kept. */
	readonly body: string | null;
	/** When it was made, or last redelivered. Unix milliseconds. */
	readonly since: number;
	/** Whoever asks to send it again knows its age. */
	readonly isRedelivered: boolean;
}

/** Why it is not to be sent at `now`, as its log tells it; `undefined` when it is. */
export function reasonToDrop(
	{ body, since, isRedelivered }: Droppable,
	maxAgeSeconds: number | null,
	now: number,
): string | undefined {
	if (body === null) return PAYLOAD_GONE;
	if (maxAgeSeconds === null || isRedelivered || now - since <= maxAgeSeconds * 1_000) {
		return undefined;
	}
	return tooOld(maxAgeSeconds);
}

export function tooOld(maxAgeSeconds: number): string {
	return `${TOO_OLD} (${maxAgeSeconds} s).`;
}

export function isTooOld(lastError: string): boolean {
	return lastError.startsWith(TOO_OLD);
}
