import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IDataObject } from 'n8n-workflow';
import { beginArrivals } from '../../../nodes/WhatIsUpTrigger/arrivals';
import { ListeningN8n } from '../support/listening-n8n';
import { signatureHeader } from '../support/signing';

const SECRET = 'whsec_c2VjcmV0IG9mIHRoaXMgdHJpZ2dlcg==';
/** One instant for the whole file: calls that are alike bear the same signature. */
const NOW = Math.floor(Date.now() / 1000);
const n8n = new ListeningN8n();
let count = 0;

beforeAll(() => n8n.start());
afterAll(() => n8n.stop());

beforeEach(() => {
	count++;
	n8n.runs.length = 0;
	n8n.parameters = {};
	n8n.leavesBodyUnread = false;
	n8n.startRun = async () => {};
	n8n.storedStaticData = { endpointId: `wh_${count}`, url: n8n.url, secret: SECRET };
	beginArrivals(`wh_${count}`);
});

describe('an event', () => {
	it('starts the workflow once, flat and named', async () => {
		const status = await deliver(received({ body: { type: 'text', text: 'Olá 👋' } }));

		expect(status).toBe(200);
		expect(n8n.runs).toEqual([
			[
				{
					event: 'message.received',
					event_id: eventId(),
					api_version: '2026-04',
					instance_id: 'inst_1',
					occurred_at: '2026-01-01T12:00:00.000Z',
					sequence: 7,
					message_id: 'msg_1',
					from: '5511999999999',
					push_name: 'João',
					chat_id: '5511999999999@s.whatsapp.net',
					from_me: false,
					body: { type: 'text', text: 'Olá 👋' },
					text: 'Olá 👋',
				},
			],
		]);
	});

	it('shows first what is used most, and last what only machines read', async () => {
		await deliver(received());

		expect(Object.keys(n8n.runs[0]?.[0] ?? {})).toEqual([
			'text',
			'from',
			'push_name',
			'chat_id',
			'instance_id',
			'event',
			'message_id',
			'from_me',
			'body',
			'occurred_at',
			'event_id',
			'sequence',
			'api_version',
		]);
	});

	it('has no text when it is a message of another kind', async () => {
		await deliver(received({ body: { type: 'unsupported' } }));

		expect(n8n.runs[0]?.[0]).toMatchObject({ text: null, body: { type: 'unsupported' } });
	});

	it('of another kind passes on what it says', async () => {
		const data = { reason: 'logged_out', will_reconnect: false, close_code: 401 };

		await deliver(eventOf('instance.disconnected', data));

		expect(n8n.runs[0]?.[0]).toMatchObject({ event: 'instance.disconnected', ...data });
		expect(n8n.runs[0]?.[0]).not.toHaveProperty('text');
	});

	it('cannot pass itself off as another by what its data says', async () => {
		await deliver(received({ event: 'instance.connected', instance_id: 'inst_2' }));

		expect(n8n.runs[0]?.[0]).toMatchObject({ event: 'message.received', instance_id: 'inst_1' });
	});

	it('is verified over the raw bytes, odd spacing and all', async () => {
		const body = JSON.stringify(received(), null, '  \t').replace('João', 'Jo\\u00e3o');

		expect(await deliver(body)).toBe(200);
		expect(n8n.runs[0]?.[0]).toMatchObject({ push_name: 'João' });
	});

	it('is read by the trigger when n8n has not read it', async () => {
		n8n.leavesBodyUnread = true;

		expect(await deliver(received())).toBe(200);
		expect(n8n.runs).toHaveLength(1);
	});

	it('may be a megabyte long', async () => {
		const text = 'x'.repeat(1024 * 1024);

		expect(await deliver(received({ body: { type: 'text', text } }))).toBe(200);
		expect(n8n.runs[0]?.[0]?.text).toBe(text);
	});
});

