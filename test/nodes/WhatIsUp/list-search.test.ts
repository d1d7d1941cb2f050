import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WhatIsUp } from '../../../nodes/WhatIsUp/WhatIsUp.node';
import { API_KEY, ContractServer } from '../support/contract-server';
import { loadOptionsContext } from '../support/n8n-context';

const engine = new ContractServer();
const node = new WhatIsUp();

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.endpoints.length = 0;
	engine.requests.length = 0;
});

describe('the list of instances', () => {
	it('names each by what a person knows it by', async () => {
		const paired = engine.addInstance({
			name: 'Shop',
			phone_number: '5511999999999',
			status: 'connected',
			state: 'connected',
		});
		const fresh = engine.addInstance({ name: 'Support' });

		expect(await search()).toEqual({
			results: [
				{ name: 'Support (not linked yet)', value: fresh.id },
				{ name: 'Shop (+5511999999999, connected)', value: paired.id },
			],
		});
	});

	it.each([
		[{ state: 'qr', status: 'qr' }, 'waiting for the QR code to be scanned'],
		[{ state: 'starting', status: 'connecting' }, 'connecting'],
		[{ state: 'reconnecting', status: 'connecting' }, 'reconnecting'],
		[{ state: 'stopped', status: 'disconnected' }, 'stopped'],
		[{ state: 'logged_out', status: 'disconnected' }, 'unlinked'],
		[{ state: 'failed', status: 'failed' }, 'failed'],
		[{ state: undefined, status: 'disconnected' }, 'disconnected'],
	])('says of %j in words how it is', async (fields, words) => {
		engine.addInstance({ name: 'Shop', ...fields });

		const { results } = await search();

		expect(results[0]?.name).toBe(`Shop (${words})`);
	});

	it('comes in pages', async () => {
		for (let count = 0; count < 130; count++) engine.addInstance();

		const first = await search();
		const second = await search(undefined, first.paginationToken);

		expect([first.results.length, second.results.length]).toEqual([100, 30]);
		expect(second).not.toHaveProperty('paginationToken');
	});

	it.each(['sup', 'SUPPORT', '4477', '+4477'])('finds by "%s"', async (filter) => {
		engine.addInstance({ name: 'Shop', phone_number: '5511999999999' });
		engine.addInstance({ name: 'Support', phone_number: '447700900123' });

		const { results } = await search(filter);

		expect(results.map(({ name }) => name)).toEqual(['Support (+447700900123, not linked yet)']);
	});

	it('passes over pages without a match', async () => {
		engine.addInstance({ name: 'Needle' });
		for (let count = 0; count < 250; count++) engine.addInstance();

		const { results } = await search('needle');

		expect(results).toHaveLength(1);
		expect(engine.requests).toHaveLength(3);
	});

	it('is empty when nothing matches', async () => {
		engine.addInstance();

		expect(await search('nothing like it')).toEqual({ results: [] });
	});
});

describe('the list of webhook endpoints', () => {
	const url = 'https://example.com/events';

	it.each([
		[{ events: ['message.received'] }, `${url} (Message Received)`],
		[{ description: 'Orders', events: ['*'] }, `Orders (${url}, All Events)`],
		[
			{ events: ['message.sent', 'qr.updated'], enabled: false },
			`${url} (Message Sent, QR Code Updated, disabled)`,
		],
		[{ events: ['message.sent', 'qr.updated', 'call.offered'] }, `${url} (3 events)`],
		[{ events: ['call.offered'] }, `${url} (call.offered)`],
	])('says of %j in words what it is', async (fields, words) => {
		const { id } = engine.addEndpoint({ url, ...fields });

		expect(await searchEndpoints()).toEqual({ results: [{ name: words, value: id }] });
	});

	it('finds by a part of the words, page after page', async () => {
		const { id } = engine.addEndpoint({ url, description: 'n8n: Orders', events: ['*'] });
		for (let count = 0; count < 120; count++) engine.addEndpoint({ url, events: ['*'] });

		const { results } = await searchEndpoints('orders');

		expect(results.map(({ value }) => value)).toEqual([id]);
	});
});

it('offers all instances where several can be chosen', async () => {
	for (let count = 0; count < 120; count++) engine.addInstance();

	const options = await node.methods.loadOptions.getInstances.call(context());

	expect(options).toHaveLength(120);
	expect(options[0]).toEqual({ name: 'Shop (not linked yet)', value: engine.instances[0]?.id });
});

describe('the list of groups', () => {
	beforeEach(() => {
		for (const group of ['Support', 'Sales', null, 'Support']) engine.addInstance({ group });
	});

	it('names each group of any instance once', async () => {
		expect(await searchGroups()).toEqual({
			results: [
				{ name: 'Sales', value: 'Sales' },
				{ name: 'Support', value: 'Support' },
			],
		});
	});

	it('finds by a part of the name', async () => {
		const { results } = await searchGroups('SUP');

		expect(results.map(({ name }) => name)).toEqual(['Support']);
	});
});

function searchEndpoints(filter?: string) {
	return node.methods.listSearch.searchEndpoints.call(context(), filter);
}

function searchGroups(filter?: string) {
	return node.methods.listSearch.searchGroups.call(context(), filter);
}

function search(filter?: string, paginationToken?: unknown) {
	return node.methods.listSearch.searchInstances.call(
		context(),
		filter,
		paginationToken as string | undefined,
	);
}

function context() {
	return loadOptionsContext({
		node,
		credentials: { baseUrl: engine.baseUrl, apiKey: API_KEY },
		parameters: {},
	});
}
