import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import {
	newSigningSecret,
	signContract,
	signStandard,
	verifyContract,
	type SignatureFault,
} from '../../../engine/src/domain/signature.ts';
import {
	SIGNATURE_CASES,
	type ExpectedVerdict,
	type SignatureCase,
} from '../../support/signature-cases.ts';

const NOON_SECONDS = Date.UTC(2026, 0, 1, 12) / 1000;
const SECRET = newSigningSecret(createHash('sha256').update('a fixed seed').digest());
const OLD_SECRET = newSigningSecret(createHash('sha256').update('another seed').digest());
const OTHER_SECRET = newSigningSecret(createHash('sha256').update('a guess').digest());
const PLAIN_SECRET = 'brought-along secret';
const EVENT = bytes('{"event":"message.received"}');
const BODIES: ReadonlyArray<readonly [string, Uint8Array]> = [
	['an event', EVENT],
	['an empty body', bytes('')],
	['text beyond ASCII', bytes('{"text":"Olá 👋 שלום\\u0000"}')],
	['bytes that are no UTF-8', Uint8Array.of(0, 255, 254, 128, 10)],
	['one megabyte', new Uint8Array(1024 * 1024).fill(97)],
];

const FAULTS: Record<Exclude<ExpectedVerdict, 'accepted'>, SignatureFault> = {
	missing: 'malformed_header',
	malformed: 'malformed_header',
	wrong_signature: 'wrong_signature',
	too_old: 'too_old',
	too_new: 'too_new',
};

describe('to the engine, a contract signature', () => {
	it.each(SIGNATURE_CASES)('$name is $verdict', ({ header, verdict, ...receipt }) => {
		expect(verifyContract(header, receipt)).toEqual(
			verdict === 'accepted' ? { verified: true } : { verified: false, reason: FAULTS[verdict] },
		);
	});

	it('is held against a narrower tolerance when the receiver has one', () => {
		const [{ header, ...receipt }] = SIGNATURE_CASES as [SignatureCase];

		const elevenSecondsLater = { ...receipt, nowSeconds: receipt.nowSeconds + 11 };
		const verdict = verifyContract(header, { ...elevenSecondsLater, toleranceSeconds: 10 });

		expect(verdict).toEqual({ verified: false, reason: 'too_old' });
	});
});

describe('the contract signature', () => {
	it.each(BODIES)('of %s has one v1 per secret, each as openssl computes it', (_name, body) => {
		const header = signContract([SECRET, OLD_SECRET], NOON_SECONDS, body);

		const signed = Buffer.concat([bytes(`${NOON_SECONDS}.`), body]);
		const [ours, old] = [SECRET, OLD_SECRET].map((secret) => opensslHmac(bytes(secret), signed));
		expect(header).toBe(`t=${NOON_SECONDS},v1=${ours},v1=${old}`);
	});

	it('of one secret has one v1', () => {
		const header = signContract([SECRET], NOON_SECONDS, EVENT);

		expect(header).toMatch(/^t=1767268800,v1=[0-9a-f]{64}$/);
	});

	it('fits with any of the secrets that made it, and with no other', () => {
		const header = signContract([SECRET, OLD_SECRET], NOON_SECONDS, EVENT);

		const verdicts = [SECRET, OLD_SECRET, OTHER_SECRET].map((secret) => {
			return verifyContract(header, { secrets: [secret], body: EVENT, nowSeconds: NOON_SECONDS });
		});

		expect(verdicts.map(({ verified }) => verified)).toEqual([true, true, false]);
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
		const signed = headers([SECRET, OLD_SECRET], EVENT);

		expect(() => new Webhook(SECRET).verify(Buffer.from(EVENT), signed)).not.toThrow();
		expect(() => new Webhook(OLD_SECRET).verify(Buffer.from(EVENT), signed)).not.toThrow();
	});

	it.each<[string, string, Partial<Headers>]>([
		['with another secret', OTHER_SECRET, {}],
		['under another id', SECRET, { 'webhook-id': 'evt_2' }],
		['at another time', SECRET, { 'webhook-timestamp': String(now + 1) }],
	])('is refused by the standard library %s', (_name, secret, changes) => {
		const signed = { ...headers([SECRET, OLD_SECRET], EVENT), ...changes };

		const receive = () => new Webhook(secret).verify(Buffer.from(EVENT), signed);

		expect(receive).toThrow('No matching signature');
	});

	it.each([['brought-along secret'], ['whsec_'], ['whsec_no base64!']])(
		'with the secret %j takes its text for the key',
		(secret) => {
			const receiver = new Webhook(secret, { format: 'raw' });

			const receive = () => receiver.verify(Buffer.from(EVENT), headers([secret], EVENT));

			expect(receive).not.toThrow();
		},
	);

	it.each(BODIES)('of %s has one v1 per secret, each as openssl computes it', (_name, body) => {
		const secrets = [SECRET, OLD_SECRET, PLAIN_SECRET];

		const signatures = signStandard(secrets, 'evt_1', NOON_SECONDS, body);

		const keys = [opensslDecode(SECRET), opensslDecode(OLD_SECRET), bytes(PLAIN_SECRET)];
		const signed = Buffer.concat([bytes(`evt_1.${NOON_SECONDS}.`), body]);
		const expected = keys.map((key) => Buffer.from(opensslHmac(key, signed), 'hex'));
		expect(signatures).toBe(expected.map((hmac) => `v1,${hmac.toString('base64')}`).join(' '));
	});

	const RAW = { jsonParse: false };

	type Headers = ReturnType<typeof headers>;

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

function opensslHmac(key: Uint8Array, input: Uint8Array): string {
	const hex = `hexkey:${Buffer.from(key).toString('hex')}`;
	const args = ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', hex, '-r'];
	return execFileSync('openssl', args, { input, encoding: 'utf8' }).slice(0, 64);
}

/** The key that the standard reads out of a secret. */
function opensslDecode(secret: string): Uint8Array {
	return execFileSync('openssl', ['base64', '-d', '-A'], { input: secret.replace('whsec_', '') });
}

function bytes(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
