import { describe, expect, it } from '@jest/globals';
import { verifySignature } from '../../../nodes/WhatIsUpTrigger/signature';
import { SIGNATURE_CASES, type ExpectedVerdict } from '../../support/signature-cases';

/** A trigger has one secret: a new one comes with a new registration. */
const CASES = SIGNATURE_CASES.filter(({ secrets }) => secrets.length === 1);

const REASONS: Record<Exclude<ExpectedVerdict, 'accepted'>, string> = {
	missing: 'missing',
	malformed: 'malformed',
	wrong_signature: 'mismatch',
	too_old: 'expired',
	too_new: 'expired',
};

describe('to the trigger, a signature', () => {
	it.each(CASES)('$name is $verdict', ({ header, body, secrets, nowSeconds, verdict }) => {
		const answer = verifySignature({
			header,
			rawBody: Buffer.from(body),
			secret: secrets[0]!,
			nowSeconds,
		});

		expect(answer).toEqual(
			verdict === 'accepted'
				? { valid: true, signedAt: signedAt(header) }
				: { valid: false, reason: REASONS[verdict] },
		);
	});

	it('that did not come at all is missing', () => {
		const [{ body, secrets, nowSeconds }] = CASES as [(typeof CASES)[0]];

		const answer = verifySignature({
			header: undefined,
			rawBody: Buffer.from(body),
			secret: secrets[0]!,
			nowSeconds,
		});

		expect(answer).toEqual({ valid: false, reason: 'missing' });
	});
});

function signedAt(header: string): number {
	return Number(/t=(\d+)/.exec(header)![1]);
}
