/** The checks for "the signature does not verify" that need no request. */
import type { DiagnosisFacts } from './diagnosis-facts.ts';
import { SIGNATURE_TOLERANCE_SECONDS } from './signature.ts';
import { instant, span } from './time-span.ts';
import { info, ok, UNKNOWN, warning, type Judgement } from './finding.ts';

/** For so long after a rotation, receivers that fail may have missed it. */
const RECENT_MS = 7 * 86_400_000;

/** Always there: no request can tell from outside how a receiver verifies. */
export function rawBody(): Judgement {
	return info(
		'The signature covers the bytes of the body as they come, not what a parser makes of them.',
		{
			header: 'X-WhatIsUp-Signature',
			signed: '<t>.<raw body>',
			algorithm: 'HMAC-SHA256',
			tolerance_seconds: SIGNATURE_TOLERANCE_SECONDS,
		},
		'Verify before parsing: express.raw() or the verify option of express.json(); "Raw Body" in ' +
			"n8n's Webhook node. The WhatIsUp Trigger node does all of this.",
	);
}

export function secretRotated({ endpoint, now }: DiagnosisFacts): Judgement {
	const { secretRotatedAt, previousSecretUntil } = endpoint;
	if (secretRotatedAt === null) return ok('The signing secret was never rotated.');
	const evidence = {
		secret_rotated_at: instant(secretRotatedAt),
		previous_secret_until: instant(previousSecretUntil),
	};
	const ago = `The signing secret was rotated ${span(now - secretRotatedAt)} ago.`;
	if (previousSecretUntil !== null && previousSecretUntil > now) {
		const left = span(previousSecretUntil - now);
		return info(
			`${ago} The former one signs as well for ${left}.`,
			evidence,
			'Give every receiver the new secret before then.',
		);
	}
	const endedAt = Math.max(secretRotatedAt, previousSecretUntil ?? 0);
	if (now - endedAt > RECENT_MS) return ok(ago, evidence);
	return warning(
		`${ago} Receivers that have only the former one refuse everything.`,
		evidence,
		'Check that every receiver has the new secret; if it is lost, rotate once more.',
	);
}

export function sameUrl({ rivals }: DiagnosisFacts): Judgement {
	if (!rivals) return UNKNOWN;
	if (rivals.length === 0) return ok('No other endpoint with another secret has this URL.');
	return warning(
		'Other endpoints have the same URL and another secret.',
		{ endpoint_ids: rivals },
		'Let the receiver pick the secret by X-WhatIsUp-Endpoint-Id, or delete those not needed.',
	);
}
