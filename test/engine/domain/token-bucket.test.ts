import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { takeToken, type TokenBucket } from '../../../engine/src/domain/token-bucket.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

describe('a token bucket', () => {
	it('is full at first, and then gives one token after another', () => {
		const size = { perSecond: 2, burst: 3 };
		const waits: number[] = [];
		let bucket: TokenBucket | undefined;
		for (let taking = 0; taking < 5; taking++) {
			const taken = takeToken(bucket, size, NOON);
			bucket = taken.bucket;
			waits.push(taken.waitMs);
		}

		expect(waits).toEqual([0, 0, 0, 500, 500]);
	});

	it('has the token after the wait that it named', () => {
		const size = { perSecond: 0.1, burst: 1 };
		const empty = takeToken(undefined, size, NOON).bucket;
		const { bucket, waitMs } = takeToken(empty, size, NOON);

		expect(waitMs).toBe(10_000);
		expect(takeToken(bucket, size, NOON + waitMs).waitMs).toBe(0);
	});

	it('takes a clock that was set back for one that stood still', () => {
		const size = { perSecond: 1, burst: 1 };
		const { bucket } = takeToken(undefined, size, NOON);

		expect(takeToken(bucket, size, NOON - 60_000).waitMs).toBe(1_000);
	});

	it('never lets more through than its burst and its rate allow', () => {
		fc.assert(
			fc.property(
				fc.double({ min: 0.1, max: 100, noNaN: true }),
				fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 200 }),
				(perSecond, gaps) => {
					const size = { perSecond, burst: Math.max(1, perSecond) };
					let bucket: TokenBucket | undefined;
					let now = NOON;
					let passed = 0;
					for (const gap of gaps) {
						now += gap;
						const taken = takeToken(bucket, size, now);
						bucket = taken.bucket;
						if (taken.waitMs === 0) passed++;
					}
					const most = size.burst + ((now - NOON) / 1_000) * perSecond;
					expect(passed).toBeLessThanOrEqual(most + 1e-6);
				},
			),
		);
	});
});
