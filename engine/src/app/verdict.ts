import { honoursRetryAfter, nextAttemptAt } from '../domain/retry-schedule.ts';
import type { Attempt, ClaimedDelivery, Settlement, WebhookResult } from './ports.ts';
import { errorOf } from './receiver-advice.ts';

const GONE = 410;

/** An answer of this kind ends the endpoint, not only the delivery. */
export function isGone(result: WebhookResult): boolean {
	return result.outcome === 'answered' && result.status === GONE;
}

export function isSuccess(result: WebhookResult): boolean {
	return result.outcome === 'answered' && result.status >= 200 && result.status < 300;
}

/** What a result means for the delivery: done, again later, or given up. */
export function judge(
	delivery: Pick<ClaimedDelivery, 'attemptOfRun'>,
	result: WebhookResult,
	{ now, random }: { readonly now: number; readonly random: number },
): Settlement['outcome'] {
	if (result.outcome === 'answered' && isSuccess(result)) {
		return { status: 'success', responseStatus: result.status };
	}
	const responseStatus = result.outcome === 'answered' ? result.status : null;
	const error = reasonOf(result) ?? '';
	const final = isGone(result) || isBlocked(result);
	const dueAt = final
		? undefined
		: nextAttemptAt({
				attempt: delivery.attemptOfRun,
				failedAt: now,
				random,
				retryAfterMs:
					result.outcome === 'answered' && honoursRetryAfter(result.status)
						? result.retryAfterMs
						: undefined,
			});
	return dueAt === undefined
		? { status: 'failed', error, responseStatus }
		: { status: 'retrying', dueAt, error, responseStatus };
}

/** What failed at a former URL is tried again where the endpoint sends now, whatever it was told. */
export function againAt(dueAt: number, outcome: Settlement['outcome']): Settlement['outcome'] {
	return outcome.status === 'success' ? outcome : { ...outcome, status: 'retrying', dueAt };
}

/** The attempt as the log keeps it. */
export function attemptOf(
	{ attempt }: Pick<ClaimedDelivery, 'attempt'>,
	result: WebhookResult,
	at: number,
): Attempt {
	return {
		attempt,
		at,
		status: result.outcome === 'answered' ? result.status : null,
		latencyMs: result.latencyMs,
		error: reasonOf(result),
		response: result.outcome === 'answered' ? result.responseText : null,
		address: result.address,
	};
}

/** An address that may not be reached is not going to be allowed by waiting. */
function isBlocked(result: WebhookResult): boolean {
	return result.outcome === 'failed' && result.reason === 'blocked';
}

function reasonOf(result: WebhookResult): string | null {
	return isGone(result)
		? 'The receiver answered 410 Gone; the endpoint was disabled.'
		: errorOf(result);
}
