import type { Claimed, ClaimedDelivery, Settlement } from '../../../engine/src/app/ports.ts';
import { NOON } from './records.ts';

/** Failed, and to be tried again. */
export function retryAt(dueAt: number): Settlement['outcome'] {
	return { status: 'retrying', dueAt, error: 'answered 503', responseStatus: 503 };
}

/** What an attempt came to. */
export function settled(delivery: ClaimedDelivery, outcome: Settlement['outcome']): Settlement {
	const attempt = {
		attempt: delivery.attempt,
		at: NOON,
		status: outcome.responseStatus,
		latencyMs: 1,
		error: null,
		response: '',
		address: null,
	};
	return { delivery, outcome, attempt, isProbe: false, at: NOON };
}

export function deliveriesOf(claimed: readonly Claimed[]): ClaimedDelivery[] {
	return claimed.flatMap(({ deliveries }) => deliveries);
}

/** Which ones were claimed, as `sent` named them. */
export function refsOf(claimed: readonly Claimed[]): string[] {
	return deliveriesOf(claimed).map(({ body }) => JSON.parse(body!).data.client_ref);
}
