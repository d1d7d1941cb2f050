import { describe, expect, it } from '@jest/globals';
import { DatabaseCheck } from '../../../engine/src/app/database-check.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('the check of the database', () => {
	const clock = new ManualClock({ stands: true });

	it('passes when it answers, and not when it fails', async () => {
		const faults = [undefined, new Error('gone'), undefined];
		const ping = async () => {
			const fault = faults.shift();
			if (fault) throw fault;
		};
		const check = new DatabaseCheck({ ping }, clock);

		expect([await check.passes(), await check.passes(), await check.passes()]).toEqual([
			true,
			false,
			true,
		]);
	});

	it('fails in time when it hangs, and asks no more until it answers', async () => {
		const pings: PromiseWithResolvers<void>[] = [];
		const ping = () => {
			pings.push(Promise.withResolvers());
			return pings.at(-1)!.promise;
		};
		const check = new DatabaseCheck({ ping }, clock);
		const first = [check.passes(), check.passes()];
		clock.advance(3_000);
		const asked = await Promise.all(first);
		const again = check.passes();
		clock.advance(3_000);

		expect([...asked, await again]).toEqual([false, false, false]);
		expect(pings).toHaveLength(1);

		pings[0]!.resolve();
		await pings[0]!.promise;
		await new Promise((resolve) => setImmediate(resolve));
		const later = check.passes();
		pings[1]!.resolve();
		expect(await later).toBe(true);
	});
});
