/** The checks of what the engine itself does with an endpoint's deliveries. */
import { FAILED_DAYS, type BoundedCount, type DiagnosisFacts } from './diagnosis-facts.ts';
import type { DisabledReason } from './events.ts';
import { instant, span } from './time-span.ts';
import { error, info, ok, UNKNOWN, warning, type Judgement } from './finding.ts';

const MINUTE_MS = 60_000;
const LONG_WAIT_MS = 5 * MINUTE_MS;
const LONG_DRAIN_SECONDS = 60;

const RECOVER =
	'Once the receiver works, send them again with POST …/recover (dry_run counts first).';

export function isEnabled({ endpoint, now }: DiagnosisFacts): Judgement {
	const { enabled, disabledReason, disabledAt } = endpoint;
	if (enabled) return ok('The endpoint is enabled.');
	const [why, fix] = DISABLED[disabledReason ?? 'by_user'];
	const since = disabledAt === null ? '' : ` for ${span(now - disabledAt)}`;
	return error(
		`The endpoint has been disabled${since}: ${why}`,
		{ disabled_reason: disabledReason, disabled_at: instant(disabledAt) },
		fix,
	);
}

const DISABLED: Readonly<Record<DisabledReason, readonly [why: string, fix: string]>> = {
	by_user: ['somebody did so.', 'Enable it with POST …/enable.'],
	gone: [
		'its receiver answered 410 Gone.',
		'Mend the receiver or the URL, then enable it with POST …/enable.',
	],
	failing: [
		'for days, every attempt failed.',
		'Mend what "answers" finds, then enable it with POST …/enable. ' + RECOVER,
	],
};

export function circuitClosed({ circuit }: DiagnosisFacts): Judgement {
	const { state, consecutiveFailures, nextProbeAt } = circuit;
	const evidence = {
		state,
		consecutive_failures: consecutiveFailures,
		next_probe_at: instant(nextProbeAt),
	};
	if (state === 'closed') return ok('Deliveries are sent as they fall due.', evidence);
	return warning(
		`After ${consecutiveFailures} failures in a row, deliveries wait; now and then one is tried.`,
		evidence,
		'Mend what "answers" finds. The first success lets everything go; a new URL does so, too.',
	);
}

export function notFailing({ endpoint, deliveries, now }: DiagnosisFacts): Judgement {
	const { failingSince, workedUntil } = endpoint;
	if (failingSince === null) return ok('No attempt has failed since the last success.');
	const last = deliveries?.lastFailure ?? null;
	return warning(
		`Every attempt of the last ${span(now - failingSince)} has failed.`,
		{
			failing_since: instant(failingSince),
			worked_until: instant(workedUntil),
			last_error: last?.error ?? null,
			last_response_status: last?.status ?? null,
		},
		'Mend what "answers" finds. An endpoint that does nothing but fail for days is disabled.',
	);
}

export function retryBudget({ deliveries }: DiagnosisFacts): Judgement {
	if (!deliveries) return UNKNOWN;
	const { failed } = deliveries;
	if (failed.count === 0)
		return ok(`No delivery has failed in ${FAILED_DAYS} days.`, { failed: 0 });
	return warning(
		`${shown(failed)} of the last ${FAILED_DAYS} days failed and will not be tried again.`,
		{ failed: failed.count, is_exact: failed.isExact },
		RECOVER,
	);
}

export function backlog({ deliveries, endpoint, now }: DiagnosisFacts): Judgement {
	if (!deliveries) return UNKNOWN;
	const { waiting, waitingSince } = deliveries;
	if (waiting.count === 0) return ok('Nothing waits to be delivered.', { waiting: 0 });
	const evidence = {
		waiting: waiting.count,
		is_exact: waiting.isExact,
		waiting_since: instant(waitingSince),
	};
	const waitedMs = waitingSince === null ? 0 : now - waitingSince;
	if (waitedMs < LONG_WAIT_MS) return info(`${shown(waiting)} on the way.`, evidence);
	return warning(
		`${shown(waiting)} on the way, the oldest for ${span(waitedMs)} or more.`,
		evidence,
		endpoint.enabled
			? 'Mend what "answers" and "pace" find; they are then delivered by themselves.'
			: 'They are delivered once the endpoint is enabled.',
	);
}

export function maxAge({ deliveries, endpoint }: DiagnosisFacts): Judgement {
	const { maxAgeSeconds } = endpoint;
	if (maxAgeSeconds === null) return ok('Nothing is dropped for its age.');
	if (!deliveries) return UNKNOWN;
	const { tooOld } = deliveries;
	const evidence = {
		max_age_seconds: maxAgeSeconds,
		dropped: tooOld.count,
		is_exact: tooOld.isExact,
	};
	if (tooOld.count === 0) return ok('Nothing was dropped for its age lately.', evidence);
	return warning(
		`${shown(tooOld)} dropped, older than ${span(maxAgeSeconds * 1_000)} when their turn came.`,
		evidence,
		'Raise max_age_seconds, or set it to null, if late events are of use.',
	);
}

export function pace({ deliveries, endpoint }: DiagnosisFacts): Judgement {
	const { maxPerSecond } = endpoint;
	if (maxPerSecond === null) return ok('Deliveries are not slowed down.');
	if (!deliveries) return UNKNOWN;
	const seconds = Math.ceil(deliveries.waiting.count / maxPerSecond);
	const evidence = { max_per_second: maxPerSecond, seconds_to_drain: seconds };
	if (seconds <= LONG_DRAIN_SECONDS) return ok('The limit keeps nothing back for long.', evidence);
	return warning(
		`At ${maxPerSecond} per second, what waits takes ${span(seconds * 1_000)} or more.`,
		evidence,
		'Raise max_per_second if the receiver can take more.',
	);
}

function shown({ count, isExact }: BoundedCount): string {
	const noun = count === 1 ? 'delivery' : 'deliveries';
	return isExact ? `${count} ${noun}` : `${count} ${noun} or more`;
}
