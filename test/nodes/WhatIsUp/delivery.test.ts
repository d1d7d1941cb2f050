import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import type { Surroundings } from '../support/n8n-context';
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

	it('gets those of one event, of one receiver and of one time', async () => {
		const { id: endpoint_id } = engine.addEndpoint({ url: 'https://example.com' });
		const fields = { endpoint_id, event_id: 'evt_1', created_at: '2026-01-31T12:30:00.000Z' };
		const wanted = engine.addDelivery(fields);
		engine.addDelivery({ ...fields, event_id: 'evt_2' });
		engine.addDelivery({ ...fields, endpoint_id: 'wh_other' });
		engine.addDelivery({ ...fields, created_at: '2026-01-31T11:59:59.000Z' });
		engine.addDelivery({ ...fields, created_at: '2026-01-31T13:00:00.000Z' });

		const items = await run('getMany', {
			filters: {
				eventId: ' evt_1 ',
				endpoint: { __rl: true, mode: 'id', value: String(endpoint_id) },
				// Of the workflow's time zone, three hours behind UTC.
				from: '2026-01-31T09:00:00',
				to: '2026-01-31T10:00:00',
			},
		});

		expect(items.map(({ json }) => json.id)).toEqual([wanted.id]);
	});

	it('refuses a time that is none', async () => {
		await expect(run('getMany', { filters: { from: 'last night' } })).rejects.toMatchObject({
			message: '"last night" in From is not a date',
		});
		expect(engine.requests).toEqual([]);
	});

	it('sends no filter that is not set', async () => {
		await run('getMany', { filters: {} });

		expect(engine.lastRequest?.query).toEqual({ limit: '50' });
	});

	it('leaves open an end of the time that is left empty', async () => {
		await run('getMany', { filters: { from: '', to: '' } });

		expect(engine.lastRequest?.query).toEqual({ limit: '50' });
	});

	it.each([
		...[null, undefined].flatMap((value) => [
			[{ event: value }, 'Event is empty'] as const,
			[{ eventId: value }, 'Event ID is empty'] as const,
			[{ from: value }, 'From is empty'] as const,
			[{ instance: locator(value) }, 'Instance is empty'] as const,
			[{ status: value }, 'Status is empty'] as const,
			[{ to: value }, 'To is empty'] as const,
			[{ endpoint: locator(value) }, 'Webhook Endpoint is empty'] as const,
			[{ endpoint: value }, 'Webhook Endpoint is empty'] as const,
		]),
		[{ eventId: '' }, 'Event ID is empty'] as const,
		[{ eventId: ' ' }, 'Event ID is empty'] as const,
		[{ eventId: { id: 'evt_1' } }, 'Event ID is empty'] as const,
		[{ instance: locator('') }, 'Instance is empty'] as const,
		[{ endpoint: locator('') }, 'Webhook Endpoint is empty'] as const,
	])('does not list all when a filter was added and is empty: %j', async (filters, message) => {
		engine.addDelivery();

		await expect(run('getMany', { filters: filters as INodeParameters })).rejects.toMatchObject({
			message,
			description: expect.stringContaining('remove the field'),
			context: { itemIndex: 0 },
		});
		expect(engine.requests).toEqual([]);
	});

	it('lists for the items whose filter holds something when another is empty', async () => {
		const { id } = engine.addDelivery({ event_id: 'evt_1' });
		engine.addDelivery({ event_id: 'evt_2' });
		const eventIds = [null, 'evt_1'];

		const items = await run(
			'getMany',
			{},
			{
				continueOnFail: true,
				parametersOfItems: eventIds.map((eventId) => ({ filters: { eventId } as INodeParameters })),
			},
		);

		expect(items).toMatchObject([
			{ json: { error: 'Event ID is empty' }, pairedItem: { item: 0 } },
			{ json: { id }, pairedItem: { item: 1 } },
		]);
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

	it('gets its attempts, one item for each', async () => {
		const { id } = engine.addDelivery();
		const attempts = [
			{ attempt: 1, status: 500, latency_ms: 20, error: null },
			{ attempt: 2, status: null, latency_ms: 5000, error: 'timeout' },
		];
		engine.webhooks.attempts.push(...attempts);

		const items = await run('getAttempts', { deliveryId: String(id) });

		expect(items.map(({ json }) => json)).toEqual(attempts);
	});

	it('is sent again', async () => {
		const { id } = engine.addDelivery({ status: 'failed' });

		const [item] = await run('redeliver', { deliveryId: String(id) });

		expect(item?.json).toMatchObject({ id, status: 'pending' });
		expect(engine.lastRequest).toMatchObject({ method: 'POST' });
	});

	it.each(['get', 'getAttempts', 'redeliver'])('asks for an ID before it can %s', async (what) => {
		await expect(run(what, { deliveryId: '' })).rejects.toMatchObject({
			message: 'The delivery ID is empty',
		});
	});
});

function locator(value: unknown): unknown {
	return { __rl: true, mode: 'id', value };
}

function run(operation: string, parameters: INodeParameters, more: Partial<Surroundings> = {}) {
	return runOperation(engine, { resource: 'delivery', operation, ...parameters }, more);
}