describe('a message from me', () => {
	it('is ignored, and not delivered again', async () => {
		expect(await deliver(received({ from_me: true }))).toBe(200);
		expect(n8n.runs).toEqual([]);
	});

	it('starts the workflow when the trigger is told so', async () => {
		n8n.parameters = { ignoreFromMe: false };

		await deliver(received({ from_me: true }));

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('an event that tells a reason', () => {
	const filters = { reasons: ['logged_out', 'banned'] };

	it.each([
		['instance.disconnected', 'logged_out', 1],
		['instance.disconnected', 'connection_lost', 0],
		['instance.failed', 'banned', 1],
		['instance.failed', 'server_error', 0],
		['session.status', 'logged_out', 1],
		['session.status', null, 0],
		['instance.healed', 'server_error', 1],
	])('%s with %s starts the workflow %d times when others are filtered out', async (...given) => {
		const [event, reason, runs] = given;
		n8n.parameters = { events: [event], filters };

		expect(await deliver(eventOf(event, { reason }))).toBe(200);
		expect(n8n.runs).toHaveLength(runs);
	});

	it('starts the workflow whatever it is when no reason was chosen', async () => {
		n8n.parameters = { events: ['instance.failed'], filters: { reasons: [] } };

		await deliver(eventOf('instance.failed', { reason: 'server_error' }));

		expect(n8n.runs).toHaveLength(1);
	});

	it('is not asked for it when it was chosen for an event that is no longer', async () => {
		n8n.parameters = { events: ['message.received'], filters };

		await deliver(received());

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('an alert that an account needs attention', () => {
	it.each([
		[1, 0],
		[2, 1],
		[7, 1],
	])('of level %d starts the workflow %d times from level 2 on', async (level, runs) => {
		n8n.parameters = { events: ['instance.needs_attention'], filters: { minimumLevel: 2 } };

		const status = await deliver(eventOf('instance.needs_attention', { state: 'qr', level }));

		expect(status).toBe(200);
		expect(n8n.runs).toHaveLength(runs);
	});

	it('of any level starts the workflow unless told otherwise', async () => {
		n8n.parameters = { events: ['instance.needs_attention'] };

		await deliver(eventOf('instance.needs_attention', { state: 'qr', level: 1 }));

		expect(n8n.runs).toHaveLength(1);
	});
});

describe('a call that cannot be verified gets 401 and runs nothing', () => {
	it.each([
		['not signed', {}, 'webhook_missing'],
		['signed unreadably', { header: 'sha256=abc' }, 'webhook_malformed'],
		['forged', { secret: 'whsec_guessed' }, 'webhook_mismatch'],
		['six minutes old', { offset: -360 }, 'webhook_expired'],
		['six minutes ahead', { offset: 360 }, 'webhook_expired'],
	])('when it is %s', async (_, how, code) => {
		const response = await post(received(), how);

		expect(response.status).toBe(401);
		expect(await response.json()).toEqual({
			error: { code, message: expect.any(String), hint: expect.any(String) },
		});
		expect(n8n.runs).toEqual([]);
	});

	it('when the trigger is not registered', async () => {
		n8n.storedStaticData = {};

		const response = await post(received(), { secret: SECRET });

		expect(response.status).toBe(401);
		expect(await response.json()).toMatchObject({
			error: { hint: 'Deactivate the workflow and activate it again.' },
		});
	});

	it('and leaves no trace in what n8n keeps', async () => {
		const before = structuredClone(n8n.storedStaticData);

		await post(received(), { secret: 'whsec_guessed' });

		expect(n8n.storedStaticData).toEqual(before);
	});
});

it('answers 400 to a signed body that is no event', async () => {
	expect(await deliver('[]')).toBe(400);
	expect(await deliver('not json')).toBe(400);
	expect(n8n.runs).toEqual([]);
});

describe('a call that comes again', () => {
	it('exactly as it was gets 401 and runs nothing', async () => {
		const first = await deliver(received());
		const again = await deliver(received());

		expect([first, again]).toEqual([200, 401]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('signed anew gets 200 and runs nothing', async () => {
		const first = await deliver(received(), -60);
		const again = await deliver(received(), -10);

		expect([first, again]).toEqual([200, 200]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('after the repetition that it records gets 401', async () => {
		await deliver(received(), -60);
		await deliver(received(), -10);

		expect(await deliver(received(), -10)).toBe(401);
	});

	it('under a forged event id in a header is still known by its signed body', async () => {
		await deliver(received());

		const response = await post(received(), { eventIdHeader: 'evt_forged', secret: SECRET });

		expect(response.status).toBe(401);
		expect(n8n.runs).toHaveLength(1);
	});

	it('at the same moment runs the workflow once', async () => {
		const statuses = await Promise.all([1, 2, 3].map(() => deliver(received())));

		expect(statuses.sort()).toEqual([200, 401, 401]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('as it was before a restart of n8n gets 401 and runs nothing', async () => {
		await deliver(received(), -60);
		restartN8n();

		expect(await deliver(received(), -60)).toBe(401);
		expect(n8n.runs).toHaveLength(1);
	});
});

it('is not shut out by a restart of n8n, once it is signed anew', async () => {
	restartN8n();

	const refused = await deliver(received(), -60);
	const again = await deliver(received());

	expect([refused, again]).toEqual([401, 200]);
	expect(n8n.runs).toHaveLength(1);
});

describe('a run that n8n could not start', () => {
	it('is started when the event comes again', async () => {
		n8n.startRun = () => Promise.reject(new Error('database is locked'));
		const first = await deliver(received(), -10);
		n8n.startRun = async () => {};
		const again = await deliver(received());

		expect([first, again]).toEqual([500, 200]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('is not lost when the event comes again while n8n is still trying', async () => {
		const starting = pending();
		const outcome = pending();
		n8n.startRun = () => {
			starting.resolve();
			return outcome.promise;
		};
		const first = deliver(received(), -20);
		await starting.promise;
		const meanwhile = await deliver(received(), -10);
		outcome.reject(new Error('database is locked'));
		const failed = await first;
		n8n.startRun = async () => {};
		const again = await deliver(received());

		expect([meanwhile, failed, again]).toEqual([503, 500, 200]);
		expect(n8n.runs).toHaveLength(1);
	});
});

interface Pending {
	readonly promise: Promise<void>;
	readonly resolve: () => void;
	readonly reject: (error: Error) => void;
}

function pending(): Pending {
	let settle: Omit<Pending, 'promise'> | undefined;
	const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
	return { promise, ...settle! };
}

/** The memory of a process that was started a moment ago. */
function restartN8n(): void {
	beginArrivals(`wh_${count}`, NOW - 30);
}

function eventId(): string {
	return `evt_${count}`;
}

function eventOf(event: string, data: IDataObject): IDataObject {
	return { ...received(), event, data };
}

function received(data: IDataObject = {}): IDataObject {
	return {
		event: 'message.received',
		event_id: eventId(),
		api_version: '2026-04',
		instance_id: 'inst_1',
		occurred_at: '2026-01-01T12:00:00.000Z',
		sequence: 7,
		data: {
			message_id: 'msg_1',
			from: '5511999999999',
			push_name: 'João',
			chat_id: '5511999999999@s.whatsapp.net',
			from_me: false,
			body: { type: 'text', text: 'Hello' },
			...data,
		},
	};
}

interface How {
	readonly secret?: string;
	readonly offset?: number;
	readonly header?: string;
	readonly eventIdHeader?: string;
}

async function deliver(body: IDataObject | string, offset = 0): Promise<number> {
	return (await post(body, { secret: SECRET, offset })).status;
}

async function post(body: IDataObject | string, how: How): Promise<Response> {
	const raw = typeof body === 'string' ? body : JSON.stringify(body);
	const seconds = NOW + (how.offset ?? 0);
	const isSigned = how.secret !== undefined || how.offset !== undefined;
	const header = how.header ?? (isSigned && signatureHeader(raw, [how.secret ?? SECRET], seconds));
	return await fetch(n8n.url, {
		method: 'POST',
		body: raw,
		headers: {
			'content-type': 'application/json',
			'x-whatisup-event-id': how.eventIdHeader ?? eventId(),
			...(header && { 'x-whatisup-signature': header }),
		},
	});
}
