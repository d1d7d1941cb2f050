import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import {
	newSigningSecret,
	signContract,
	signStandard,
	verifyContract,
	type Receipt,
} from '../../../engine/src/domain/signature.ts';

const NOON_SECONDS = Date.UTC(2026, 0, 1, 12) / 1000;
const SECRET = newSigningSecret(createHash('sha256').update('a fixed seed').digest());
const OLD_SECRET = newSigningSecret(createHash('sha256').update('another seed').digest());
const BODIES: ReadonlyArray<readonly [string, Uint8Array]> = [
	['an event', bytes('{"event":"message.received"}')],
	['an empty body', bytes('')],
	['text beyond ASCII', bytes('{"text":"Olá 👋 שלום\\u0000"}')],
	['bytes that are no UTF-8', Uint8Array.of(0, 255, 254, 128, 10)],
	['one megabyte', new Uint8Array(1024 * 1024).fill(97)],
];

describe('the contract signature', () => {
	it.each(BODIES)('of %s is what openssl computes', (_name, body) => {
		const header = signContract([SECRET], NOON_SECONDS, body);

		const signed = Buffer.concat([bytes(`${NOON_SECONDS}.`), body]);
		expect(header).toBe(`t=${NOON_SECONDS},v1=${opensslHmac(SECRET, signed)}`);
	});

	it.each(BODIES)('of %s is accepted', (_name, body) => {
		const header = signContract([SECRET], NOON_SECONDS, body);

		expect(verify(header, { body })).toEqual({ verified: true });
	});

	it('carries one v1 per secret, and either secret accepts it', () => {
		const header = signContract([SECRET, OLD_SECRET], NOON_SECONDS, BODIES[0]![1]);

		expect(header).toMatch(/^t=\d+,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/);
		expect(verify(header, { secrets: [SECRET] })).toEqual({ verified: true });
		expect(verify(header, { secrets: [OLD_SECRET] })).toEqual({ verified: true });
	});

	it('is accepted by a receiver that knows two secrets', () => {
		const header = signContract([OLD_SECRET], NOON_SECONDS, BODIES[0]![1]);

		expect(verify(header, { secrets: [SECRET, OLD_SECRET] })).toEqual({ verified: true });
	});

	it.each([
		['in another order', (header: string) => header.split(',').reverse().join(',')],
		['with spaces', (header: string) => header.split(',').join(' , ')],
		['with a field of a later version', (header: string) => `v2=abc,${header},k=1`],
		['with a signature of someone else first', (h: string) => `v1=${'0'.repeat(64)},${h}`],
		['in upper-case hex', (header: string) => header.replace(/[a-f0-9]{64}/, upperCase)],
	])('is accepted %s', (_name, rewrite) => {
		const header = rewrite(signContract([SECRET], NOON_SECONDS, BODIES[0]![1]));

		expect(verify(header)).toEqual({ verified: true });
	});

	it.each([
		[-301, { verified: false, reason: 'too_new' }],
		[-300, { verified: true }],
		[0, { verified: true }],
		[300, { verified: true }],
		[301, { verified: false, reason: 'too_old' }],
	])('looked at %i seconds after signing gives %j', (age, verdict) => {
		const header = signContract([SECRET], NOON_SECONDS, BODIES[0]![1]);

		expect(verify(header, { nowSeconds: NOON_SECONDS + age })).toEqual(verdict);
	});

	it.each([
		['another secret', { secrets: [OLD_SECRET] }],
		['no secret at all', { secrets: [] }],
		['another body', { body: bytes('{"event":"message.sent"}') }],
		['a body with one more byte', { body: bytes('{"event":"message.received"} ') }],
	])('is refused for %s', (_name, difference) => {
		const header = signContract([SECRET], NOON_SECONDS, BODIES[0]![1]);

		const verdict = verify(header, difference);

		expect(verdict).toEqual({ verified: false, reason: 'wrong_signature' });
	});

	it('is held against a narrower tolerance when the receiver has one', () => {
		const header = signContract([SECRET], NOON_SECONDS, BODIES[0]![1]);

		const verdict = verify(header, { nowSeconds: NOON_SECONDS + 11, toleranceSeconds: 10 });

		expect(verdict).toEqual({ verified: false, reason: 'too_old' });
	});

	it('is refused when its time is moved', () => {
		const header = signContract([SECRET], NOON_SECONDS, BODIES[0]![1]);

		const verdict = verify(header.replace(`t=${NOON_SECONDS}`, `t=${NOON_SECONDS + 1}`));

		expect(verdict).toEqual({ verified: false, reason: 'wrong_signature' });
	});

	it.each([
		[''],
		['t='],
		[`t=${NOON_SECONDS}`],
		[`v1=${'0'.repeat(64)}`],
		[`t=soon,v1=${'0'.repeat(64)}`],
		[`t=-1,v1=${'0'.repeat(64)}`],
		[`t=${NOON_SECONDS},v1=${'0'.repeat(63)}`],
		[`t=${NOON_SECONDS},v1=${'g'.repeat(64)}`],
		[`t=${NOON_SECONDS},t=${NOON_SECONDS},v1=${'0'.repeat(64)}`],
	])('that reads %j is malformed', (header) => {
		expect(verify(header)).toEqual({ verified: false, reason: 'malformed_header' });
	});
});

