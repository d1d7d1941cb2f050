import { describe, expect, it } from '@jest/globals';
import { verifySignature } from '../../../nodes/WhatIsUpTrigger/signature';
import { sign, signatureHeader } from '../support/signing';

const NOON = Date.UTC(2026, 0, 1, 12) / 1000;
const SECRET = 'whsec_c2VjcmV0IG9mIHRoaXMgdHJpZ2dlcg==';
const BODY = '{"event":"message.received"}';
const V1 = sign(BODY, SECRET, NOON);
const OTHER = sign(BODY, 'whsec_other', NOON);

describe('a signature is valid', () => {
	it.each([
		['made now', 0],
		['made five minutes ago', -300],
		['made five minutes ahead, by a fast clock', 300],
	])('when it was %s', (_, offset) => {
		const signedAt = NOON + offset;

		expect(verify(signatureHeader(BODY, [SECRET], signedAt))).toEqual({ valid: true, signedAt });
	});

	it.each([
		['an empty body', ''],
		['non-ASCII text', '{"text":"Olá, João 👋 — 你好"}'],
		['odd spacing', '{ "a":1,\n\t"b" : [ ] }\r\n'],
		['a megabyte', JSON.stringify({ text: 'x'.repeat(1024 * 1024) })],
	])('over %s', (_, body) => {
		expect(verify(signatureHeader(body, [SECRET], NOON), body)).toMatchObject({ valid: true });
	});

	it('over bytes that are no text', () => {
		const body = Buffer.from([0, 255, 254, 128, 13, 10]);

		expect(verify(signatureHeader(body, [SECRET], NOON), body)).toMatchObject({ valid: true });
	});

	it.each([
		['the first of several', `t=${NOON},v1=${V1},v1=${OTHER}`],
		['the last of several', `t=${NOON},v1=${OTHER},v1=${V1}`],
		['beside kinds that are not known', `t=${NOON},v2=abc,v1=${V1},x=y`],
		['before the time', `v1=${V1},t=${NOON}`],
		['after blanks', `t=${NOON}, v1=${V1}`],
		['in capitals', `t=${NOON},v1=${V1.toUpperCase()}`],
	])('when the one that fits stands %s', (_, header) => {
		expect(verify(header)).toEqual({ valid: true, signedAt: NOON });
	});
});

describe('a signature is refused', () => {
	it.each([-301, 301, -86_400])('as expired %d seconds from now', (offset) => {
		const header = signatureHeader(BODY, [SECRET], NOON + offset);

		expect(verify(header)).toEqual({ valid: false, reason: 'expired' });
	});

	it.each([
		['made with another secret', signatureHeader(BODY, ['whsec_other'], NOON)],
		['made over another body', signatureHeader(`${BODY} `, [SECRET], NOON)],
		['moved to another time', `t=${NOON + 1},v1=${V1}`],
		['made with the bytes that the secret encodes', decodedKeyHeader()],
		['one of several that all do not fit', `t=${NOON},v1=${OTHER},v1=${OTHER}`],
		['old and forged at once', `t=${NOON - 900},v1=${V1}`],
	])('as a mismatch when %s', (_, header) => {
		expect(verify(header)).toEqual({ valid: false, reason: 'mismatch' });
	});

	it.each([undefined, ''])('as missing when the header is %s', (header) => {
		expect(verify(header)).toEqual({ valid: false, reason: 'missing' });
	});

	it.each([
		['no time', `v1=${V1}`],
		['no signature', `t=${NOON}`],
		['two times', `t=${NOON},t=${NOON + 1},v1=${V1}`],
		['a time that is no number', `t=noon,v1=${V1}`],
		['a time with a sign', `t=-${NOON},v1=${V1}`],
		['a time with a fraction', `t=${NOON}.5,v1=${V1}`],
		['a signature that is too short', `t=${NOON},v1=${V1.slice(2)}`],
		['a signature that is too long', `t=${NOON},v1=${V1}00`],
		['a signature that is no hex', `t=${NOON},v1=${'g'.repeat(64)}`],
		['an empty signature beside a good one', `t=${NOON},v1=,v1=${V1}`],
		['nothing but commas', ',,,'],
		['something else', 'Bearer zpk_test_1'],
	])('as malformed when it has %s', (_, header) => {
		expect(verify(header)).toEqual({ valid: false, reason: 'malformed' });
	});
});

function verify(header: string | undefined, body: Buffer | string = BODY) {
	return verifySignature({
		header,
		rawBody: Buffer.from(body),
		secret: SECRET,
		nowSeconds: NOON,
	});
}

/** The key of the Standard Webhooks scheme, which is not the key of this one. */
function decodedKeyHeader(): string {
	const decoded = Buffer.from(SECRET.slice('whsec_'.length), 'base64').toString('utf8');
	return signatureHeader(BODY, [decoded], NOON);
}
