import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { EVENTS } from '../../nodes/WhatIsUp/shared/events';
import { WhatIsUp } from '../../nodes/WhatIsUp/WhatIsUp.node';
import { WhatIsUpTrigger } from '../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';
import { hookContext, loadOptionsContext, staticDataOf, TIME_ZONE } from './support/n8n-context';
import { RealEngine } from './support/real-engine';
import { byId, runOperation } from './support/run-operation';

const PHONE = '5511999990000';
const CONTACT = '5511988887777';
const AN_HOUR_AGO = new Date(Date.now() - 60 * 60_000).toISOString();

const engine = new RealEngine();
let id: unknown;

beforeAll(() => engine.start(), 60_000);
afterAll(() => engine.stop());

/** One account, from its creation to its end: every test goes on where the last one stopped. */
describe('with the engine itself, an instance', () => {
	it('is created with all settings', async () => {
		const created = await one('create', {
			name: 'Corner shop',
			additionalFields: {
				expectedPhoneNumber: '+55 11 99999-0000',
				group: 'Support',
				healEnabled: false,
				maxRestartsPerHour: 3,
				metadata: '{"city":"Recife"}',
				priority: 1,
				scheduledRestart: { schedule: { cron: '0 4 * * *', timeZone: '' } },
			},
		});

		({ id } = created);
		expect(created).toMatchObject({
			name: 'Corner shop',
			group: 'Support',
			priority: 1,
			expected_phone_number: PHONE,
			heal: {
				enabled: false,
				max_restarts_per_hour: 3,
				scheduled_restart: { cron: '0 4 * * *', time_zone: TIME_ZONE },
			},
			proxy: null,
			metadata: { city: 'Recife' },
		});
	});

	it('is updated, and settings that are emptied are gone', async () => {
		const updated = await one('update', {
			updateFields: {
				name: 'Shop',
				group: 'Sales',
				proxyUrl: '',
				scheduledRestart: { schedule: { cron: '', timeZone: '' } },
			},
		});

		expect(updated).toMatchObject({
			name: 'Shop',
			group: 'Sales',
			proxy: null,
			heal: { scheduled_restart: null },
			priority: 1,
		});
	});

	it('refuses a proxy that cannot be, and does not show its password', async () => {
		const proxyUrl = 'http://me:top-secret@127.0.0.1:9';

		const refusal = await run('update', { updateFields: { proxyUrl } }).catch((error) => error);

		expect(refusal).toMatchObject({
			httpCode: '422',
			description: expect.stringMatching(/proxy_(not_allowed|unreachable)/),
		});
		expect(refusal.description).not.toContain('top-secret');
	});

	it('has a status, and no account yet', async () => {
		expect(await one('getStatus')).toMatchObject({ instance_id: id, state: 'pending', attempt: 0 });
		await expect(run('getAccount')).rejects.toMatchObject({
			description: expect.stringContaining('not_paired'),
		});
	});

	it('has a pairing link until it is revoked', async () => {
		const { url } = await one('createPairingLink');
		const before = await fetch(String(url));
		const revoked = await one('revokePairingLink');
		const after = await fetch(String(url));

		expect(before.status).toBe(200);
		expect(revoked).toEqual({ revoked: true });
		expect(after.status).toBe(404);
	});

	it('has a pairing code without being started first', async () => {
		const { code, expires_at } = await one('getPairingCode', { phoneNumber: '+55 11 99999-0000' });

		expect(code).toMatch(/^[A-Z0-9]{8}$/);
		expect(Date.parse(String(expires_at))).toBeGreaterThan(Date.now());
	});

	it('has a QR code', async () => {
		const [item] = await run('getQrCode');

		expect(item?.binary?.data).toMatchObject({ mimeType: 'image/png' });
	});

	it('is not connected while nobody scans', async () => {
		expect(await one('waitUntilConnected', { maxWait: 1 })).toMatchObject({
			connected: false,
			state: 'qr',
		});
	});

	it('is waited for until somebody scans', async () => {
		const waiting = one('waitUntilConnected', { maxWait: 30 });
		const path = `/v1/sandbox/instances/${id}/scan`;
		await engine.call('POST', path, { phone_number: PHONE, push_name: 'Ana' });

		expect(await waiting).toMatchObject({ connected: true, state: 'connected' });
	});

	it('has an account', async () => {
		expect(await one('getAccount')).toMatchObject({ phone_number: PHONE, push_name: 'Ana' });
	});

	it('is offered in the list of groups, and sends for its group', async () => {
		const { results } = await new WhatIsUp().methods.listSearch.searchGroups.call(
			loadOptionsContext(surroundings(new WhatIsUp())),
		);
		const group = { group: { __rl: true as const, mode: 'list', value: 'Sales' } };
		const [members] = await runIn('group', 'get', group);
		const [sent] = await runIn('group', 'sendText', { ...group, to: CONTACT, message: 'Hello' });

		expect(results).toEqual([{ name: 'Sales', value: 'Sales' }]);
		expect(members?.json).toEqual({
			name: 'Sales',
			instances: [{ id, name: 'Shop', priority: 1, state: 'connected' }],
		});
		expect(sent?.json).toMatchObject({ instance_id: id, status: 'queued' });
	});

	it('is restarted, and comes back', async () => {
		await one('restart');

		expect(await one('waitUntilConnected', { maxWait: 30 })).toMatchObject({ connected: true });
	});

	it('has a history, newest first', async () => {
		const items = await run('getHistory', { returnAll: true });

		const states = items.map(({ json }) => json.to);
		expect(states[0]).toBe('connected');
		expect(states.at(-1)).toBe('starting');
		expect(items[1]?.json).toMatchObject({
			reason: expect.any(String),
			duration_ms: expect.any(Number),
			incident: false,
		});
	});

	it.each<[string, INodeParameters]>([
		['of the last day', { period: 'lastDay' }],
		['of the last month', { period: 'lastMonth' }],
		['since an hour ago', { period: 'custom', from: AN_HOUR_AGO, to: '' }],
	])('has an uptime %s', async (_, period) => {
		const uptime = await one('getUptime', { ...period, filters: byId(id) });

		expect(uptime).toMatchObject({
			instance_id: id,
			name: 'Shop',
			uptime_percent: expect.any(Number),
			from: expect.any(String),
			to: expect.any(String),
		});
		expect(uptime).not.toHaveProperty('hourly');
	});

	it('has an uptime of every hour', async () => {
		const { hourly } = await one('getUptime', { includeHourly: true });

		expect((hourly as IDataObject[]).length).toBeGreaterThanOrEqual(24);
	});

	it('is unlinked, as WhatsApp confirms', async () => {
		expect(await one('unlink')).toMatchObject({
			confirmed: true,
			hint: null,
			instance: { id, state: 'logged_out', phone_number: null },
		});
	});

	it('is stopped and deleted', async () => {
		expect(await one('stop')).toMatchObject({ id, state: 'stopped' });
		expect(await one('delete')).toEqual({ deleted: true });
		await expect(run('get')).rejects.toMatchObject({
			description: expect.stringContaining('Pick the instance from the list.'),
		});
	});
});

