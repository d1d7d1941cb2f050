/**
 * The two signatures on every webhook request, and the check that a receiver makes.
 *
 *   contract   X-WhatIsUp-Signature: t=<unix s>,v1=<hex>[,v1=<hex>]
 *              HMAC-SHA256 over `<t>.<raw body>`; the key is the secret's text as UTF-8
 *   standard   webhook-signature: v1,<base64>[ v1,<base64>]        (Standard Webhooks)
 *              HMAC-SHA256 over `<id>.<t>.<raw body>`; the key is what `whsec_` precedes
 *
 * Both take a list of secrets: while one is being rotated, old and new sign side by side and
 * a receiver is content with either. Both sign raw bytes, so a body is serialised once and
 * never again on its way out.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far a receiver's clock may be from ours before it takes a request for a replay. */
export const SIGNATURE_TOLERANCE_SECONDS = 300;

export type SignatureFault = 'malformed_header' | 'too_old' | 'too_new' | 'wrong_signature';

export type SignatureVerdict =
	{ readonly verified: true } | { readonly verified: false; readonly reason: SignatureFault };

/** What a receiver holds against a signature. */
export interface Receipt {
	readonly secrets: readonly string[];
	/** The bytes as they came, before any parsing. */
	readonly body: Uint8Array;
	readonly nowSeconds: number;
	readonly toleranceSeconds?: number | undefined;
}

const SECRET_PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A signing secret made of these random bytes (32 of them). */
export function newSigningSecret(random: Uint8Array): string {
	return SECRET_PREFIX + Buffer.from(random).toString('base64');
}

/** The value of `X-WhatIsUp-Signature`. */
export function signContract(
	secrets: readonly string[],
	timestampSeconds: number,
	body: Uint8Array,
): string {
	const signatures = secrets.map((secret) => {
		return `v1=${contractHmac(secret, timestampSeconds, body).toString('hex')}`;
	});
	return [`t=${timestampSeconds}`, ...signatures].join(',');
}

/** The value of `webhook-signature`. The id must hold no dot: dots separate what is signed. */
export function signStandard(
	secrets: readonly string[],
	id: string,
	timestampSeconds: number,
	body: Uint8Array,
): string {
	return secrets
		.map((secret) => hmac(standardKey(secret), `${id}.${timestampSeconds}.`, body))
		.map((signature) => `v1,${signature.toString('base64')}`)
		.join(' ');
}

/**
 * Checks a contract signature as a receiver should: constant time, over the raw body, and
 * within the tolerance on both sides. Fields may come in any order and unknown ones are
 * skipped, so that a `v2` can be added one day; a second `t` is refused. An empty secret
 * verifies nothing: a receiver whose setting got lost must not trust everyone.
 */
export function verifyContract(header: string, receipt: Receipt): SignatureVerdict {
	const { secrets, body, nowSeconds, toleranceSeconds = SIGNATURE_TOLERANCE_SECONDS } = receipt;
	const signed = parseContractHeader(header);
	if (signed === undefined) return { verified: false, reason: 'malformed_header' };

	const expected = secrets
		.filter((secret) => secret !== '')
		.map((secret) => contractHmac(secret, signed.timestamp, body));
	const fits = signed.signatures.some((signature) => {
		return expected.some((candidate) => timingSafeEqual(candidate, signature));
	});
	// The time is part of what was signed, so it means nothing before the signature fits.
	if (!fits) return { verified: false, reason: 'wrong_signature' };

	const ageSeconds = nowSeconds - Number(signed.timestamp);
	if (ageSeconds > toleranceSeconds) return { verified: false, reason: 'too_old' };
	if (ageSeconds < -toleranceSeconds) return { verified: false, reason: 'too_new' };
	return { verified: true };
}

interface SignedHeader {
	/** Unix seconds as they were written, for that is what was signed. */
	readonly timestamp: string;
	readonly signatures: readonly Buffer[];
}

function parseContractHeader(header: string): SignedHeader | undefined {
	const fields = header.split(',').map((field) => field.trim());
	const times = fields.filter((field) => field.startsWith('t='));
	const timestamp = /^t=(\d{1,12})$/.exec(times[0] ?? '')?.[1];
	const signatures = fields
		.map((field) => /^v1=([0-9a-f]{64})$/i.exec(field)?.[1])
		.filter((hex) => hex !== undefined)
		.map((hex) => Buffer.from(hex, 'hex'));
	if (times.length !== 1 || timestamp === undefined || signatures.length === 0) return undefined;
	return { timestamp, signatures };
}

function contractHmac(secret: string, timestamp: number | string, body: Uint8Array): Buffer {
	return hmac({ text: secret, encoding: 'utf8' }, `${timestamp}.`, body);
}

/**
 * A secret that someone brought along need not be in the standard's form. Its UTF-8 bytes
 * are the key then, which libraries call the raw format. That also goes for `whsec_` before
 * something that is not base64: decoders disagree on what to make of that.
 */
function standardKey(secret: string): Key {
	const encoded = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : '';
	return BASE64.test(encoded)
		? { text: encoded, encoding: 'base64' }
		: { text: secret, encoding: 'utf8' };
}

interface Key {
	readonly text: string;
	readonly encoding: 'utf8' | 'base64';
}

/** Keys stay text: Node takes 2.6 µs for an HMAC with one, and 12.6 µs when it is a buffer. */
function hmac({ text, encoding }: Key, prefix: string, body: Uint8Array): Buffer {
	return createHmac('sha256', text, { encoding }).update(prefix).update(body).digest();
}
