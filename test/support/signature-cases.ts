/**
 * What a receiver must say to `X-WhatIsUp-Signature`, case by case. The engine's own check and
 * the trigger's are two programs; both are held against this one table.
 *
 * No HMAC here comes from either of them. All were computed with openssl, as
 *
 *   { printf '1767268800.'; cat body; } | openssl dgst -sha256 -mac HMAC -macopt key:<secret>
 */
export interface SignatureCase {
	readonly name: string;
	readonly header: string;
	readonly body: Uint8Array;
	/** What the receiver knows: two while a secret is being rotated. */
	readonly secrets: readonly string[];
	readonly nowSeconds: number;
	readonly verdict: ExpectedVerdict;
}

export type ExpectedVerdict =
	'accepted' | 'missing' | 'malformed' | 'wrong_signature' | 'too_old' | 'too_new';

type Row = readonly [name: string, header: string, changes?: Partial<SignatureCase>];

const NOON = Date.UTC(2026, 0, 1, 12) / 1000;
const SECRET = 'whsec_c2VjcmV0IG9mIHRoaXMgdHJpZ2dlcg==';
const OLD_SECRET = 'whsec_YW4gb2xkZXIgb25l';
const PLAIN_SECRET = 'a plain secret, brought along';
const BODY = bytes('{"event":"message.received","sequence":7}');

/** Over BODY at NOON, unless the name says otherwise. */
const HMAC = {
	fits: '04ea453df1c191e3a6089fe6fa888f462b63e4dbfebd00a20892f2230ec81128',
	oldSecret: 'ad248f913979964bea7d7856f2ce9bfa54022b6bafdc8e6acfa6861b5d293662',
	plainSecret: 'bddc1d53879bbe3401da72e1b8382a1f914e2a71b897bba4e64e41e3a264e7d2',
	secretBeyondAscii: '932d8afaaebd81832f60ce80a916428a97730c97fc6ed00e7648c18d817f9820',
	emptySecret: '7e3cff48033024ad2b01183f46428a90872fc19dd5a32fb92b662648590b69b8',
	decodedSecret: '35bb92a477eff4b67e059cceebc114a58bd75bc81ed0b1db24808178659708dd',
	secretWithoutPrefix: 'fd3f1b2642d8ebd2b970097a47ce3cda6acb16daf8a5136e1d1ee4fa97e378e0',
	emptyBody: '43fd15629086b54b6f2f2d736f46143472c1a8bfa84e8c6cde26241e03f49b0a',
	textBeyondAscii: '191f987cb502b21b30c9661e67f71fe221afdef092eeece5adb6d4373f1b0d5d',
	noUtf8: 'ff65508289f3459beffe2c2727137ba3c6f823ba61a3ddb8d2bb07671e15e82a',
	byteOrderMark: 'c2a0bc0e136ea3121b46d29aa62b0781595dd5fa6c8bcd99eb7a449a0ca6d7ae',
	oddSpacing: '60d1c428dfa41ebd24045015b7c8b3632a47cc43b5a5dff78f0101cb791501b6',
	oneMegabyte: '3987f9170826f2971181e6dc4a2328c195d56242c81eddb03ed8109d62a52671',
	withoutTime: 'de4dc2d1758afc5702995aa6ae7c0c480f3bccf39356ca951b089adb85a042c9',
	hashOnly: '025fd09ba8afc55d7e35adf9787cf1dccfc3225eacb2a66ff377239ea6a52674',
	standardScheme: 'f8d0310a445497ca9e5e4a0e66da0baa44e78626a9ba74c33e80bfbe6313d500',
	timeWithZero: '2f22a45796d377c4317f53dd977c536c4495b4ef974292e181a3dd5d21692124',
	timeInMs: '2ad42d51f4f107b93df1ec4b4866b140c2a0c31dda5d2c7182418c5beed1dc3b',
};
const FITS = `t=${NOON},v1=${HMAC.fits}`;
const WRONG = `v1=${'0'.repeat(64)}`;

