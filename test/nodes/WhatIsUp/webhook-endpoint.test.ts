import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { refused } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import { runOperation } from '../support/run-operation';

const URL = 'https://example.com/events';
/** What an expression may come to in a field of choices without naming one. */
const NO_CHOICE: Array<[unknown]> = [
	[null],
	[undefined],
	[[null]],
	[['']],
	[{ id: 'x_1' }],
	[[{ id: 'x_1' }]],
];
const engine = new ContractServer();
let id: string;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.endpoints.length = 0;
	engine.deliveries.length = 0;
	engine.webhooks.replays.length = 0;
	engine.webhooks.findings.length = 0;
	id = String(engine.addEndpoint({ url: URL, events: ['message.received'] }).id);
	engine.requests.length = 0;
});

describe('Webhook Endpoint', () => {
	it('is created, and shows its signing secret', async () => {
		const [created] = await run('create', { url: ` ${URL} `, events: ['message.sent'] });

		expect(engine.lastRequest).toMatchObject({ body: { url: URL, events: ['message.sent'] } });
		expect(Object.keys(engine.lastRequest?.body ?? {})).toEqual(['url', 'events']);
		expect(created?.json).toMatchObject({ url: URL, signing_secret: 'whsec_made' });
	});

	it('is created with all settings', async () => {
		await run('create', {
			url: URL,
			events: ['message.sent', '*'],
			additionalFields: {
				chats: 'groups_only',
				description: 'Orders',
				ignoreFromMe: true,
				ignoreNewsletters: false,
				ignoreStatuses: false,
				instances: ['inst_1', 'inst_2'],
				maxAge: 60,
				maxPerSecond: 5,
				ordered: false,
				signingSecret: 'a-secret-of-my-own',
			},
		});

		expect(engine.lastRequest?.body).toEqual({
			url: URL,
			events: ['*'],
			chat_type_filter: 'groups_only',
			description: 'Orders',
			ignore_from_me: true,
			ignore_newsletters: false,
			ignore_status: false,
			instance_ids: ['inst_1', 'inst_2'],
			max_age_seconds: 60,
			max_per_second: 5,
			ordered: false,
			signing_secret: 'a-secret-of-my-own',
		});
	});

	it('is read', async () => {
		expect(await one('get')).toMatchObject({ id, url: URL, enabled: true });
	});

	it('is one of many, page by page', async () => {
		for (let count = 0; count < 130; count++) engine.addEndpoint({ url: URL });

		expect(await run('getMany', { returnAll: true })).toHaveLength(131);
		expect(await run('getMany', { limit: 3 })).toHaveLength(3);
	});

	it('is updated, and settings that are emptied are gone', async () => {
		const updateFields = {
			url: 'https://example.com/other',
			events: ['qr.updated'],
			description: '',
			instances: '',
			maxAge: 0,
			maxPerSecond: 0,
		};

		const updated = await one('update', { updateFields });

		expect(engine.lastRequest).toMatchObject({ method: 'PATCH' });
		expect(updated).toMatchObject({
			url: 'https://example.com/other',
			events: ['qr.updated'],
			description: null,
			instance_ids: [],
			max_age_seconds: null,
			max_per_second: null,
		});
	});

	it('takes instances out of an expression as well', async () => {
		await run('update', { updateFields: { instances: 'inst_1, inst_2,inst_1' } });

		expect(engine.lastRequest?.body).toEqual({ instance_ids: ['inst_1', 'inst_2'] });
	});

	it.each(NO_CHOICE)('is not opened to all instances by an expression of %j', async (instances) => {
		const given = { instances } as INodeParameters;
		const refusal = {
			message: 'No instance is chosen',
			description: expect.stringContaining('For all instances, clear the field.'),
			context: { itemIndex: 0 },
		};

		await expect(run('update', { updateFields: given })).rejects.toMatchObject(refusal);
		await expect(
			run('create', { url: URL, events: ['message.sent'], additionalFields: given }),
		).rejects.toMatchObject(refusal);
		expect(engine.requests).toEqual([]);
	});

	it.each([[[]], ['']])('gets the events of all instances when the field is %j', async (none) => {
		await run('update', { updateFields: { instances: none } });

		expect(engine.lastRequest?.body).toEqual({ instance_ids: [] });
	});

	it('is not updated when there is nothing to update', async () => {
		await expect(run('update', { updateFields: {} })).rejects.toMatchObject({
			message: 'There is nothing to update',
		});
	});

	it.each([
		['create', { url: URL, events: [] }],
		['update', { updateFields: { events: [] } }],
	])('cannot %s without an event', async (operation, parameters) => {
		await expect(run(operation, parameters)).rejects.toMatchObject({
			message: 'No event is chosen',
		});
		expect(engine.requests).toEqual([]);
	});

	it('is disabled and enabled', async () => {
		expect(await one('disable')).toMatchObject({ id, enabled: false });
		expect(await one('enable')).toMatchObject({ id, enabled: true });
	});

	it('is deleted', async () => {
		expect(await one('delete')).toEqual({ deleted: true });
		expect(engine.endpoints).toEqual([]);
	});

	it('gets a new secret, which it shows', async () => {
		const rotated = await one('rotateSecret');

		expect(engine.lastRequest?.body).toEqual({});
		expect(rotated).toMatchObject({ id, signing_secret: 'whsec_made' });
	});

	it('gets a secret of one’s own, and the old one ends when it shall', async () => {
		const options = { overlapHours: 0.5, signingSecret: 'whsec_of_my_own_making' };

		const rotated = await one('rotateSecret', { options });

		expect(engine.lastRequest?.body).toMatchObject({ overlap_seconds: 1800 });
		expect(rotated).toMatchObject({ signing_secret: 'whsec_of_my_own_making' });
	});

	it('is tested, and what went wrong is no error of the workflow', async () => {
		expect(await one('test')).toEqual({ delivered: false, status: 404, hint: 'Activate it.' });
	});

	it.each(['get', 'diagnose', 'test', 'recover'])('has to be chosen to %s', async (operation) => {
		const endpoint = { __rl: true as const, mode: 'list', value: '' };

		await expect(run(operation, { endpoint })).rejects.toMatchObject({
			message: 'No webhook endpoint is chosen',
		});
	});
});

