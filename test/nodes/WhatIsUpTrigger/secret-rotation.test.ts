import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IDataObject } from 'n8n-workflow';
import { verifySignature } from '../../../nodes/WhatIsUpTrigger/signature';
import { refused, type Answer } from '../support/contract-answers';
import { ContractServer } from '../support/contract-server';
import { hookOf, trigger, WEBHOOK_URL } from '../support/hooked-trigger';
import { hookContext, staticDataOf } from '../support/n8n-context';
import { RealEngine } from '../support/real-engine';

const FIRST = '2026-01-01T12:00:00.000Z';
const SECOND = '2026-01-02T12:00:00.000Z';

const { checkExists, create, delete: remove } = trigger.webhookMethods.default;

describe('with the engine itself, a trigger whose secret was rotated', () => {
	const engine = new RealEngine();
	let call: { header: string; rawBody: Buffer } | undefined;
	const receiver = createServer(async (request, response) => {
		const rawBody = Buffer.concat((await request.toArray()) as Buffer[]);
		call = { header: String(request.headers['x-whatisup-signature']), rawBody };
		response.writeHead(200).end();
	});

	beforeAll(async () => {
		await engine.start();
		await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
	}, 60_000);

	afterAll(async () => {
		await engine.stop();
		receiver.closeAllConnections();
		await new Promise((resolve) => receiver.close(resolve));
	});

	it.each([
		['deactivated and activated', true],
		['activated again, as when n8n starts,', false],
	])('understands its calls once it is %s', async (_, isDeactivated) => {
		const staticData = staticDataOf();
		await create.call(hook(staticData));
		const { endpointId, secret } = staticData;
		await rotate(endpointId);
		const isUnderstoodBefore = await understands(staticData);

		if (isDeactivated) await remove.call(hook(staticData));
		const exists = await checkExists.call(hook(staticData));
		await create.call(hook(staticData));

		expect([isUnderstoodBefore, exists]).toEqual([false, false]);
		expect(await understands(staticData)).toBe(true);
		expect(await checkExists.call(hook(staticData))).toBe(true);
		expect(staticData.endpointId).toBe(endpointId);
		expect(staticData.secret).not.toBe(secret);
	});

	it('understands its calls after a second rotation, too', async () => {
		const staticData = staticDataOf();
		await create.call(hook(staticData));
		for (const round of [1, 2]) {
			await rotate(staticData.endpointId);

			await create.call(hook(staticData));

			expect([round, await understands(staticData)]).toEqual([round, true]);
		}
	});

	function hook(staticData: IDataObject) {
		const { baseUrl, apiKey } = engine;
		const surroundings = { node: trigger, credentials: { baseUrl, apiKey }, parameters: {} };
		const { port } = receiver.address() as AddressInfo;
		return hookContext(surroundings, { webhookUrl: `http://127.0.0.1:${port}/hook`, staticData });
	}

	async function rotate(endpointId: unknown): Promise<void> {
		const path = `/v1/webhook-endpoints/${String(endpointId)}/rotate-secret`;
		await engine.call('POST', path, { overlap_seconds: 0 });
	}

	async function understands({ endpointId, secret }: IDataObject): Promise<boolean> {
		await engine.call('POST', `/v1/webhook-endpoints/${String(endpointId)}/test`, {});
		const nowSeconds = Math.floor(Date.now() / 1_000);
		return verifySignature({ ...call!, secret: String(secret), nowSeconds }).valid;
	}
});

describe('a trigger whose endpoint shows when its secret was rotated', () => {
	const engine = new ContractServer();

	beforeAll(() => engine.start());
	afterAll(() => engine.stop());

	beforeEach(() => {
		engine.endpoints.length = 0;
		engine.requests.length = 0;
	});

	it.each<[string, string | undefined, string | null | undefined, boolean]>([
		['nothing is known and nothing is shown', undefined, undefined, true],
		['nothing is known and none is shown', undefined, null, true],
		['nothing is known and one is shown', undefined, FIRST, false],
		['the known one is shown', FIRST, FIRST, true],
		['another one is shown', FIRST, SECOND, false],
		['one is known and none is shown', FIRST, null, false],
		['one is known and nothing is shown', FIRST, undefined, true],
	])(
		'tells from the times whether its secret is still in force: %s',
		async (_, stored, shown, isInForce) => {
			const staticData = await registered({ stored, shown });

			const exists = await checkExists.call(context(staticData));
			await create.call(context(staticData));

			expect([exists, rotations().length === 0]).toEqual([isInForce, isInForce]);
			expect(engine.endpoints.map(({ id }) => id)).toEqual([staticData.endpointId]);
		},
	);

	it('gets a new secret, which counts alone from then on', async () => {
		const staticData = await registered({ stored: undefined, shown: FIRST });
		const { secret } = staticData;

		await create.call(context(staticData));

		const body = { signing_secret: staticData.secret, overlap_seconds: 0 };
		expect(rotations()).toMatchObject([{ body }]);
		expect(staticData.secret).not.toBe(secret);
		expect(await checkExists.call(context(staticData))).toBe(true);
	});

	it.each<[string, Answer]>([
		['does not know rotation', refused(404, 'route_not_found')],
		['allows no rotation', { status: 405, body: {} }],
		['takes no secret of others', refused(422, 'validation_failed')],
	])('gets a new endpoint from a server that %s', async (_, answer) => {
		const staticData = await registered({ stored: undefined, shown: FIRST });
		const { endpointId, secret } = staticData;
		engine.overrides.push({ status: 200, body: { ...engine.endpoints[0] } }, answer);

		await create.call(context(staticData));

		expect(engine.endpoints).toMatchObject([{ id: staticData.endpointId, url: WEBHOOK_URL }]);
		expect(staticData.endpointId).not.toBe(endpointId);
		expect(staticData.secret).not.toBe(secret);
		expect(staticData.secretRotatedAt).toBeUndefined();
	});

	it('stays as it is when the rotation fails, so that the next activation tries again', async () => {
		const staticData = await registered({ stored: undefined, shown: FIRST });
		const before = structuredClone({ ...staticData });
		engine.overrides.push({ status: 200, body: { ...engine.endpoints[0] } });
		engine.overrides.push(refused(503, 'shutting_down'));

		const activation = create.call(context(staticData));

		await expect(activation).rejects.toMatchObject({ httpCode: '503' });
		expect(staticData).toEqual(before);
		expect(await checkExists.call(context(staticData))).toBe(false);
	});

	it('stores what is shown of a new endpoint', async () => {
		const staticData = staticDataOf();
		engine.overrides.push({ status: 200, body: { data: [], next_cursor: null } });
		engine.overrides.push({ status: 201, body: { id: 'wh_1', secret_rotated_at: null } });

		await create.call(context(staticData));

		expect(staticData).toMatchObject({ endpointId: 'wh_1' });
		expect(staticData.secretRotatedAt).toBeUndefined();
	});

	async function registered({ stored, shown }: Record<'stored' | 'shown', unknown>) {
		const staticData = staticDataOf();
		await create.call(context(staticData));
		if (stored !== undefined) staticData.secretRotatedAt = stored as string;
		if (shown !== undefined) engine.endpoints[0]!.secret_rotated_at = shown as string | null;
		engine.requests.length = 0;
		return staticData;
	}

	function rotations() {
		return engine.requests.filter(({ path }) => path.endsWith('/rotate-secret'));
	}

	function context(staticData: IDataObject) {
		return hookOf(engine, { staticData });
	}
});
