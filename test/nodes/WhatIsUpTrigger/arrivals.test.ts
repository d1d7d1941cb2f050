import { describe, expect, it } from '@jest/globals';
import {
	Arrivals,
	arrivalsOf,
	beginArrivals,
	endArrivals,
	judgeArrival,
	type ArrivalVerdict,
} from '../../../nodes/WhatIsUpTrigger/arrivals';

const NOON = Date.UTC(2026, 0, 1, 12) / 1000;
const ALWAYS = -Infinity;

describe('an arrival', () => {
	it.each([
		['runs when its event is unknown', undefined, NOON, 'run'],
		['is a replay when signed at the same time', accepted(NOON), NOON, 'replayed'],
		['is a replay when signed earlier', accepted(NOON), NOON - 1, 'replayed'],
		['is a replay also while the run is starting', starting(NOON), NOON, 'replayed'],
		['is a repetition when signed anew', accepted(NOON), NOON + 1, 'repeated'],
		['has to wait when the run is uncertain', starting(NOON), NOON + 1, 'starting'],
	] as const)('%s', (_, known, signedAt, verdict) => {
		expect(judgeArrival({ eventId: 'evt_1', signedAt }, known, ALWAYS)).toBe(verdict);
	});

	it.each([
		['before memory begins', NOON - 1, 'forgotten'],
		['in the second in which memory begins', NOON, 'forgotten'],
		['after memory begins', NOON + 1, 'run'],
	] as const)('of an unknown event, signed %s', (_, signedAt, verdict) => {
		expect(judgeArrival({ eventId: 'evt_1', signedAt }, undefined, NOON)).toBe(verdict);
	});
});

describe('the memory of an endpoint', () => {
	it('lets an event run once', () => {
		const arrivals = new Arrivals(ALWAYS);

		const first = arrivals.admit(at(NOON));
		arrivals.settle('evt_1', true);

		expect([first, arrivals.admit(at(NOON + 10))]).toEqual(['run', 'repeated']);
	});

	it('takes a recorded repetition for a replay, too', () => {
		const arrivals = new Arrivals(ALWAYS);
		arrivals.admit(at(NOON));
		arrivals.settle('evt_1', true);
		arrivals.admit(at(NOON + 10));

		expect(arrivals.admit(at(NOON + 10))).toBe('replayed');
	});

	it('forgets an event whose run could not start, so that it can run later', () => {
		const arrivals = new Arrivals(ALWAYS);
		arrivals.admit(at(NOON));

		const meanwhile = arrivals.admit(at(NOON + 10));
		arrivals.settle('evt_1', false);

		expect([meanwhile, arrivals.admit(at(NOON + 20))]).toEqual(['starting', 'run']);
	});

	it('refuses a recorded call whose time of signing it had to forget for want of room', () => {
		const arrivals = new Arrivals(ALWAYS);
		receive(arrivals, 5_001);

		expect(arrivals.admit(nth(0))).toBe('replayed');
		expect(arrivals.admit(nth(1))).toBe('replayed');
		expect(arrivals.admit({ eventId: 'evt_unknown', signedAt: NOON })).toBe('forgotten');
	});

	it('runs nothing twice when thousands of events are delivered again, oldest first', () => {
		const arrivals = new Arrivals(ALWAYS);
		receive(arrivals, 6_000);

		const again = verdictsOn(arrivals, { count: 6_000, after: 7_000 });

		expect(again).toEqual({ repeated: 6_000 });
	});

	it('lets new events run while thousands of old ones are delivered again in one second', () => {
		const arrivals = new Arrivals(ALWAYS);
		receive(arrivals, 12_000);
		for (let count = 0; count < 6_000; count++) {
			arrivals.admit({ ...nth(count), signedAt: NOON + 20_000 });
		}

		expect(arrivals.admit({ eventId: 'evt_new', signedAt: NOON + 19_999 })).toBe('run');
	});

	it('lets new events run after the oldest one that it remembers was delivered again', () => {
		const arrivals = new Arrivals(ALWAYS);
		receive(arrivals, 5_000);
		const now = NOON + 6_000;

		const again = arrivals.admit({ ...nth(0), signedAt: now });
		const fresh = ['evt_a', 'evt_b'].map((eventId) => arrivals.admit({ eventId, signedAt: now }));

		expect([again, ...fresh]).toEqual(['repeated', 'run', 'run']);
	});

	it('knows an event again whose run was accepted late, after thousands of others', () => {
		const arrivals = new Arrivals(ALWAYS);
		arrivals.admit(at(NOON));
		for (let count = 0; count < 5_000; count++) {
			arrivals.admit({ eventId: `evt_other_${count}`, signedAt: NOON + 1 });
		}
		arrivals.settle('evt_1', true);

		expect(arrivals.admit(at(NOON + 10))).toBe('repeated');
	});

	it('forgets the oldest of 200,001 accepted events, and no other', () => {
		const arrivals = new Arrivals(ALWAYS);
		receive(arrivals, 200_001);
		const later = NOON + 300_000;

		expect(arrivals.admit({ ...nth(1), signedAt: later })).toBe('repeated');
		expect(arrivals.admit({ ...nth(0), signedAt: later })).toBe('run');
	});

	it('is one for each endpoint', () => {
		beginArrivals('wh_1');
		beginArrivals('wh_2');
		arrivalsOf('wh_1').admit(at(NOON));

		expect(arrivalsOf('wh_1').admit(at(NOON))).toBe('replayed');
		expect(arrivalsOf('wh_2').admit(at(NOON))).toBe('run');
	});

	it('begins with the process for an endpoint that was registered before', () => {
		endArrivals('wh_3');
		const start = Math.floor(performance.timeOrigin / 1000);

		expect(arrivalsOf('wh_3').admit({ eventId: 'evt_1', signedAt: start })).toBe('forgotten');
		expect(arrivalsOf('wh_3').admit({ eventId: 'evt_1', signedAt: start + 1 })).toBe('run');
	});
});

/** One event a second, and n8n accepts each. */
function receive(arrivals: Arrivals, total: number): void {
	for (let count = 0; count < total; count++) {
		arrivals.admit(nth(count));
		arrivals.settle(nth(count).eventId, true);
	}
}

/** How often each verdict is given when all come again, signed anew so many seconds later. */
function verdictsOn(arrivals: Arrivals, { count, after }: { count: number; after: number }) {
	const tally: Partial<Record<ArrivalVerdict, number>> = {};
	for (let i = 0; i < count; i++) {
		const { eventId, signedAt } = nth(i);
		const verdict = arrivals.admit({ eventId, signedAt: signedAt + after });
		if (verdict === 'run') arrivals.settle(eventId, true);
		tally[verdict] = (tally[verdict] ?? 0) + 1;
	}
	return tally;
}

function nth(count: number) {
	return { eventId: `evt_${count}`, signedAt: NOON + count };
}

function at(signedAt: number) {
	return { eventId: 'evt_1', signedAt };
}

function accepted(signedAt: number) {
	return { signedAt, accepted: true };
}

function starting(signedAt: number) {
	return { signedAt, accepted: false };
}
