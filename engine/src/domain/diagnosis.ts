/**
 * What is wrong with an endpoint, and what to do about it: the checklists "the webhook never
 * arrives" and "the signature does not verify", walked by the engine. Pure: `app/diagnosis.ts`
 * finds out the facts, each check here makes one finding of them, good or bad, always in the same
 * order. The names of the checks are part of the API.
 */
import {
	backlog,
	circuitClosed,
	isEnabled,
	maxAge,
	notFailing,
	pace,
	retryBudget,
} from './delivery-checks.ts';
import type { DiagnosisFacts } from './diagnosis-facts.ts';
import { eventsFilter, instanceFilter } from './filter-checks.ts';
import { answers, clockSkew, nameResolves, tlsValid, urlAllowed } from './receiver-checks.ts';
import { rawBody, sameUrl, secretRotated } from './signature-checks.ts';
import type { Finding, Judgement } from './finding.ts';

const CHECKS = {
	enabled: isEnabled,
	url_allowed: urlAllowed,
	name_resolves: nameResolves,
	tls_valid: tlsValid,
	answers,
	circuit: circuitClosed,
	failing: notFailing,
	retry_budget: retryBudget,
	backlog,
	max_age: maxAge,
	pace,
	instance_filter: instanceFilter,
	events_filter: eventsFilter,
	clock_skew: clockSkew,
	secret_rotated: secretRotated,
	same_url: sameUrl,
	raw_body: rawBody,
} satisfies Record<string, (facts: DiagnosisFacts) => Judgement>;

export const CHECK_NAMES = Object.keys(CHECKS);

export function diagnose(facts: DiagnosisFacts): Finding[] {
	return Object.entries(CHECKS).map(([check, find]) => ({ check, ...find(facts) }));
}

/** Whether events that the endpoint asks for arrive, as far as the engine can see. */
export function isHealthy(findings: readonly Finding[]): boolean {
	return findings.every(({ severity }) => severity !== 'error');
}
