import { diagnose } from '../../../engine/src/domain/diagnosis.ts';
import type {
	DeliveryFacts,
	DiagnosisFacts,
	EndpointFacts,
	ReceiverFacts,
	ReceiverResult,
} from '../../../engine/src/domain/diagnosis-facts.ts';
import type { Finding } from '../../../engine/src/domain/finding.ts';
import { DEFAULT_FILTERS } from '../../../engine/src/domain/subscription.ts';

export const NOON = Date.UTC(2026, 0, 1, 12);
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const ANSWERED = {
	outcome: 'answered',
	status: 200,
	responseText: 'A private answer',
	latencyMs: 40,
	receivedAt: NOON,
	date: NOON,
	location: null,
} as const satisfies ReceiverResult;

const RECEIVER: ReceiverFacts = {
	refusal: null,
	addressCount: 2,
	certificate: { endsAt: NOON + 60 * DAY },
	result: ANSWERED,
	advice: 'Mend it.',
};

const DELIVERIES: DeliveryFacts = {
	failed: exactly(0),
	tooOld: exactly(0),
	waiting: exactly(0),
	waitingSince: null,
	lastFailure: null,
};

export const ENDPOINT: EndpointFacts = {
	url: 'https://n8n.example.com/webhook/a?key=hidden',
	events: ['*'],
	instanceIds: [],
	filters: DEFAULT_FILTERS,
	enabled: true,
	disabledReason: null,
	disabledAt: null,
	failingSince: null,
	workedUntil: null,
	maxAgeSeconds: null,
	maxPerSecond: null,
	secretRotatedAt: null,
	previousSecretUntil: null,
};

export const NOTHING_LEFT_OUT = { notSubscribed: {}, ofOtherInstances: {}, filtered: {} };

export const HEALTHY: DiagnosisFacts = {
	now: NOON,
	endpoint: ENDPOINT,
	circuit: { state: 'closed', consecutiveFailures: 0, nextProbeAt: null },
	receiver: RECEIVER,
	deliveries: DELIVERIES,
	instances: { deleted: [], present: 0 },
	events: { seen: exactly(3), wanted: 3, ...NOTHING_LEFT_OUT },
	rivals: [],
};

/** What the facts are, and what a check says of them. */
export type Row = readonly [
	name: string,
	facts: Partial<DiagnosisFacts>,
	check: string,
	severity: Finding['severity'],
	text: RegExp,
];

export function exactly(count: number) {
	return { count, isExact: true };
}

export function deliveries(changes: Partial<DeliveryFacts>): Partial<DiagnosisFacts> {
	return { deliveries: { ...DELIVERIES, ...changes } };
}

export function receiver(changes: Partial<ReceiverFacts>): Partial<DiagnosisFacts> {
	return { receiver: { ...RECEIVER, ...changes } };
}

export function answered(changes: Partial<Extract<ReceiverResult, { outcome: 'answered' }>>) {
	return receiver({ result: { ...ANSWERED, ...changes } });
}

export function failed(reason: string, tlsCode: string | null = null) {
	return receiver({ certificate: null, result: { outcome: 'failed', reason, tlsCode } });
}

export function refused(reason: string, hint: string) {
	const unmade = { addressCount: null, certificate: null, result: null, advice: null };
	return receiver({ refusal: { reason, hint }, ...unmade });
}

export function examine(facts: Partial<DiagnosisFacts>, check: string): Finding {
	return diagnose({ ...HEALTHY, ...facts }).find((finding) => finding.check === check)!;
}

export function said({ message, fix }: Finding): string {
	return `${message} ${fix}`;
}
