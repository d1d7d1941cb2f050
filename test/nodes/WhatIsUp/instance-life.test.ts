import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { refused } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import { byId, runOperation } from '../support/run-operation';

const PHONE = '5511999999999';

const engine = new ContractServer();
let id: unknown;

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.transitions.length = 0;
	({ id } = engine.addInstance({ state: 'connected', phone_number: PHONE }));
	engine.requests.length = 0;
});

describe('Instance', () => {
	it('restarts an instance', async () => {
		const [item] = await run('restart');

		expect(item?.json).toMatchObject({ id, state: 'reconnecting' });
	});

	it('tells to wait when it was restarted too often', async () => {
		engine.overrides.push(refused(429, 'too_many_restarts', { retry_after_seconds: 40 }));

		await expect(run('restart')).rejects.toMatchObject({
			httpCode: '429',
			description: expect.stringContaining('retry_after_seconds: 40'),
		});
	});

	it('unlinks an instance, and passes on whether WhatsApp confirmed it', async () => {
		const [item] = await run('unlink');

		expect(item?.json).toMatchObject({ confirmed: true, instance: { id, state: 'logged_out' } });
		expect(engine.lastRequest?.path).toBe(`/v1/instances/${id}/logout`);
	});

	it('gets how an instance is doing', async () => {
		const [item] = await run('getStatus');

		expect(item?.json).toMatchObject({ instance_id: id, state: 'connected', attempt: 0 });
	});

	it('gets the account that is linked', async () => {
		const [item] = await run('getAccount');

		expect(item?.json).toEqual({
			jid: `${PHONE}@s.whatsapp.net`,
			lid: null,
			phone_number: PHONE,
			push_name: 'Ana',
		});
	});

	it('says so when no account is linked', async () => {
		await run('unlink');

		await expect(run('getAccount')).rejects.toMatchObject({
			httpCode: '409',
			description: expect.stringContaining('not_paired'),
		});
	});

	it('gets a pairing code for a phone number as people write it', async () => {
		const [item] = await run('getPairingCode', { phoneNumber: '+55 (11) 99999-9999' });

		expect(item?.json).toEqual({ code: 'ABCD1234', expires_at: expect.any(String) });
		expect(engine.lastRequest?.body).toEqual({ phone_number: PHONE });
	});

	it.each([
		['', 'The phone number is empty'],
		['Ana', '"Ana" is not a phone number'],
		[`${PHONE}@s.whatsapp.net`, `"${PHONE}@s.whatsapp.net" is not a phone number`],
	])('refuses a pairing code for "%s"', async (phoneNumber, message) => {
		await expect(run('getPairingCode', { phoneNumber })).rejects.toMatchObject({ message });
		expect(engine.requests).toEqual([]);
	});

	it('creates a pairing link', async () => {
		const [item] = await run('createPairingLink');

		expect(item?.json).toEqual({
			url: expect.stringContaining('/pair/'),
			expires_at: expect.any(String),
		});
	});

	it('revokes a pairing link', async () => {
		const [item] = await run('revokePairingLink');

		expect(item?.json).toEqual({ revoked: true });
		expect(engine.lastRequest).toMatchObject({
			method: 'DELETE',
			path: `/v1/instances/${id}/pairing-link`,
		});
	});
});

describe('Get History', () => {
	beforeEach(() => {
		for (let count = 1; count <= 120; count++) {
			engine.transitions.unshift({ id: `trn_${count}`, from: 'starting', to: 'connected' });
		}
	});

	it('returns all, page by page, newest first, one item each', async () => {
		const items = await run('getHistory', { returnAll: true });

		expect(items).toHaveLength(120);
		expect(items[0]?.json).toMatchObject({ id: 'trn_120', to: 'connected' });
	});

	it('returns no more than asked for', async () => {
		const items = await run('getHistory', { limit: 3 });

		expect(items.map(({ json }) => json.id)).toEqual(['trn_120', 'trn_119', 'trn_118']);
	});
});

function run(operation: string, parameters: INodeParameters = {}) {
	return runOperation(engine, { resource: 'instance', operation, ...byId(id), ...parameters });
}
