import { describe, expect, it } from '@jest/globals';
import {
	Arrivals,
	arrivalsOf,
	beginArrivals,
	endArrivals,
	judgeArrival,
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

	it('refuses what it had to forget for want of room, unless it is signed anew', () => {
		const arrivals = new Arrivals(ALWAYS);
		const second = (count: number) => ({ eventId: `evt_${count}`, signedAt: NOON + count });
		for (let count = 0; count <= 5_000; count++) {
			arrivals.admit(second(count));
			arrivals.settle(`evt_${count}`, true);
		}

		expect(arrivals.admit(second(0))).toBe('forgotten');
		expect(arrivals.admit(second(1))).toBe('replayed');
		expect(arrivals.admit({ eventId: 'evt_0', signedAt: NOON + 6_000 })).toBe('run');
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

function at(signedAt: number) {
	return { eventId: 'evt_1', signedAt };
}

function accepted(signedAt: number) {
	return { signedAt, accepted: true };
}

function starting(signedAt: number) {
	return { signedAt, accepted: false };
}
