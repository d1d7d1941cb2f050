import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ListeningN8n } from '../support/listening-n8n';
import { SECRET, SignedCalls } from '../support/signed-calls';

const n8n = new ListeningN8n();
const calls = new SignedCalls(n8n);

beforeAll(() => n8n.start());
afterAll(() => n8n.stop());

beforeEach(() => calls.begin());

describe('an event', () => {
	it('starts the workflow once, flat and named', async () => {
		const status = await calls.deliver(calls.received({ body: { type: 'text', text: 'Olá 👋' } }));

		expect(status).toBe(200);
		expect(n8n.runs).toEqual([
			[
				{
					event: 'message.received',
					event_id: calls.eventId,
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
		await calls.deliver(calls.received());

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
		await calls.deliver(calls.received({ body: { type: 'unsupported' } }));

		expect(n8n.runs[0]?.[0]).toMatchObject({ text: null, body: { type: 'unsupported' } });
	});

	it('of another kind passes on what it says', async () => {
		const data = { reason: 'logged_out', will_reconnect: false, close_code: 401 };

		await calls.deliver(calls.eventOf('instance.disconnected', data));

		expect(n8n.runs[0]?.[0]).toMatchObject({ event: 'instance.disconnected', ...data });
		expect(n8n.runs[0]?.[0]).not.toHaveProperty('text');
	});

	it('cannot pass itself off as another by what its data says', async () => {
		await calls.deliver(calls.received({ event: 'instance.connected', instance_id: 'inst_2' }));

		expect(n8n.runs[0]?.[0]).toMatchObject({ event: 'message.received', instance_id: 'inst_1' });
	});

	it('is verified over the raw bytes, odd spacing and all', async () => {
		const body = JSON.stringify(calls.received(), null, '  \t').replace('João', 'Jo\\u00e3o');

		expect(await calls.deliver(body)).toBe(200);
		expect(n8n.runs[0]?.[0]).toMatchObject({ push_name: 'João' });
	});

	it('is read by the trigger when n8n has not read it', async () => {
		n8n.leavesBodyUnread = true;

		expect(await calls.deliver(calls.received())).toBe(200);
		expect(n8n.runs).toHaveLength(1);
	});

	it('may be a megabyte long', async () => {
		const text = 'x'.repeat(1024 * 1024);

		expect(await calls.deliver(calls.received({ body: { type: 'text', text } }))).toBe(200);
		expect(n8n.runs[0]?.[0]?.text).toBe(text);
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
		const response = await calls.post(calls.received(), how);

		expect(response.status).toBe(401);
		expect(await response.json()).toEqual({
			error: { code, message: expect.any(String), hint: expect.any(String) },
		});
		expect(n8n.runs).toEqual([]);
	});

	it('when the trigger is not registered', async () => {
		n8n.storedStaticData = {};

		const response = await calls.post(calls.received(), { secret: SECRET });

		expect(response.status).toBe(401);
		expect(await response.json()).toMatchObject({
			error: { hint: 'Deactivate the workflow and activate it again.' },
		});
	});

	it('and leaves no trace in what n8n keeps', async () => {
		const before = structuredClone(n8n.storedStaticData);

		await calls.post(calls.received(), { secret: 'whsec_guessed' });

		expect(n8n.storedStaticData).toEqual(before);
	});
});

it('answers 400 to a signed body that is no event', async () => {
	expect(await calls.deliver('[]')).toBe(400);
	expect(await calls.deliver('not json')).toBe(400);
	expect(n8n.runs).toEqual([]);
});

describe('a call that comes again', () => {
	it('exactly as it was gets 401 and runs nothing', async () => {
		const first = await calls.deliver(calls.received());
		const again = await calls.deliver(calls.received());

		expect([first, again]).toEqual([200, 401]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('signed anew gets 200 and runs nothing', async () => {
		const first = await calls.deliver(calls.received(), -60);
		const again = await calls.deliver(calls.received(), -10);

		expect([first, again]).toEqual([200, 200]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('after the repetition that it records gets 401', async () => {
		await calls.deliver(calls.received(), -60);
		await calls.deliver(calls.received(), -10);

		expect(await calls.deliver(calls.received(), -10)).toBe(401);
	});

	it('under a forged event id in a header is still known by its signed body', async () => {
		await calls.deliver(calls.received());

		const response = await calls.post(calls.received(), {
			eventIdHeader: 'evt_forged',
			secret: SECRET,
		});

		expect(response.status).toBe(401);
		expect(n8n.runs).toHaveLength(1);
	});

	it('at the same moment runs the workflow once', async () => {
		const statuses = await Promise.all([1, 2, 3].map(() => calls.deliver(calls.received())));

		expect(statuses.sort()).toEqual([200, 401, 401]);
		expect(n8n.runs).toHaveLength(1);
	});

	it('as it was before a restart of n8n gets 401 and runs nothing', async () => {
		await calls.deliver(calls.received(), -60);
		calls.restartN8n();

		expect(await calls.deliver(calls.received(), -60)).toBe(401);
		expect(n8n.runs).toHaveLength(1);
	});
});

it('is not shut out by a restart of n8n, once it is signed anew', async () => {
	calls.restartN8n();

	const refused = await calls.deliver(calls.received(), -60);
	const again = await calls.deliver(calls.received());

	expect([refused, again]).toEqual([401, 200]);
	expect(n8n.runs).toHaveLength(1);
});

describe('a run that n8n could not start', () => {
	it('is started when the event comes again', async () => {
		n8n.startRun = () => Promise.reject(new Error('database is locked'));
		const first = await calls.deliver(calls.received(), -10);
		n8n.startRun = async () => {};
		const again = await calls.deliver(calls.received());

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
		const first = calls.deliver(calls.received(), -20);
		await starting.promise;
		const meanwhile = await calls.deliver(calls.received(), -10);
		outcome.reject(new Error('database is locked'));
		const failed = await first;
		n8n.startRun = async () => {};
		const again = await calls.deliver(calls.received());

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