it('registers the trigger with the engine itself, for every event that it offers', async () => {
	const trigger = new WhatIsUpTrigger();
	const { create, checkExists, delete: remove } = trigger.webhookMethods.default;
	const parameters = { events: EVENTS.map(({ value }) => String(value)) };
	const context = hookContext(
		{ ...surroundings(trigger), parameters },
		{ webhookUrl: 'http://127.0.0.1:5678/webhook/0d8f/whatisup', staticData: staticDataOf() },
	);

	const created = await create.call(context);

	expect([created, await checkExists.call(context)]).toEqual([true, true]);
	expect(await remove.call(context)).toBe(true);
});

it('keeps the endpoint of a trigger that is published anew', async () => {
	const trigger = new WhatIsUpTrigger();
	const { create, checkExists, delete: remove } = trigger.webhookMethods.default;
	const staticData = staticDataOf();
	const hooked = { webhookUrl: 'http://127.0.0.1:5678/webhook/7c1e/whatisup', staticData };
	const before = hookContext(surroundings(trigger), hooked);
	const parameters = { chats: 'direct_only' };
	const after = hookContext({ ...surroundings(trigger), parameters }, hooked);
	await create.call(before);
	const { endpointId, secret } = staticData;

	await remove.call(before);
	const exists = await checkExists.call(after);
	await create.call(after);

	expect(exists).toBe(false);
	expect(staticData).toMatchObject({ endpointId, secret });
	expect(await checkExists.call(after)).toBe(true);
});

function surroundings<Node>(node: Node) {
	const { baseUrl, apiKey } = engine;
	return { node, credentials: { baseUrl, apiKey }, parameters: {} };
}

function runIn(resource: string, operation: string, parameters: INodeParameters) {
	const { baseUrl, apiKey } = engine;
	const credentials = { baseUrl, apiKey };
	return runOperation(engine, { resource, operation, ...parameters }, { credentials });
}

function run(operation: string, parameters: INodeParameters = {}) {
	return runIn('instance', operation, { ...(id !== undefined && byId(id)), ...parameters });
}

async function one(operation: string, parameters: INodeParameters = {}): Promise<IDataObject> {
	const [item] = await run(operation, parameters);
	return item?.json ?? {};
}
