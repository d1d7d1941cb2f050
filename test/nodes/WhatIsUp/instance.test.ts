import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer, PNG_BASE64 } from '../support/contract-server';
import { byId, runOperation } from '../support/run-operation';

const engine = new ContractServer();

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.requests.length = 0;
});

describe('Instance', () => {
	it('creates an instance with a name', async () => {
		const [item] = await run('create', { name: '  Shop  ' });

		expect(item?.json).toMatchObject({ name: 'Shop', status: 'pending' });
		expect(engine.lastRequest).toMatchObject({ method: 'POST', body: { name: 'Shop' } });
		expect(engine.lastRequest?.body).not.toHaveProperty('metadata');
	});

	it.each([
		['a text, as typed in', '{"team":"sales"}'],
		['an object, as an expression gives it', { team: 'sales' }],
	])('creates an instance with metadata that is %s', async (_, metadata) => {
		await run('create', { name: 'Shop', additionalFields: { metadata } });

		expect(engine.lastRequest?.body).toEqual({ name: 'Shop', metadata: { team: 'sales' } });
	});

	it.each(['not json', '[1, 2]', 'null'])('refuses %s as metadata', async (metadata) => {
		const created = run('create', { name: 'Shop', additionalFields: { metadata } });

		await expect(created).rejects.toMatchObject({
			message: 'The metadata is not a JSON object',
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});

	it('gets an instance that was picked from the list', async () => {
		const { id } = engine.addInstance({ name: 'Picked' });

		const [item] = await run('get', { instance: { __rl: true, mode: 'list', value: String(id) } });

		expect(item).toEqual({
			json: expect.objectContaining({ id, name: 'Picked' }),
			pairedItem: { item: 0 },
		});
	});

	it.each(['start', 'stop'])('can %s an instance', async (operation) => {
		const { id } = engine.addInstance();

		const [item] = await run(operation, byId(id));

		expect(item?.json).toMatchObject({ id, state: operation === 'start' ? 'starting' : 'stopped' });
	});

	it('deletes an instance', async () => {
		const { id } = engine.addInstance();

		const [item] = await run('delete', byId(id));

		expect(item?.json).toEqual({ deleted: true });
		expect(engine.instances).toEqual([]);
	});

	it('gets the QR code as a PNG file, and what it says as JSON', async () => {
		const { id } = engine.addInstance();

		const [item] = await run('getQrCode', { ...byId(id), binaryPropertyName: 'picture' });

		expect(item?.json).toEqual({
			instance_id: id,
			code: '2@code',
			expires_at: '2026-01-01T12:00:20.000Z',
		});
		expect(item?.binary).toEqual({
			picture: { data: PNG_BASE64, fileName: 'whatsapp-qr.png', mimeType: 'image/png' },
		});
		expect(engine.requests).toHaveLength(1);
	});

	it('says what to do when an answer without a QR code comes', async () => {
		const { id } = engine.addInstance();
		engine.overrides.push({ status: 200 });

		await expect(run('getQrCode', byId(id))).rejects.toMatchObject({
			message: 'There is no QR code yet',
			description: expect.stringContaining('Try again in a few seconds'),
		});
	});

	it('says in which state an instance is that has no QR code to show', async () => {
		const { id } = engine.addInstance({ state: 'connected' });

		await expect(run('getQrCode', byId(id))).rejects.toMatchObject({
			httpCode: '409',
			description: expect.stringContaining('Details: state: connected.'),
		});
	});

	it('asks which instance when none is chosen', async () => {
		await expect(run('get', {})).rejects.toMatchObject({ message: 'No instance is chosen' });
		expect(engine.requests).toEqual([]);
	});

	it('cannot be led to another path by an ID', async () => {
		await expect(run('get', byId('../api-keys?x='))).rejects.toMatchObject({ httpCode: '404' });
		expect(engine.lastRequest?.path).toBe('/v1/instances/..%2Fapi-keys%3Fx%3D');
	});
});

describe('Get Many', () => {
	beforeEach(() => {
		for (let count = 1; count <= 250; count++) engine.addInstance({ name: `Shop ${count}` });
	});

	it('returns all, page by page, newest first, one item each', async () => {
		const items = await run('getMany', { returnAll: true });

		expect(items).toHaveLength(250);
		expect(items[0]?.json.name).toBe('Shop 250');
		expect(items[249]).toEqual({
			json: expect.objectContaining({ name: 'Shop 1' }),
			pairedItem: { item: 0 },
		});
		expect(engine.requests).toHaveLength(3);
	});

	it.each([1, 50, 100, 101, 250, 1000])('returns at most %d', async (limit) => {
		const items = await run('getMany', { returnAll: false, limit });

		expect(items).toHaveLength(Math.min(limit, 250));
	});

	it('asks for no more than it needs', async () => {
		await run('getMany', { returnAll: false, limit: 120 });

		expect(engine.requests.map(({ query }) => query.limit)).toEqual(['100', '20']);
	});

	it('ends at a server that hands out the same page again and again', async () => {
		const page = { status: 200, body: { data: [{ id: 'inst_1' }], next_cursor: 'stuck' } };
		engine.overrides.push(page, page, page);

		const items = await run('getMany', { returnAll: true });

		expect(items).toHaveLength(2);
		engine.overrides.length = 0;
	});
});

function run(operation: string, parameters: INodeParameters) {
	return runOperation(engine, { resource: 'instance', operation, ...parameters });
}
