import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NodeApiError, NodeOperationError, type INodeParameters } from 'n8n-workflow';
import { WhatIsUp } from '../../../nodes/WhatIsUp/WhatIsUp.node';
import { refused } from '../support/contract-answers';
import { API_KEY, ContractServer } from '../support/contract-server';
import { executeContext, type Surroundings } from '../support/n8n-context';

const { ERRORS } = jest.requireActual<{ ERRORS: Record<string, { hint: string }> }>(
	'../../../engine/src/domain/errors.ts',
);
const engine = new ContractServer();
const node = new WhatIsUp();

beforeAll(() => engine.start());
afterAll(() => engine.stop());

beforeEach(() => {
	engine.instances.length = 0;
	engine.overrides.length = 0;
});

describe('an error of the engine', () => {
	it('shows its message, its hint, its code and the request that it is about', async () => {
		const error = await failure({ parameters: getInstance('inst_0198f3c4-unknown') });

		expect(error).toBeInstanceOf(NodeApiError);
		expect(error).toMatchObject({
			message: 'Message of instance_not_found.',
			description: 'Hint of instance_not_found. Code: instance_not_found. Request: req_1.',
			httpCode: '404',
			context: {
				itemIndex: 0,
				data: {
					code: 'instance_not_found',
					hint: 'Hint of instance_not_found.',
					request_id: 'req_1',
				},
			},
		});
	});

	it('shows the details that the hint may speak of', async () => {
		engine.overrides.push(refused(400, 'invalid_request', { fields: ['name'], most: 64 }));

		expect(await failure()).toMatchObject({
			description: expect.stringContaining('Details: fields: ["name"], most: 64.'),
			context: { data: { details: { fields: ['name'], most: 64 } } },
		});
	});

	it.each(Object.entries(ERRORS))(
		'tells in words of n8n what to do about %s',
		async (code, { hint }) => {
			engine.overrides.push({ status: 400, body: { error: { code, message: 'No.', hint } } });

			const { description } = (await failure()) as NodeApiError;

			expect(description).not.toMatch(
				/\b(GET|POST|PATCH)\b|\/v1\/|\.json|[Hh]eader|Bearer|fail_fast|field "/,
			);
		},
	);

	it('keeps a hint that speaks of the case at hand', async () => {
		const hint = 'The instance was stopped. Start it first.';
		engine.overrides.push({ status: 409, body: { error: { code: 'route_not_found', hint } } });

		expect(await failure()).toMatchObject({ description: expect.stringContaining(hint) });
	});

	it('names the item that it happened to', async () => {
		const { id } = engine.addInstance();

		const error = await failure({
			parametersOfItems: [getInstance(String(id)), getInstance('inst_gone')],
		});

		expect(error).toMatchObject({ context: { itemIndex: 1 } });
	});

	it('tells to check the API key when the engine does not know it', async () => {
		engine.overrides.push({ status: 401, body: {} });

		expect(await failure()).toMatchObject({
			message: 'The server answered with status 401',
			description: 'Check the API Key in the credential.',
		});
	});
});

describe('an answer of something else', () => {
	it.each([200, 404, 502])('is told as such with status %d', async (status) => {
		engine.overrides.push({ status, body: '<html>Some other server</html>' });

		const error = await failure();

		expect(error).toBeInstanceOf(NodeApiError);
		expect(error).toMatchObject({
			message: expect.stringMatching(/not WhatIsUp|answered with status (404|502)/),
			description: expect.stringMatching(/Base URL|what stands before it/),
		});
	});
});

describe('no answer', () => {
	it('tells to start the engine when nothing listens, and how it is in Docker', async () => {
		const gone = new ContractServer();
		await gone.start();
		const { baseUrl } = gone;
		await gone.stop();

		const error = await failure({ credentials: { baseUrl, apiKey: API_KEY } });

		expect(error).toBeInstanceOf(NodeApiError);
		expect(error).toMatchObject({
			message: `WhatIsUp cannot be reached at ${baseUrl}`,
			description: expect.stringMatching(/Start the engine.*If n8n runs in Docker/),
		});
	});

	it.each([
		['http://whatisup.invalid:3000', 'No machine has this name.'],
		['127.0.0.1', 'This is not a web address.'],
		['', 'This is not a web address.'],
	])('tells what is wrong with the Base URL "%s"', async (baseUrl, description) => {
		expect(await failure({ credentials: { baseUrl, apiKey: API_KEY } })).toMatchObject({
			description: expect.stringContaining(description),
		});
	});
});

describe('the Base URL', () => {
	it.each(['/', '//', ' '])('may end with "%s"', async (end) => {
		const items = await run({
			parameters: { resource: 'instance', operation: 'getMany' },
			credentials: { baseUrl: `${engine.baseUrl}${end}`, apiKey: API_KEY },
		});

		expect(items).toEqual([]);
	});
});

describe('Continue on Fail', () => {
	it('goes on with the next item and tells of each error in place', async () => {
		const { id } = engine.addInstance();

		const items = await run({
			parametersOfItems: [getInstance('inst_gone'), getInstance(''), getInstance(String(id))],
			continueOnFail: true,
		});

		expect(items).toEqual([
			{
				json: {
					error: 'Message of instance_not_found.',
					message: expect.stringContaining('Code: instance_not_found.'),
				},
				pairedItem: { item: 0 },
			},
			{
				json: { error: 'No instance is chosen', message: expect.any(String) },
				pairedItem: { item: 1 },
			},
			{ json: expect.objectContaining({ id }), pairedItem: { item: 2 } },
		]);
	});
});

it('refuses an operation that does not exist', async () => {
	const error = await failure({ parameters: { resource: 'message', operation: 'burn' } });

	expect(error).toBeInstanceOf(NodeOperationError);
	expect(error).toMatchObject({ message: 'Unknown operation: message.burn' });
});

function getInstance(value: string): INodeParameters {
	return { resource: 'instance', operation: 'get', instance: { __rl: true, mode: 'id', value } };
}

async function run(surroundings: Partial<Surroundings>) {
	const context = executeContext({
		node,
		credentials: { baseUrl: engine.baseUrl, apiKey: API_KEY },
		parameters: {},
		...surroundings,
	});
	const [items] = await node.execute.call(context);
	return items ?? [];
}

async function failure(surroundings: Partial<Surroundings> = {}): Promise<unknown> {
	const parameters = getInstance('inst_0198f3c4-some');
	return await run({ parameters, ...surroundings }).then(
		() => undefined,
		(error: unknown) => error,
	);
}
