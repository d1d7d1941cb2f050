import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import { runOperation } from '../support/run-operation';

const engine = new ContractServer();

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.deliveries.length = 0;
	engine.requests.length = 0;
});

describe('Delivery', () => {
	it('gets many, page by page', async () => {
		for (let count = 0; count < 130; count++) engine.addDelivery();

		const items = await run('getMany', { returnAll: true });

		expect(items).toHaveLength(130);
	});

	it('gets those that match every filter', async () => {
		const instance_id = String(engine.addInstance().id);
		const wanted = engine.addDelivery({ status: 'failed', event: 'message.sent', instance_id });
		engine.addDelivery({ status: 'success', event: 'message.sent', instance_id });
		engine.addDelivery({ status: 'failed', event: 'qr.updated', instance_id });
		engine.addDelivery({ status: 'failed', event: 'message.sent', instance_id: null });

		const items = await run('getMany', {
			filters: {
				status: 'failed',
				event: 'message.sent',
				instance: { __rl: true, mode: 'list', value: instance_id },
			},
		});

		expect(items.map(({ json }) => json.id)).toEqual([wanted.id]);
	});

	it('sends no filter that is not set', async () => {
		await run('getMany', { filters: { instance: { __rl: true, mode: 'list', value: '' } } });

		expect(engine.lastRequest?.query).toEqual({ limit: '50' });
	});

	it('keeps the filters from page to page', async () => {
		for (let count = 0; count < 101; count++) engine.addDelivery({ status: 'failed' });
		engine.addDelivery({ status: 'success' });

		const items = await run('getMany', { returnAll: true, filters: { status: 'failed' } });

		expect(items).toHaveLength(101);
		expect(engine.requests.map(({ query }) => query.status)).toEqual(['failed', 'failed']);
	});

	it('gets one by its ID', async () => {
		const { id } = engine.addDelivery();

		const [item] = await run('get', { deliveryId: String(id) });

		expect(item?.json).toMatchObject({ id, status: 'success' });
	});
});

function run(operation: string, parameters: INodeParameters) {
	return runOperation(engine, { resource: 'delivery', operation, ...parameters });
}
