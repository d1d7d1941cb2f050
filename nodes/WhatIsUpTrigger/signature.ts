import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The engine signs every call: `X-WhatIsUp-Signature: t=<unix seconds>,v1=<hex>`, where v1 is the
 * HMAC-SHA256 of `<t>.<raw body>` under the endpoint's secret. While a secret is being rotated
 * there are several v1, and one that fits is enough.
 *
 * The secret is used as it is written, `whsec_` included. A signature is good for five minutes
 * on either side of `t`: long enough for two clocks that disagree, short enough that a call that
 * someone recorded is soon worthless.
 */
export const TOLERANCE_SECONDS = 300;

export interface SignedCall {
	readonly header: string | undefined;
	readonly rawBody: Buffer;
	readonly secret: string;
	readonly nowSeconds: number;
}

export type SignatureVerdict =
	| { readonly valid: true; readonly signedAt: number }
	| { readonly valid: false; readonly reason: SignatureFault };

/** `expired` is a signature that fits, but was made too long ago or too far in the future. */
export type SignatureFault = 'missing' | 'malformed' | 'mismatch' | 'expired';

export function verifySignature(call: SignedCall): SignatureVerdict {
	if (call.header === undefined || call.header === '') return { valid: false, reason: 'missing' };
	const parsed = parseHeader(call.header);
	if (parsed === undefined) return { valid: false, reason: 'malformed' };
	const { signedAt, signatures } = parsed;

	const expected = createHmac('sha256', call.secret)
		.update(`${signedAt}.`)
		.update(call.rawBody)
		.digest();
	// Compares with all of them, whatever the first ones say: no early end to be timed.
	const matches = signatures.filter((signature) => timingSafeEqual(signature, expected));
	// Under an empty secret anyone could sign.
	if (call.secret === '' || matches.length === 0) return { valid: false, reason: 'mismatch' };

	if (Math.abs(call.nowSeconds - Number(signedAt)) > TOLERANCE_SECONDS) {
		return { valid: false, reason: 'expired' };
	}
	return { valid: true, signedAt: Number(signedAt) };
}

interface ParsedHeader {
	/** As it was written: it is part of what was signed. */
	readonly signedAt: string;
	readonly signatures: readonly Buffer[];
}

/**
 * Parts with other names are passed over: they may be signatures of a later kind. So is a `v1`
 * that is none, as long as there is one that could be.
 */
function parseHeader(header: string): ParsedHeader | undefined {
	const parts = header.split(',').map((part) => part.trim());
	const times = valuesOf(parts, 't=');
	const signatures = valuesOf(parts, 'v1=').filter(isHexDigest);
	const [signedAt] = times;
	if (signedAt === undefined || times.length > 1 || !/^\d{1,12}$/.test(signedAt)) return undefined;
	if (signatures.length === 0) return undefined;
	return { signedAt, signatures: signatures.map((hex) => Buffer.from(hex, 'hex')) };
}

function valuesOf(parts: readonly string[], prefix: string): string[] {
	return parts.filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length));
}

function isHexDigest(text: string): boolean {
	return /^[0-9a-f]{64}$/i.test(text);
}
