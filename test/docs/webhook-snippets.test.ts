import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
	interpreter,
	startReceiver,
	type Language,
	type SnippetReceiver,
} from './snippet-receiver.ts';

/** Installing an interpreter may take as long. */
const INSTALL_PATIENCE_MS = 300_000;

const SECRET = 'whsec_c2VjcmV0IG9mIHRoaXMgdHJpZ2dlcg==';
const OTHER_SECRET = 'whsec_YW4gb2xkZXIgb25l';
const EVENT = JSON.stringify({
	event: 'message.received',
	event_id: 'evt_1',
	data: { text: 'Olá 👋' },
});

const LANGUAGES: readonly Language[] = ['javascript', 'standardwebhooks', 'python', 'php'];
const CONTRACT_LANGUAGES = LANGUAGES.filter((language) => language !== 'standardwebhooks');

beforeAll(async () => {
	await interpreter('python');
	await interpreter('php');
}, INSTALL_PATIENCE_MS);

describe.each(LANGUAGES)('the receiver in docs/webhooks.md, %s,', (language) => {
	let receiver: SnippetReceiver;

	beforeAll(async () => {
		receiver = await startReceiver(language, SECRET);
	});

	afterAll(() => receiver?.stop());

	it.each<[string, Changes]>([
		['now', {}],
		['four minutes ago', { signedAt: now() - 240 }],
		['four minutes ahead, by a fast clock', { signedAt: now() + 240 }],
		['with the new secret and the old', { secrets: [SECRET, OTHER_SECRET] }],
		['with the old secret and the new', { secrets: [OTHER_SECRET, SECRET] }],
	])('accepts a call that was signed %s', async (_name, changes) => {
		expect(await post(receiver, callOf(changes))).toBe(204);
	});

	it.each<[string, Changes]>([
		['forged', { secrets: [OTHER_SECRET] }],
		['forged twice over', { secrets: [OTHER_SECRET, ''] }],
		['signed with an empty secret', { secrets: [''] }],
		['six minutes old', { signedAt: now() - 360 }],
		['six minutes ahead', { signedAt: now() + 360 }],
		['re-serialised', { sentBody: JSON.stringify(JSON.parse(EVENT), null, 1) }],
		['without its body', { sentBody: '' }],
		['without a signature', { secrets: [] }],
	])('refuses a call that is %s', async (_name, changes) => {
		expect(await post(receiver, callOf(changes))).toBe(401);
	});

	it('trusts nobody while it has no secret', async () => {
		const careless = await startReceiver(language, undefined);

		const status = careless.running ? await post(careless, callOf({ secrets: [''] })) : 'ended';

		await careless.stop();
		expect([401, 'ended']).toContain(status);
	});
});

describe.each(CONTRACT_LANGUAGES)('the receiver in docs/webhooks.md, %s,', (language) => {
	let receiver: SnippetReceiver;

	beforeAll(async () => {
		receiver = await startReceiver(language, SECRET);
	});

	afterAll(() => receiver?.stop());

	it.each<[string, (header: string) => string]>([
		['with its fields in another order', (header) => header.split(',').reverse().join(',')],
		['with blanks between its fields', (header) => header.replaceAll(',', ' , ')],
		['beside fields of other names', (header) => `v2=abc,${header},x`],
		['beside signatures that cannot be read', (header) => `v1=,v1=é,${header}`],
		['in capitals', (header) => header.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase())],
	])('accepts a signature %s', async (_name, change) => {
		expect(await post(receiver, changed(change))).toBe(204);
	});

	it.each<[string, (header: string) => string]>([
		['without a time', (header) => header.replace(/t=\d+,/, '')],
		['with two times', (header) => `t=${now()},${header}`],
		['with a time that is none', (header) => header.replace(/t=\d+/, 't=now')],
		['moved to another time', (header) => header.replace(/t=\d+/, `t=${now() + 1}`)],
		['cut short', (header) => header.slice(0, -2)],
		['of a later version', (header) => header.replace('v1=', 'v2=')],
		['of nothing but commas', () => ',,,'],
		['of nothing but names', () => 't,v1'],
	])('refuses a signature %s', async (_name, change) => {
		expect(await post(receiver, changed(change))).toBe(401);
	});

	it('goes on after a call that broke off', async () => {
		await breakOff(receiver);

		expect(await post(receiver, callOf({}))).toBe(204);
		expect(receiver.running).toBe(true);
	});
});

interface Changes {
	readonly secrets?: readonly string[];
	/** Unix seconds. */
	readonly signedAt?: number;
	/** What arrives in the place of what was signed. */
	readonly sentBody?: string;
}

interface Call {
	readonly headers: Record<string, string>;
	readonly body: string;
}

const POST = { method: 'POST', duplex: 'half' } as const;

/** Signed as the page says, with nothing of the engine's own code. */
function callOf({ secrets = [SECRET], signedAt = now(), sentBody = EVENT }: Changes): Call {
	const contract = secrets.map((secret) => {
		return `v1=${createHmac('sha256', secret).update(`${signedAt}.${EVENT}`).digest('hex')}`;
	});
	const standard = secrets.map((secret) => {
		const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
		const signed = `evt_1.${signedAt}.${EVENT}`;
		return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
	});
	const headers = {
		'content-type': 'application/json',
		'x-whatisup-signature': [`t=${signedAt}`, ...contract].join(','),
		'webhook-id': 'evt_1',
		'webhook-timestamp': String(signedAt),
		'webhook-signature': standard.join(' '),
	};
	return { headers: secrets.length === 0 ? {} : headers, body: sentBody };
}

function changed(change: (header: string) => string): Call {
	const { headers, body } = callOf({});
	return {
		headers: { ...headers, 'x-whatisup-signature': change(headers['x-whatisup-signature']!) },
		body,
	};
}

async function post({ url }: SnippetReceiver, { headers, body }: Call): Promise<number> {
	const response = await fetch(url, { ...POST, headers, body });
	await response.arrayBuffer();
	return response.status;
}

/** Sends the beginning of a call, and hangs up. */
async function breakOff({ url }: SnippetReceiver): Promise<void> {
	const socket = connect(Number(new URL(url).port), '127.0.0.1');
	socket.write('POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 100\r\n\r\n{');
	// The receiver must have begun to read by then; nothing outside it tells.
	await wait(50);
	socket.resetAndDestroy();
	await wait(50);
}

function now(): number {
	return Math.floor(Date.now() / 1000);
}
