import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import { TIME_ZONE } from '../support/n8n-context';
import { byId, runOperation } from '../support/run-operation';

const engine = new ContractServer();
let id: unknown;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	({ id } = engine.addInstance({ group: 'old' }));
	engine.requests.length = 0;
});

describe.each([
	['create', createWith, { name: 'Shop' }],
	['update', updateWith, {}],
])('Instance > %s', (_, setTo, always) => {
	it.each<[string, INodeParameters, object]>([
		['a group', { group: ' Support ' }, { group: 'Support' }],
		['no group', { group: '' }, { group: null }],
		['a priority', { priority: 1 }, { priority: 1 }],
		[
			'the number to expect, as people write it',
			{ expectedPhoneNumber: '+55 11 99999-9999' },
			{ expected_phone_number: '5511999999999' },
		],
		['no number to expect', { expectedPhoneNumber: ' ' }, { expected_phone_number: null }],
		['that it does not heal', { healEnabled: false }, { heal: { enabled: false } }],
		['how often it may heal', { maxRestartsPerHour: 0 }, { heal: { max_restarts_per_hour: 0 } }],
		[
			'a nightly restart, in the time zone of the workflow',
			{ scheduledRestart: { schedule: { cron: '0 4 * * *', timeZone: '' } } },
			{ heal: { scheduled_restart: { cron: '0 4 * * *', time_zone: TIME_ZONE } } },
		],
		[
			'a nightly restart in another time zone',
			{ scheduledRestart: { schedule: { cron: '0 4 * * *', timeZone: 'Asia/Tokyo' } } },
			{ heal: { scheduled_restart: { cron: '0 4 * * *', time_zone: 'Asia/Tokyo' } } },
		],
		[
			'no nightly restart',
			{ scheduledRestart: { schedule: { cron: '', timeZone: '' } } },
			{ heal: { scheduled_restart: null } },
		],
		[
			'a proxy with its password',
			{ proxyUrl: 'socks5://me:secret@proxy.example.com:1080' },
			{ proxy: { url: 'socks5://me:secret@proxy.example.com:1080' } },
		],
		['no proxy', { proxyUrl: '' }, { proxy: null }],
	])('sets %s', async (_what, given, sent) => {
		await setTo(given);

		expect(engine.lastRequest?.body).toEqual({ ...always, ...sent });
	});

	it('sets several at once', async () => {
		await setTo({ group: 'Support', priority: 2, healEnabled: true, maxRestartsPerHour: 3 });

		expect(engine.lastRequest?.body).toMatchObject({
			group: 'Support',
			priority: 2,
			heal: { enabled: true, max_restarts_per_hour: 3 },
		});
	});

	it('refuses as a number to expect what is none', async () => {
		await expect(setTo({ expectedPhoneNumber: 'Ana' })).rejects.toMatchObject({
			message: '"Ana" is not a phone number',
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});
});

describe('Instance > update', () => {
	it('changes what is given and leaves the rest', async () => {
		const [item] = await updateWith({ name: 'Corner shop', metadata: '{"city":"Recife"}' });

		expect(engine.lastRequest).toMatchObject({ method: 'PATCH', path: `/v1/instances/${id}` });
		expect(item?.json).toMatchObject({
			id,
			name: 'Corner shop',
			metadata: { city: 'Recife' },
			group: 'old',
		});
	});

	it('says so when there is nothing to change', async () => {
		await expect(updateWith({})).rejects.toMatchObject({
			message: 'There is nothing to update',
			description: expect.stringContaining('Update Fields'),
		});
		expect(engine.requests).toEqual([]);
	});
});

function createWith(additionalFields: INodeParameters) {
	return runOperation(engine, {
		resource: 'instance',
		operation: 'create',
		name: 'Shop',
		additionalFields,
	});
}

function updateWith(updateFields: INodeParameters) {
	return runOperation(engine, {
		resource: 'instance',
		operation: 'update',
		...byId(id),
		updateFields,
	});
}