const TIMES: readonly Row[] = [
	['made just now', FITS],
	['made 300 seconds ago', FITS, { nowSeconds: NOON + 300 }],
	['made 301 seconds ago', FITS, { nowSeconds: NOON + 301, verdict: 'too_old' }],
	['made a day ago', FITS, { nowSeconds: NOON + 86_400, verdict: 'too_old' }],
	['made 300 seconds ahead', FITS, { nowSeconds: NOON - 300 }],
	['made 301 seconds ahead', FITS, { nowSeconds: NOON - 301, verdict: 'too_new' }],
	['made a day ahead', FITS, { nowSeconds: NOON - 86_400, verdict: 'too_new' }],
	...refused('wrong_signature', [
		['moved to a second later', `t=${NOON + 1},v1=${HMAC.fits}`],
		['old, and moved to now', FITS.replace(`t=${NOON}`, `t=${NOON + 900}`)],
		['old and forged at once', `t=${NOON - 900},v1=${HMAC.fits}`],
		['with a zero put before the time', `t=0${NOON},v1=${HMAC.fits}`],
	]),
	['over a time that is written with a zero', `t=0${NOON},v1=${HMAC.timeWithZero}`],
	...refused('malformed', [
		['over a time in milliseconds', `t=${NOON}000,v1=${HMAC.timeInMs}`],
		['without a time', `v1=${HMAC.fits}`],
		['with an empty time', `t=,v1=${HMAC.fits}`],
		['with the same time twice', `t=${NOON},t=${NOON},v1=${HMAC.fits}`],
		['with a second, newer time', `t=${NOON},v1=${HMAC.fits},t=${NOON + 900}`],
		['with a time in words', `t=noon,v1=${HMAC.fits}`],
		['with a time below zero', `t=-${NOON},v1=${HMAC.fits}`],
		['with a plus before the time', `t=+${NOON},v1=${HMAC.fits}`],
		['with a fraction of a second', `t=${NOON}.5,v1=${HMAC.fits}`],
		['with an exponent', `t=1767268.8e3,v1=${HMAC.fits}`],
		['with a hexadecimal time', `t=0x${NOON.toString(16)},v1=${HMAC.fits}`],
		['with a time in full-width digits', `t=${fullWidth(String(NOON))},v1=${HMAC.fits}`],
		['with a blank inside the time field', `t= ${NOON},v1=${HMAC.fits}`],
	]),
];

const FIELDS: readonly Row[] = [
	['with the signature before the time', `v1=${HMAC.fits},t=${NOON}`],
	['with blanks and tabs between fields', `  t=${NOON} ,\tv1=${HMAC.fits} `],
	['with empty fields', `,t=${NOON},,v1=${HMAC.fits},`],
	['beside fields of other names', `v2=abc,t=${NOON},x=y,v1=${HMAC.fits},v11=1`],
	['in upper-case hex', `t=${NOON},v1=${HMAC.fits.toUpperCase()}`],
	['first of several', `t=${NOON},v1=${HMAC.fits},${WRONG}`],
	['last of several', `t=${NOON},${WRONG},v1=${HMAC.oldSecret},v1=${HMAC.fits}`],
	['among signatures that cannot be read', `t=${NOON},v1=,v1=xyz,v1=${HMAC.fits},v1=00`],
	['last of a thousand', `t=${NOON},${`${WRONG},`.repeat(999)}v1=${HMAC.fits}`],
	['twice', `t=${NOON},v1=${HMAC.fits},v1=${HMAC.fits}`],
	['none of several', `t=${NOON},${WRONG},v1=${HMAC.oldSecret}`, { verdict: 'wrong_signature' }],
	['no header at all', '', { verdict: 'missing' }],
	...refused('malformed', [
		['without a signature', `t=${NOON}`],
		['with an empty signature', `t=${NOON},v1=`],
		['of a later version only', `t=${NOON},v2=${HMAC.fits}`],
		['of an earlier version only', `t=${NOON},v0=${HMAC.fits}`],
		['named in upper case', `T=${NOON},V1=${HMAC.fits}`],
		['that is a digit short', `t=${NOON},v1=${HMAC.fits.slice(1)}`],
		['that is a byte short', `t=${NOON},v1=${HMAC.fits.slice(2)}`],
		['that is a byte long', `t=${NOON},v1=${HMAC.fits}00`],
		['that is only the beginning', `t=${NOON},v1=${HMAC.fits.slice(0, 8)}`],
		['that is no hex', `t=${NOON},v1=${'g'.repeat(64)}`],
		['with 0x before the hex', `t=${NOON},v1=0x${HMAC.fits}`],
		['in base64', `t=${NOON},v1=BOpFPfHBkeOmCJ/m+oiPRitj5Nv+vQCiCJLyIw7IESg=`],
		['with a blank in the middle', `t=${NOON},v1=${HMAC.fits.slice(0, 32)} ${HMAC.fits.slice(32)}`],
		['in quotes', `t="${NOON}",v1="${HMAC.fits}"`],
		['with semicolons between fields', FITS.replace(',', ';')],
		['in the form of Standard Webhooks', `v1,BOpFPfHBkeOmCJ/m+oiPRitj5Nv+vQCiCJLyIw7IESg=`],
		['in the form of GitHub', `sha256=${HMAC.fits}`],
		['that is an API key', 'Bearer zpk_test_1'],
		['of nothing but commas', ',,,'],
		['of 100 kB without a field', 'x'.repeat(100_000)],
		['of 100 kB of commas', ','.repeat(100_000)],
	]),
];

