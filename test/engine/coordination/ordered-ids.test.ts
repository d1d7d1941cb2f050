import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OrderedIds } from '../../../engine/src/coordination/ordered-ids.ts';
import { firstIdAt, idPattern } from '../../../engine/src/domain/ids.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const HOUR_MS = 60 * 60_000;

describe('ids', () => {
	let now: number;

	beforeEach(() => {
		now = NOON;
		jest.spyOn(Date, 'now').mockImplementation(() => now);
	});

	afterEach(() => {
		jest.restoreAllMocks();
	});

	it('tell of what they are, and when it was made', () => {
		const id = new OrderedIds().next('evt');

		expect(id).toMatch(idPattern('evt'));
		expect(id >= firstIdAt('evt', NOON)).toBe(true);
		expect(id < firstIdAt('evt', NOON + 1)).toBe(true);
	});

	it('stay in the order of their making when the clock is set back', () => {
		const ids = new OrderedIds();
		const made = [ids.next('evt')];
		for (const at of [NOON - HOUR_MS, NOON - HOUR_MS, NOON - 2 * HOUR_MS, NOON + 1]) {
			now = at;
			made.push(ids.next('evt'));
		}

		expect(made.toSorted()).toEqual(made);
		expect(made.at(-1)! >= firstIdAt('evt', NOON + 1)).toBe(true);
	});

	it('come after those of an earlier process whose clock was ahead', () => {
		const former = new OrderedIds().next('evt');
		now -= HOUR_MS;
		const ids = new OrderedIds();

		ids.startAfter(former);

		expect(ids.next('evt') > former).toBe(true);
	});

	it('do not follow a clock that was years ahead', () => {
		now = Date.UTC(2100, 0, 1);
		const former = new OrderedIds().next('evt');
		now = NOON;
		const ids = new OrderedIds();

		ids.startAfter(former);

		expect(ids.next('evt') < firstIdAt('evt', NOON + 1)).toBe(true);
	});
});
