import { describe, expect, it } from '@jest/globals';
import { StreamTokens } from '../../../engine/src/app/stream-tokens.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import { ids } from '../../support/system.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const PEPPER = 'p'.repeat(32);

describe('A stream token', () => {
	const scope: Scope = { customerId: ids.next('cust'), mode: 'test' };

	it('stands for the customer and the mode of its key for a minute', () => {
		const { token, expiresAt } = at(NOON).issue(scope);

		expect(expiresAt).toBe(NOON + MINUTE);
		expect(at(NOON + MINUTE - 1).check(token)).toEqual(scope);
		expect(() => at(NOON + MINUTE).check(token)).toThrow(
			refusal('This stream token has expired. Get a token with POST /v1/events/token'),
		);
	});

	it('fits into a URL as it is', () => {
		const { token } = at(NOON).issue(scope);

		expect(encodeURIComponent(token)).toBe(token);
	});

	it('counts for no engine with another pepper', () => {
		const { token } = at(NOON).issue(scope);

		expect(() => at(NOON, 'q'.repeat(32)).check(token)).toThrow(refusal('is not valid'));
	});

	it('is refused when a single character of it is not what it was', () => {
		const { token } = at(NOON).issue(scope);

		for (let i = 0; i < token.length; i++) {
			const other = token[i] === 'A' ? 'B' : 'A';
			const forged = token.slice(0, i) + other + token.slice(i + 1);
			expect(() => at(NOON).check(forged)).toThrow(refusal('is not valid'));
		}
	});

	it('cannot be made of the parts of two', () => {
		const [claims] = at(NOON + MINUTE)
			.issue(scope)
			.token.split('.');
		const [, signature] = at(NOON).issue(scope).token.split('.');

		expect(() => at(NOON).check(`${claims}.${signature}`)).toThrow(refusal('is not valid'));
	});

	it.each(['', 'zst_', 'zst_.', `zst_.${'A'.repeat(43)}`, 'é'.repeat(50), 'a'.repeat(10_000)])(
		'is not %j',
		(text) => {
			expect(() => at(NOON).check(text)).toThrow(refusal('is not valid'));
		},
	);

	it.each([`zpk_test_${'a'.repeat(43)}`, `zpk_live_${'a'.repeat(43)}`, 'Bearer zpk_live_abc'])(
		'is no API key such as %s, which has no place in a URL',
		(key) => {
			expect(() => at(NOON).check(key)).toThrow(refusal('does not belong in a URL'));
		},
	);
});

function at(now: number, pepper = PEPPER): StreamTokens {
	const clock = { now: () => now, after: () => () => undefined };
	return new StreamTokens({ clock, pepper });
}

function refusal(hint: string): object {
	return expect.objectContaining({
		code: 'auth_invalid',
		hint: expect.stringContaining(hint),
	}) as object;
}