describe('the Standard Webhooks signature', () => {
	const now = Math.floor(Date.now() / 1000);

	it.each(BODIES.filter(([name]) => !name.includes('no UTF-8')))(
		'of %s is accepted by the standard library',
		(_name, body) => {
			const receiver = new Webhook(SECRET);

			const receive = () => receiver.verify(Buffer.from(body), headers([SECRET], body), RAW);

			expect(receive).not.toThrow();
		},
	);

	it('is accepted by the standard library with either secret during a rotation', () => {
		const body = BODIES[0]![1];
		const signed = headers([SECRET, OLD_SECRET], body);

		expect(() => new Webhook(SECRET).verify(Buffer.from(body), signed)).not.toThrow();
		expect(() => new Webhook(OLD_SECRET).verify(Buffer.from(body), signed)).not.toThrow();
	});

	it('is refused by the standard library with another secret', () => {
		const body = BODIES[0]![1];

		const receive = () =>
			new Webhook(OLD_SECRET).verify(Buffer.from(body), headers([SECRET], body));

		expect(receive).toThrow('No matching signature');
	});

	it.each([['brought-along secret'], ['whsec_'], ['whsec_no base64!']])(
		'with the secret %j takes its text for the key',
		(secret) => {
			const body = BODIES[0]![1];
			const receiver = new Webhook(secret, { format: 'raw' });

			const receive = () => receiver.verify(Buffer.from(body), headers([secret], body));

			expect(receive).not.toThrow();
		},
	);

	it.each(BODIES)('of %s is what openssl computes', (_name, body) => {
		const signature = signStandard(['plain'], 'evt_1', NOON_SECONDS, body);

		const signed = Buffer.concat([bytes(`evt_1.${NOON_SECONDS}.`), body]);
		const expected = Buffer.from(opensslHmac('plain', signed), 'hex').toString('base64');
		expect(signature).toBe(`v1,${expected}`);
	});

	const RAW = { jsonParse: false };

	function headers(secrets: readonly string[], body: Uint8Array) {
		return {
			'webhook-id': 'evt_1',
			'webhook-timestamp': String(now),
			'webhook-signature': signStandard(secrets, 'evt_1', now, body),
		};
	}
});

it('makes a signing secret of 32 random bytes', () => {
	expect(newSigningSecret(new Uint8Array(32))).toBe(`whsec_${'A'.repeat(43)}=`);
});

function verify(header: string, difference: Partial<Receipt> = {}) {
	const receipt = { secrets: [SECRET], body: BODIES[0]![1], nowSeconds: NOON_SECONDS };
	return verifyContract(header, { ...receipt, ...difference });
}

function opensslHmac(secret: string, input: Uint8Array): string {
	const key = `hexkey:${Buffer.from(secret).toString('hex')}`;
	const args = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', key, '-r'];
	return execFileSync('openssl', args, { input, encoding: 'utf8' }).slice(0, 64);
}

function bytes(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

function upperCase(text: string): string {
	return text.toUpperCase();
}
