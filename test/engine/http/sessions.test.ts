import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/system.ts';
import { Api, NOBODY } from './api.ts';

describe('the session of an instance', () => {
	let api: Api;

	beforeAll(async () => {
		api = await Api.open();
	});

	afterAll(() => api.close());

	it('is restarted, tells its status and its account, and is unlinked', async () => {
		const path = await connected();

		const me = await api.call('GET', `${path}/me`);
		const restarted = await api.call('POST', `${path}/restart`);
		await inState(path, 'connected');
		const status = await api.call('GET', `${path}/status`);
		const loggedOut = await api.call('POST', `${path}/logout`);

		expect(me.json).toEqual({
			jid: expect.stringMatching(/@s\.whatsapp\.net$/),
			lid: expect.stringMatching(/@lid$/),
			phone_number: expect.stringMatching(/^55/),
			push_name: me.json['push_name'],
		});
		expect(restarted).toMatchObject({ status: 200, json: { state: 'reconnecting' } });
		expect(status.json).toMatchObject({
			state: 'connected',
			status: 'connected',
			session_status: 'WORKING',
			attempt: 0,
			heal: { restarts_last_hour: 0, exhausted: false },
		});
		expect(loggedOut).toMatchObject({
			status: 200,
			json: { confirmed: true, hint: null, instance: { state: 'logged_out', phone_number: null } },
		});
		expect(await api.call('GET', `${path}/me`)).toMatchObject({
			status: 409,
			json: { error: { code: 'not_paired' } },
		});
	});

	it('is not restarted before it was started, and the answer says what is possible', async () => {
		const { json } = await api.call('POST', '/v1/instances', { body: { name: 'new' } });

		const answer = await api.call('POST', `/v1/instances/${json['id']}/restart`);

		expect(answer).toMatchObject({
			status: 409,
			json: { error: { code: 'invalid_transition', details: { state: 'pending' } } },
		});
	});

	it('is not restarted over and over: the answer says how long to wait', async () => {
		const path = await connected();
		let answer = await api.call('POST', `${path}/restart`);
		for (let i = 0; i < 6 && answer.status === 200; i++) {
			answer = await api.call('POST', `${path}/restart`);
		}

		expect(answer).toMatchObject({ status: 429, json: { error: { code: 'too_many_restarts' } } });
		expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
		await api.call('DELETE', path);
	});

	it.each(['restart', 'logout'])('answers 404 to %s for what does not exist', async (operation) => {
		const answer = await api.call('POST', `/v1/instances/inst_${NOBODY}/${operation}`);

		expect(answer.status).toBe(404);
	});

	it('takes the settings of its life, and shows no credentials of its proxy', async () => {
		const body = {
			name: 'shop',
			group: 'sales',
			priority: 3,
			expected_phone_number: '+5511911112222',
			heal: {
				max_restarts_per_hour: 2,
				scheduled_restart: { cron: '0 4 * * 1', time_zone: 'America/Sao_Paulo' },
			},
			proxy: { url: 'socks5://me:hush@proxy.example:1080' },
		};

		const { json } = await api.call('POST', '/v1/instances', { body });
		const changed = await api.call('PATCH', `/v1/instances/${json['id']}`, {
			body: { heal: { enabled: false }, proxy: null, group: null },
		});

		expect(json).toMatchObject({
			group: 'sales',
			priority: 3,
			expected_phone_number: '5511911112222',
			heal: {
				enabled: true,
				max_restarts_per_hour: 2,
				scheduled_restart: { cron: '0 4 * * 1', time_zone: 'America/Sao_Paulo' },
			},
			proxy: { url: 'socks5://proxy.example:1080', has_credentials: true },
		});
		expect(JSON.stringify(json)).not.toContain('hush');
		expect(changed.json).toMatchObject({
			group: null,
			heal: { enabled: false, max_restarts_per_hour: 2 },
			proxy: null,
		});
	});

	it('refuses a schedule that never comes', async () => {
		const heal = { scheduled_restart: { cron: 'at dawn', time_zone: 'Mars/Olympus' } };

		const answer = await api.call('POST', '/v1/instances', { body: { name: 'shop', heal } });

		expect(answer).toMatchObject({ status: 400, json: { error: { code: 'invalid_request' } } });
	});

	it('sends for its group, and says which instance did', async () => {
		const path = await connected();
		const group = { group: 'support' };
		const { json } = await api.call('PATCH', path, { body: group });
		const message = { to: '5511988887777', body: { type: 'text', text: 'Hi' }, client_ref: 'a' };

		const members = await api.call('GET', '/v1/groups/support');
		const sent = await api.call('POST', '/v1/groups/support/messages', { body: message });
		await api.call('POST', `${path}/stop`);
		const refused = await api.call('POST', '/v1/groups/support/messages', { body: message });

		expect(members.json).toMatchObject({
			name: 'support',
			instances: [{ id: json['id'], state: 'connected', priority: 100 }],
		});
		expect(sent).toMatchObject({
			status: 202,
			json: { instance_id: json['id'], client_ref: 'a', status: 'queued' },
		});
		expect(refused).toMatchObject({
			status: 409,
			json: {
				error: { code: 'group_unavailable', details: { instances: [{ state: 'stopped' }] } },
			},
		});
		expect((await api.call('GET', '/v1/groups/nobody')).status).toBe(404);
		await api.call('DELETE', path);
	});

	async function connected(): Promise<string> {
		const { json } = await api.call('POST', '/v1/instances', { body: { name: 'shop' } });
		const path = `/v1/instances/${String(json['id'])}`;
		await api.call('POST', path.replace('/v1', '/v1/sandbox') + '/scan', { body: {} });
		await inState(path, 'connected');
		return path;
	}

	async function inState(path: string, state: string): Promise<void> {
		await eventually(async () => (await api.call('GET', path)).json['state'] === state);
	}
});
