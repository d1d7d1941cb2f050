import { describe, expect, it } from '@jest/globals';
import { CHECK_NAMES, diagnose, isHealthy } from '../../../engine/src/domain/diagnosis.ts';
import type { DiagnosisFacts } from '../../../engine/src/domain/diagnosis-facts.ts';
import {
	answered,
	DAY,
	deliveries,
	ENDPOINT,
	exactly,
	examine,
	HEALTHY,
	HOUR,
	MINUTE,
	NOON,
	NOTHING_LEFT_OUT,
	said,
	type Row,
} from './diagnosis-cases.ts';

const listening = { endpoint: { ...ENDPOINT, instanceIds: ['inst_a', 'inst_b'] as const } };

describe('the diagnosis of an endpoint', () => {
	it('finds nothing wrong with one that works', () => {
		const findings = diagnose(HEALTHY);

		expect(isHealthy(findings)).toBe(true);
		expect(findings.map(({ check }) => check)).toEqual(CHECK_NAMES);
		const others = findings.filter(({ severity }) => severity !== 'ok');
		expect(others.map(({ check }) => check)).toEqual(['raw_body']);
	});

	it.each<Row>([
		['was disabled', disabled('by_user'), 'enabled', 'error', /for 3 hours.*POST …\/enable/],
		['is gone', disabled('gone'), 'enabled', 'error', /410 Gone.*enable/],
		['failed for days', disabled('failing'), 'enabled', 'error', /every attempt failed.*recover/],
		[
			'waits for a probe',
			{ circuit: { state: 'open', consecutiveFailures: 12, nextProbeAt: NOON + MINUTE } },
			'circuit',
			'warning',
			/After 12 failures.*first success/,
		],
		[
			'is being probed',
			{ circuit: { state: 'half_open', consecutiveFailures: 12, nextProbeAt: null } },
			'circuit',
			'warning',
			/After 12 failures/,
		],
		[
			'fails',
			{ endpoint: { ...ENDPOINT, failingSince: NOON - 2 * DAY } },
			'failing',
			'warning',
			/last 2 days has failed/,
		],
		['lost one', deliveries({ failed: exactly(1) }), 'retry_budget', 'warning', /^1 delivery of/],
		[
			'lost many',
			deliveries({ failed: orMore(1_000) }),
			'retry_budget',
			'warning',
			/1000 deliv.* or more/,
		],
		[
			'has something on the way',
			deliveries({ waiting: exactly(4), waitingSince: NOON - MINUTE }),
			'backlog',
			'info',
			/^4 deliveries on the way/,
		],
		[
			'is behind',
			deliveries({ waiting: orMore(50), waitingSince: NOON - HOUR }),
			'backlog',
			'warning',
			/or more on the way, the oldest for 1 hour or more.*by themselves/,
		],
		[
			'is disabled and behind',
			{ ...deliveries({ waiting: exactly(1), waitingSince: NOON - HOUR }), ...disabled('by_user') },
			'backlog',
			'warning',
			/once the endpoint is enabled/,
		],
		[
			'drops what is old',
			{ ...deliveries({ tooOld: exactly(2) }), endpoint: { ...ENDPOINT, maxAgeSeconds: 60 } },
			'max_age',
			'warning',
			/^2 deliveries dropped, older than 1 minute/,
		],
		[
			'is slowed down',
			{ ...deliveries({ waiting: exactly(600) }), endpoint: { ...ENDPOINT, maxPerSecond: 0.5 } },
			'pace',
			'warning',
			/At 0.5 per second.*20 minutes/,
		],
		[
			'is paced and not behind',
			{ ...deliveries({ waiting: exactly(10) }), endpoint: { ...ENDPOINT, maxPerSecond: 5 } },
			'pace',
			'ok',
			/keeps nothing back/,
		],
		[
			'lost every instance',
			{ ...listening, instances: { deleted: ['inst_a'], present: 0 } },
			'instance_filter',
			'error',
			/Every instance.*deleted.*instance_ids/,
		],
		[
			'lost one instance',
			{ ...listening, instances: { deleted: ['inst_a'], present: 1 } },
			'instance_filter',
			'warning',
			/were deleted/,
		],
		[
			'leaves events out',
			{
				events: {
					...{ seen: exactly(9), wanted: 3, ofOtherInstances: { 'message.sent': 1 } },
					...{ notSubscribed: { 'message.received': 4 }, filtered: { 'message.received': 1 } },
				},
			},
			'events_filter',
			'info',
			/Of 9 events in the last 24 hours, the endpoint leaves out 6/,
		],
		[
			'leaves everything out',
			{
				events: {
					...{ seen: exactly(2), wanted: 0 },
					...{ ...NOTHING_LEFT_OUT, notSubscribed: { 'qr.updated': 2 } },
				},
			},
			'events_filter',
			'info',
			/leaves out all of them/,
		],
		[
			'had more to get than was looked at',
			{ events: { seen: { count: 9, isExact: false }, wanted: 9, ...NOTHING_LEFT_OUT } },
			'events_filter',
			'ok',
			/all of the first 9 events/,
		],
		[
			'had nothing to get',
			{ events: { seen: exactly(0), wanted: 0, ...NOTHING_LEFT_OUT } },
			'events_filter',
			'info',
			/Nothing happened/,
		],
		[
			'has a new secret beside the former one',
			rotated(NOON - HOUR, NOON + 2 * HOUR),
			'secret_rotated',
			'info',
			/1 hour ago.*former one signs as well for 2 hours/,
		],
		[
			'has a new secret only',
			rotated(NOON - 2 * DAY, NOON - DAY),
			'secret_rotated',
			'warning',
			/only the former one refuse/,
		],
		[
			'has a secret that is new no more',
			rotated(NOON - 30 * DAY, NOON - 29 * DAY),
			'secret_rotated',
			'ok',
			/30 days/,
		],
		['shares its URL', { rivals: ['wh_b'] }, 'same_url', 'warning', /X-WhatIsUp-Endpoint-Id/],
	])('of an endpoint that %s', (_, facts, check, severity, text) => {
		const finding = examine(facts, check);

		expect(finding).toMatchObject({ severity });
		expect(said(finding)).toMatch(text);
	});

	it('concludes nothing from what could not be found out', () => {
		const unknown = {
			...{ receiver: undefined, deliveries: undefined, instances: undefined },
			...{ events: undefined, rivals: undefined },
		};
		const endpoint = {
			...ENDPOINT,
			instanceIds: ['inst_a' as const],
			maxAgeSeconds: 1,
			maxPerSecond: 1,
		};

		const findings = diagnose({ ...HEALTHY, ...unknown, endpoint });

		expect(isHealthy(findings)).toBe(true);
		const unmade = findings.filter(({ message }) => message.startsWith('Not checked.'));
		expect(unmade.map(({ check }) => check)).toEqual([
			...['url_allowed', 'name_resolves', 'tls_valid', 'answers', 'retry_budget', 'backlog'],
			...['max_age', 'pace', 'instance_filter', 'events_filter', 'clock_skew', 'same_url'],
		]);
	});

	it('shows neither query strings nor what the receiver answered', () => {
		const statuses = [200, 302, 404, 500];

		const text = JSON.stringify(
			statuses.map((status) => diagnose({ ...HEALTHY, ...answered({ status }) })),
		);

		expect(text).not.toContain('hidden');
		expect(text).not.toContain('private answer');
	});

	it('is not healthy with a single error', () => {
		const findings = diagnose({ ...HEALTHY, ...answered({ status: 500 }) });

		expect(isHealthy(findings)).toBe(false);
	});
});

function orMore(count: number) {
	return { count, isExact: false };
}

function disabled(disabledReason: 'by_user' | 'gone' | 'failing'): Partial<DiagnosisFacts> {
	const disabledAt = NOON - 3 * HOUR;
	return { endpoint: { ...ENDPOINT, enabled: false, disabledReason, disabledAt } };
}

function rotated(secretRotatedAt: number, previousSecretUntil: number): Partial<DiagnosisFacts> {
	return { endpoint: { ...ENDPOINT, secretRotatedAt, previousSecretUntil } };
}
