import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { WhatIsUp } from '../../nodes/WhatIsUp/WhatIsUp.node';
import { WhatIsUpTrigger } from '../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';
import { hookContext, loadOptionsContext, staticDataOf } from './support/n8n-context';
import { RealEngine } from './support/real-engine';
import { runOperation } from './support/run-operation';

const PATIENCE_MS = 20_000;
const engine = new RealEngine();

/** What the receiver answers. */
let answer = 200;
const received: IDataObject[] = [];
const receiver = createServer(async (request, response) => {
	const chunks = (await request.toArray()) as Buffer[];
	received.push(JSON.parse(Buffer.concat(chunks).toString()) as IDataObject);
	response.writeHead(answer).end();
});
let url: string;

beforeAll(async () => {
	await engine.start();
	await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
	url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
}, 60_000);

afterAll(async () => {
	await engine.stop();
	receiver.closeAllConnections();
	await new Promise((resolve) => receiver.close(resolve));
});

/** One endpoint, from its creation to its end: every test goes on where the last one stopped. */
describe('with the engine itself, a webhook endpoint', () => {
	let id: unknown;
	let instanceId: string;

	it('is created with all settings, and shows its secret', async () => {
		const instance = await engine.call('POST', '/v1/instances', { name: 'Shop' });
		instanceId = String(instance.id);

		const created = await one('create', {
			url,
			events: ['message.received'],
			additionalFields: {
				chats: 'direct_only',
				description: 'Orders',
				ignoreFromMe: true,
				ignoreNewsletters: false,
				ignoreStatuses: false,
				instances: [instanceId],
				maxAge: 3600,
				maxPerSecond: 50,
				ordered: false,
				signingSecret: 'whsec_of-my-own-making',
			},
		});

		({ id } = created);
		expect(created).toMatchObject({
			url,
			description: 'Orders',
			chat_type_filter: 'direct_only',
			ignore_from_me: true,
			ignore_newsletters: false,
			ignore_status: false,
			instance_ids: [instanceId],
			max_age_seconds: 3600,
			max_per_second: 50,
			ordered: false,
			signing_secret: 'whsec_of-my-own-making',
		});
	});

	it('is offered in the list', async () => {
		const { results } = await new WhatIsUp().methods.listSearch.searchEndpoints.call(
			loadOptionsContext(surroundings(new WhatIsUp())),
		);

		expect(results).toEqual([{ name: `Orders (${url}, Message Received)`, value: id }]);
	});

	it('is updated, and settings that are emptied are gone', async () => {
		const updateFields = { description: '', instances: [], maxAge: 0, maxPerSecond: 0 };

		expect(await one('update', { updateFields })).toMatchObject({
			description: null,
			instance_ids: [],
			max_age_seconds: null,
			max_per_second: null,
			chat_type_filter: 'direct_only',
		});
	});

	it('gets a new secret, and the old one counts for as long as it shall', async () => {
		const rotated = await one('rotateSecret', { options: { overlapHours: 2 } });

		const overlap = Date.parse(String(rotated.previous_secret_until)) - Date.now();
		expect(rotated.signing_secret).toMatch(/^whsec_/);
		expect(Math.abs(overlap - 2 * 3_600_000)).toBeLessThan(60_000);
	});

	it('is tested', async () => {
		expect(await one('test')).toMatchObject({ delivered: true, status: 200, error: null });
		expect(received.at(-1)).toMatchObject({ event: 'webhook.test', data: { endpoint_id: id } });
	});

	it('is diagnosed, with a word for each finding', async () => {
		const { findings, summary, healthy } = await one('diagnose');

		expect(healthy).toBe(true);
		expect(summary).toEqual(expect.any(String));
		for (const finding of findings as IDataObject[]) {
			expect(finding).toMatchObject({
				check: expect.any(String),
				severity: expect.stringMatching(/^(ok|info|warning|error)$/),
				message: expect.any(String),
			});
		}
	});

	it('is disabled when its receiver says that it is gone, and enabled again', async () => {
		answer = 410;
		await link();
		await write('lost at first');
		await until(async () => (await one('get')).disabled_reason === 'gone');
		await expect(run('recover')).rejects.toMatchObject({
			description: expect.stringContaining('Webhook Endpoint > Enable'),
		});
		answer = 200;

		expect(await one('enable')).toMatchObject({ enabled: true, disabled_reason: null });
	});

	it('gets what failed again, and the replay tells when it is done', async () => {
		expect(await one('recover', { dryRun: true })).toMatchObject({ dry_run: true, total: 1 });

		const { id: replayId } = await one('recover', { options: { maxPerSecond: 100 } });
		const watch = () => one('getReplay', { replayId: String(replayId) });
		await until(async () => (await watch()).status === 'completed');

		expect(await watch()).toMatchObject({ total: 1, redelivered: 1, skipped: 0 });
		expect(await one('cancelReplay', { replayId: String(replayId) })).toMatchObject({
			status: 'completed',
		});
		await until(async () => texts().filter((text) => text === 'lost at first').length === 2);
	});

	it('gets what it got before, by time, status and event', async () => {
		const options = { from: '2026-01-01', events: ['message.received'] };

		const counted = await one('replay', { status: 'all', dryRun: true, options });

		expect(counted).toMatchObject({ total: 1, total_is_exact: true });
	});

	it('has deliveries that are found, with their attempts, and sent again', async () => {
		const filters = { event: 'message.received', from: '2026-01-01', endpoint: locator(id) };
		await until(async () => (await deliveries(filters))[0]?.status === 'success');
		const [delivery] = await deliveries(filters);
		const deliveryId = String(delivery?.id);

		const byEvent = await deliveries({ eventId: String(delivery?.event_id) });
		const attempts = await runIn('delivery', 'getAttempts', { deliveryId });
		await runIn('delivery', 'redeliver', { deliveryId });

		expect(byEvent.map((one) => one.id)).toEqual([deliveryId]);
		expect(attempts.map(({ json }) => json.status)).toEqual([410, 200]);
		await until(async () => texts().filter((text) => text === 'lost at first').length === 3);
	});

	it('is disabled and deleted', async () => {
		expect(await one('disable')).toMatchObject({ enabled: false, disabled_reason: 'by_user' });
		expect(await one('delete')).toEqual({ deleted: true });
		await expect(run('get')).rejects.toMatchObject({
			description: expect.stringContaining('Pick the webhook endpoint from the list.'),
		});
	});

	async function link(): Promise<void> {
		await engine.call('POST', `/v1/sandbox/instances/${instanceId}/scan`, {});
		await until(async () => {
			const { state } = await engine.call('GET', `/v1/instances/${instanceId}`);
			return state === 'connected';
		});
	}

	async function write(text: string): Promise<void> {
		const message = { from: '5511988887777', body: { type: 'text', text } };
		await engine.call('POST', `/v1/sandbox/instances/${instanceId}/messages`, message);
	}

	function run(operation: string, parameters: INodeParameters = {}) {
		const endpoint = id === undefined ? {} : { endpoint: locator(id) };
		return runIn('webhookEndpoint', operation, { ...endpoint, ...parameters });
	}

	async function one(operation: string, parameters: INodeParameters = {}): Promise<IDataObject> {
		const [item] = await run(operation, parameters);
		return item?.json ?? {};
	}
});