describe('what was sent to it', () => {
	beforeEach(() => {
		for (const status of ['failed', 'success', 'failed']) engine.addDelivery({ status });
	});

	it.each([true, null, undefined])('is counted in a dry run (%s), not sent', async (dryRun) => {
		const counted = await one('recover', { dryRun });

		expect(counted).toEqual({ dry_run: true, total: 2, total_is_exact: true });
		expect(engine.webhooks.replays).toEqual([]);
	});

	it('is sent again since it last worked, at a pace', async () => {
		const started = await one('recover', { options: { maxPerSecond: 5 } });

		expect(engine.lastRequest).toMatchObject({
			path: expect.stringMatching(/\/recover$/),
			body: { max_per_second: 5 },
		});
		expect(started).toMatchObject({ endpoint_id: id, status: 'running', total: 2 });
	});

	it('is sent again where it failed, unless told otherwise', async () => {
		await run('replay', {});

		expect(engine.lastRequest?.body).toEqual({ status: 'failed' });
	});

	it('is sent again by time, status and event', async () => {
		const options = {
			from: '2026-01-31T09:00:00',
			to: '2026-02-01',
			events: ['message.received'],
			maxPerSecond: 100,
		};

		await run('replay', { status: 'all', dryRun: true, options });

		expect(engine.lastRequest?.body).toEqual({
			status: 'all',
			from: '2026-01-31T12:00:00.000Z',
			to: '2026-02-01T03:00:00.000Z',
			events: ['message.received'],
			max_per_second: 100,
			dry_run: true,
		});
	});

	it.each([
		[{ from: null }, 'From is empty'],
		[{ from: undefined }, 'From is empty'],
		[{ to: null }, 'To is empty'],
		...NO_CHOICE.map(([events]) => [{ events }, 'No event is chosen'] as const),
	])('is not sent again as a whole because of %j', async (options, message) => {
		const parameters = { status: 'all', options: options as INodeParameters };

		await expect(run('replay', parameters)).rejects.toMatchObject({
			message,
			description: expect.stringMatching(/remove the field|clear the field/),
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});

	it('is sent again from the first to the last where the options are left empty', async () => {
		await run('replay', { options: { from: '', to: '', events: [] } });

		expect(engine.lastRequest?.body).toEqual({ status: 'failed' });
	});

	it('is watched while it is sent again, and stopped', async () => {
		const { id: replayId } = await one('replay');

		const watched = await one('getReplay', { replayId: String(replayId) });
		const stopped = await one('cancelReplay', { replayId: String(replayId) });

		expect(watched).toMatchObject({ id: replayId, status: 'running' });
		expect(stopped).toMatchObject({ id: replayId, status: 'cancelled' });
	});

	it('is not sent twice at once, and the error tells what runs', async () => {
		engine.overrides.push(refused(409, 'replay_running', { replay_id: 'rpl_1' }));

		await expect(run('replay', {})).rejects.toMatchObject({
			description: expect.stringContaining('replay_id: rpl_1'),
		});
	});
});

describe('its diagnosis', () => {
	const fine = { check: 'tls_valid', severity: 'ok', message: 'The certificate is good.' };
	const slow = {
		check: 'answers',
		severity: 'warning',
		message: 'It takes 7 seconds to answer.',
		fix: 'Answer first, work afterwards.',
	};
	const skewed = {
		check: 'clock_skew',
		severity: 'error',
		message: 'Its clock is an hour ahead.',
		fix: 'Set the clock.',
	};

	it('says in a few lines what is wrong and what to do, the worst first', async () => {
		engine.webhooks.findings.push({ ...fine, fix: null }, slow, skewed);

		expect(await one('diagnose')).toMatchObject({
			endpoint_id: id,
			healthy: false,
			summary:
				'Error: Its clock is an hour ahead. Set the clock.\nWarning: It takes 7 seconds to answer. Answer first, work afterwards.',
			findings: [{ check: 'tls_valid' }, slow, skewed],
		});
	});

	it('says so when nothing is wrong', async () => {
		engine.webhooks.findings.push({ ...fine, fix: null });

		expect(await one('diagnose')).toMatchObject({ healthy: true, summary: 'Nothing is wrong.' });
	});

	it('puts out one item for each finding where that is wanted', async () => {
		engine.webhooks.findings.push(slow, skewed);

		const items = await run('diagnose', { splitFindings: true });

		expect(items.map(({ json }) => json)).toEqual([
			{ endpoint_id: id, ...slow },
			{ endpoint_id: id, ...skewed },
		]);
	});
});

function run(operation: string, parameters: INodeParameters = {}) {
	const endpoint = { __rl: true as const, mode: 'id', value: id };
	const all = { resource: 'webhookEndpoint', operation, endpoint, ...parameters };
	return runOperation(engine, all);
}

async function one(operation: string, parameters: INodeParameters = {}) {
	const [item] = await run(operation, parameters);
	return item?.json ?? {};
}
