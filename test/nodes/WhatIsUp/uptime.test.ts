import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INodeParameters } from 'n8n-workflow';
import { ContractServer } from '../support/contract-server';
import { byId, runOperation } from '../support/run-operation';

const HOUR = 60 * 60_000;

const engine = new ContractServer();

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.requests.length = 0;
});

describe('Get Uptime', () => {
	it.each([
		['lastDay', 24],
		['lastWeek', 7 * 24],
		['lastMonth', 30 * 24],
	])('looks at the %s', async (period, hours) => {
		await run({ period });

		const { from, to } = engine.lastRequest?.query ?? {};
		expect(instant(to) - instant(from)).toBe(hours * HOUR);
		expect(Math.abs(Date.now() - instant(to))).toBeLessThan(HOUR);
	});

	it('looks at the time between two dates, in the time zone of the workflow', async () => {
		await run({ period: 'custom', from: '2026-01-01T00:00:00', to: '2026-01-02T12:30:00' });

		expect(engine.lastRequest?.query).toMatchObject({
			from: '2026-01-01T03:00:00.000Z',
			to: '2026-01-02T15:30:00.000Z',
		});
	});

	it('looks at the time up to now when no end is given', async () => {
		await run({ period: 'custom', from: '2026-01-01', to: '' });

		const { from, to } = engine.lastRequest?.query ?? {};
		expect(from).toBe('2026-01-01T03:00:00.000Z');
		expect(Math.abs(Date.now() - instant(to))).toBeLessThan(HOUR);
	});

	it.each([
		['', 'From is empty'],
		['last Monday', '"last Monday" in From is not a date'],
	])('refuses to begin at "%s"', async (from, message) => {
		await expect(run({ period: 'custom', from })).rejects.toMatchObject({ message });
		expect(engine.requests).toEqual([]);
	});

	it('gives one item for each instance, over all pages, with the time it speaks of', async () => {
		for (let count = 0; count < 130; count++) engine.addInstance();

		const items = await run({});

		expect(items).toHaveLength(130);
		expect(items[0]?.json).toEqual({
			instance_id: engine.instances[0]?.id,
			name: 'Shop',
			uptime_percent: 99.5,
			from: engine.lastRequest?.query.from,
			to: engine.lastRequest?.query.to,
		});
		expect(new Set(engine.requests.map(({ query }) => query.to)).size).toBe(1);
	});

	it('tells of every hour when asked to', async () => {
		engine.addInstance();

		const [item] = await run({ includeHourly: true });

		expect(item?.json.hourly).toHaveLength(1);
	});

	it('tells of one instance when asked to', async () => {
		const { id } = engine.addInstance();
		engine.addInstance();

		const items = await run({ filters: byId(id) });

		expect(items.map(({ json }) => json.instance_id)).toEqual([id]);
	});
});

function instant(text: string | undefined): number {
	return Date.parse(text ?? '');
}

function run(parameters: INodeParameters) {
	return runOperation(engine, { resource: 'instance', operation: 'getUptime', ...parameters });
}