it('changes the endpoint of a trigger whose settings have changed, down to the defaults', async () => {
	const { id: instanceId } = await engine.call('POST', '/v1/instances', { name: 'Other' });
	const staticData = staticDataOf();
	const other = {
		events: ['*'],
		listenTo: 'someInstances',
		instances: [String(instanceId)],
		chats: 'groups_only',
		options: { ignoreStatuses: false, maxAge: 60, maxPerSecond: 2, ordered: false },
	};

	await activate(staticData, {});
	const { endpointId } = staticData;
	const first = await registered();
	await activate(staticData, other);
	const second = await registered();
	await activate(staticData, {});

	expect(second).toMatchObject([
		{
			id: endpointId,
			events: ['*'],
			instance_ids: [instanceId],
			chat_type_filter: 'groups_only',
			ignore_status: false,
			max_age_seconds: 60,
			max_per_second: 2,
			ordered: false,
		},
	]);
	const { updated_at, ...settings } = first[0]!;
	expect(await registered()).toEqual([{ ...settings, updated_at: expect.any(String) }]);
	expect(updated_at).toEqual(expect.any(String));
});

/** Does as n8n does when a workflow is activated. */
async function activate(staticData: IDataObject, parameters: INodeParameters): Promise<void> {
	const trigger = new WhatIsUpTrigger();
	const { create, checkExists } = trigger.webhookMethods.default;
	const webhookUrl = 'http://127.0.0.1:5678/webhook/0d8f/whatisup';
	const context = hookContext({ ...surroundings(trigger), parameters }, { webhookUrl, staticData });
	expect(await checkExists.call(context)).toBe(false);
	await create.call(context);
	expect(await checkExists.call(context)).toBe(true);
}

async function registered(): Promise<IDataObject[]> {
	return (await engine.call('GET', '/v1/webhook-endpoints')).data as IDataObject[];
}

function texts(): unknown[] {
	return received.map(({ data }) => ((data as IDataObject).body as IDataObject | undefined)?.text);
}

function locator(id: unknown) {
	return { __rl: true as const, mode: 'id', value: String(id) };
}

async function deliveries(filters: INodeParameters): Promise<IDataObject[]> {
	return (await runIn('delivery', 'getMany', { filters })).map(({ json }) => json);
}

function surroundings<Node>(node: Node) {
	const { baseUrl, apiKey } = engine;
	return { node, credentials: { baseUrl, apiKey }, parameters: {} };
}

function runIn(resource: string, operation: string, parameters: INodeParameters) {
	const { credentials } = surroundings(undefined);
	return runOperation(engine, { resource, operation, ...parameters }, { credentials });
}

async function until(probe: () => Promise<boolean>): Promise<void> {
	const end = Date.now() + PATIENCE_MS;
	while (!(await probe())) {
		if (Date.now() > end) throw new Error(`still not so: ${String(probe)}`);
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
}
