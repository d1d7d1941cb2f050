/** Why a delivery is not sent at all, in the words that its log keeps. */
const TOO_OLD = 'Not sent: it was older than max_age_seconds allows';

export const PAYLOAD_GONE = 'Not sent: its payload is no longer kept.';

export function tooOld(maxAgeSeconds: number): string {
	return `${TOO_OLD} (${maxAgeSeconds} s).`;
}

export function isTooOld(lastError: string): boolean {
	return lastError.startsWith(TOO_OLD);
}