const SECRETS: readonly Row[] = [
	['under a plain secret', `t=${NOON},v1=${HMAC.plainSecret}`, { secrets: [PLAIN_SECRET] }],
	[
		'under a secret beyond ASCII',
		`t=${NOON},v1=${HMAC.secretBeyondAscii}`,
		{ secrets: ['geheimnis-ß-🔑'] },
	],
	['under the new of two secrets', FITS, { secrets: [SECRET, OLD_SECRET] }],
	[
		'under the old of two secrets',
		`t=${NOON},v1=${HMAC.oldSecret}`,
		{ secrets: [SECRET, OLD_SECRET] },
	],
	[
		'under both, for a receiver that knows the old one',
		`t=${NOON},v1=${HMAC.fits},v1=${HMAC.oldSecret}`,
		{ secrets: [OLD_SECRET] },
	],
	...refused('wrong_signature', [
		['under another secret', `t=${NOON},v1=${HMAC.oldSecret}`],
		['under a secret with a blank after it', FITS, { secrets: [`${SECRET} `] }],
		['under a secret in another case', FITS, { secrets: [SECRET.toLowerCase()] }],
		['under an empty secret', `t=${NOON},v1=${HMAC.emptySecret}`, { secrets: [''] }],
		['for a receiver without a secret', FITS, { secrets: [] }],
		['under the bytes that the secret encodes', `t=${NOON},v1=${HMAC.decodedSecret}`],
		['under the secret without whsec_', `t=${NOON},v1=${HMAC.secretWithoutPrefix}`],
		['over the body without the time', `t=${NOON},v1=${HMAC.withoutTime}`],
		['over the event id too, as the standard has it', `t=${NOON},v1=${HMAC.standardScheme}`],
		['by hashing the secret before the body', `t=${NOON},v1=${HMAC.hashOnly}`],
	]),
];

const BODIES: readonly Row[] = [
	['over an empty body', `t=${NOON},v1=${HMAC.emptyBody}`, { body: bytes('') }],
	[
		'over text beyond ASCII',
		`t=${NOON},v1=${HMAC.textBeyondAscii}`,
		{ body: bytes('{"text":"Olá, João 👋 — 你好 שלום"}') },
	],
	[
		'over bytes that are no UTF-8',
		`t=${NOON},v1=${HMAC.noUtf8}`,
		{ body: Uint8Array.of(0, 255, 254, 128, 13, 10) },
	],
	[
		'over a byte order mark',
		`t=${NOON},v1=${HMAC.byteOrderMark}`,
		{ body: Uint8Array.of(0xef, 0xbb, 0xbf, ...BODY) },
	],
	[
		'over odd spacing',
		`t=${NOON},v1=${HMAC.oddSpacing}`,
		{ body: bytes('{ "a":1,\n\t"b" : [ ] }\r\n') },
	],
	[
		'over one megabyte',
		`t=${NOON},v1=${HMAC.oneMegabyte}`,
		{ body: new Uint8Array(1024 * 1024).fill(97) },
	],
	...refused('wrong_signature', [
		['over a body that lost its last byte', FITS, { body: BODY.subarray(0, -1) }],
		['over a body with a line feed more', FITS, { body: Uint8Array.of(...BODY, 10) }],
		['over a body with one bit flipped', FITS, { body: flipped(BODY) }],
		['over a body that was emptied', FITS, { body: bytes('') }],
		[
			'over a body written with other spacing',
			FITS,
			{ body: bytes('{"event": "message.received", "sequence": 7}') },
		],
		[
			'over a body with its fields in another order',
			FITS,
			{ body: bytes('{"sequence":7,"event":"message.received"}') },
		],
		[
			'over a body whose letters were escaped',
			`t=${NOON},v1=${HMAC.textBeyondAscii}`,
			{ body: bytes(String.raw`{"text":"Ol\u00e1, Jo\u00e3o 👋 — 你好 שלום"}`) },
		],
		[
			'over a body decoded as text and encoded again',
			`t=${NOON},v1=${HMAC.noUtf8}`,
			{ body: bytes(new TextDecoder().decode(Uint8Array.of(0, 255, 254, 128, 13, 10))) },
		],
		['over a body without its byte order mark', `t=${NOON},v1=${HMAC.byteOrderMark}`],
	]),
];

export const SIGNATURE_CASES: readonly SignatureCase[] = [
	...TIMES,
	...FIELDS,
	...SECRETS,
	...BODIES,
].map(([name, header, changes]) => ({
	name,
	header,
	body: BODY,
	secrets: [SECRET],
	nowSeconds: NOON,
	verdict: 'accepted',
	...changes,
}));

function refused(verdict: ExpectedVerdict, rows: readonly Row[]): Row[] {
	return rows.map(([name, header, changes]) => [name, header, { ...changes, verdict }]);
}

function bytes(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

function flipped(body: Uint8Array): Uint8Array {
	return body.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
}

function fullWidth(digits: string): string {
	return digits.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
}
