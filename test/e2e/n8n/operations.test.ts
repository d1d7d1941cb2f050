import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../../engine/src/domain/errors.ts';
import { TEST_KEY } from '../../support/engine-process.ts';
import { Receiver } from '../../support/receiver.ts';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf, type Execution, type Item } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import { readQrCode } from './support/qr-picture.ts';
import { instance, node, NODE_TYPES } from './support/workflow-json.ts';

const CONTACT = '5511988887777';
const UNKNOWN_INSTANCE = `inst_${randomUUID()}`;
/** More than the engine hands out at once. */
const MANY = 101;

describe('the package in n8n', () => {
	let site: Installation;

	beforeAll(async () => {
		site = await Installation.start();
	});

	afterAll(() => site?.stop());

	it('brings the action, its variant for AI agents, and the trigger', async () => {
		const names = await site.api.nodeTypes();

		const ours = names.filter((name) => name.startsWith('n8n-nodes-whatisup.'));
		expect([...new Set(ours)].sort()).toEqual(
			[NODE_TYPES.action, NODE_TYPES.tool, NODE_TYPES.trigger].sort(),
		);
	});

	describe('the credential', () => {
		it('is found good with the key of the engine', async () => {
			expect(await testCredential({ apiKey: TEST_KEY })).toMatchObject({ status: 'OK' });
		});

		it('is found bad with another key', async () => {
			const apiKey = `zpk_test_${'w'.repeat(43)}`;

			expect(await testCredential({ apiKey })).toMatchObject({ status: 'Error' });
		});

		it('is found bad where no engine listens', async () => {
			const result = await testCredential({ baseUrl: 'http://127.0.0.1:9', apiKey: TEST_KEY });

			expect(result).toMatchObject({ status: 'Error' });
		});
	});

	describe('instances', () => {
		it('are created, read, started, stopped and deleted', async () => {
			const execution = await site.run('Life of an instance', [
				instanceNode('Create', 'create', {
					name: 'branch',
					additionalFields: { metadata: '{"city":"Recife"}' },
				}),
				...['get', 'start', 'stop', 'delete'].map((operation) =>
					instanceNode(operation, operation, {
						instance: instance('={{ $("Create").item.json.id }}'),
					}),
				),
			]);

			const [created] = jsonOf(execution, 'Create');
			expect(created).toMatchObject({
				id: expect.stringMatching(/^inst_/),
				name: 'branch',
				mode: 'test',
				status: 'pending',
				metadata: { city: 'Recife' },
			});
			expect(jsonOf(execution, 'get')).toEqual([created]);
			expect(jsonOf(execution, 'start')).toMatchObject([{ id: created?.id, status: 'connecting' }]);
			expect(jsonOf(execution, 'stop')).toMatchObject([{ id: created?.id, state: 'stopped' }]);
			expect(jsonOf(execution, 'delete')).toEqual([{ deleted: true }]);
			await expect(site.engine.call('GET', `/v1/instances/${created?.id}`)).rejects.toThrow('404');
		});

		it('show a QR code that a phone can read', async () => {
			const execution = await site.run('Pair', [
				instanceNode('Create', 'create', { name: 'to be paired' }),
				instanceNode('Get QR', 'getQrCode', { instance: instance('={{ $json.id }}') }),
			]);

			const [shown] = itemsOf(execution, 'Get QR') as [Item];
			const picture = shown.binary?.data;
			expect(picture).toMatchObject({ mimeType: 'image/png', fileName: 'whatsapp-qr.png' });
			const code = readQrCode(await site.api.download(picture!));
			expect(code).toBe(shown.json.code);
			const path = `/v1/instances/${shown.json.instance_id}/qr`;
			expect(await site.engine.call('GET', path)).toMatchObject({ code });
		});

		it('are all listed, page after page, when all are asked for', async () => {
			for (let i = 0; i < MANY; i++) {
				await site.engine.call('POST', '/v1/instances', { name: `one of many ${i}` });
			}

			const execution = await site.run('List', [
				instanceNode('All', 'getMany', { returnAll: true }),
				{ ...instanceNode('Three', 'getMany', { limit: 3 }), executeOnce: true },
			]);

			const names = jsonOf(execution, 'All').map(({ name }) => name);
			expect(names.filter((name) => String(name).startsWith('one of many'))).toHaveLength(MANY);
			expect(new Set(jsonOf(execution, 'All').map(({ id }) => id)).size).toBe(names.length);
			expect(jsonOf(execution, 'Three')).toHaveLength(3);
		});

		it('are offered by name in the list of the Instance field', async () => {
			const shop = await site.linkInstance('Corner shop');

			const { results } = await site.api.searchList({
				nodeType: NODE_TYPES.action,
				methodName: 'searchInstances',
				credentialId: site.credentialId,
				filter: 'corner',
			});

			expect(results).toEqual([
				{ name: `Corner shop (+${shop.phoneNumber}, connected)`, value: shop.id },
			]);
		});
	});

	describe('messages', () => {
		let shop: LinkedInstance;

		beforeAll(async () => {
			shop = await site.linkInstance('shop');
		});

		it('are sent, and tell how far they have come', async () => {
			const sent = await site.run('Send', [
				messageNode('Send', 'sendText', {
					instance: instance(shop.id),
					to: '+55 11 98888-7777',
					message: 'Your order is on its way 🛵',
					additionalFields: { clientRef: 'order-1042' },
				}),
			]);
			const [accepted] = jsonOf(sent, 'Send');
			expect(accepted).toMatchObject({ client_ref: 'order-1042', status: 'queued' });

			const message = await patiently('the blue ticks', async () => {
				const read = await site.run('Read', [
					messageNode('Get', 'get', {
						instance: instance(shop.id),
						messageId: String(accepted?.message_id),
					}),
				]);
				return jsonOf(read, 'Get').find(({ status }) => status === 'read');
			});

			expect(message).toMatchObject({
				to: CONTACT,
				client_ref: 'order-1042',
				sent_at: expect.any(String),
				delivered_at: expect.any(String),
				error: null,
			});
			const [arrival] = await site.arrivals(shop.id);
			expect(arrival?.body.text).toBe('Your order is on its way 🛵');
		});
	});

	describe('deliveries', () => {
		it('are listed, filtered, and read one by one', async () => {
			const receiver = await new Receiver().start();
			try {
				const shop = await site.linkInstance('shop with deliveries');
				await site.engine.call('POST', '/v1/webhook-endpoints', {
					url: receiver.url,
					events: ['message.received'],
					instance_id: shop.id,
				});
				for (const text of ['one', 'two', 'three']) await site.write(shop.id, CONTACT, text);
				await patiently('the deliveries', async () => receiver.received.length === 3);

				const execution = await patiently('their success', async () => {
					const listed = await site.run('Deliveries', [
						deliveryNode('All', 'getMany', {
							returnAll: true,
							filters: {
								instance: instance(shop.id),
								event: 'message.received',
								status: 'success',
							},
						}),
						deliveryNode('One', 'get', { deliveryId: '={{ $json.id }}' }),
					]);
					return itemsOf(listed, 'All').length === 3 ? listed : undefined;
				});

				const listed = jsonOf(execution, 'All');
				expect(listed[0]).toMatchObject({ event: 'message.received', attempt_count: 1 });
				expect(jsonOf(execution, 'One').map(({ id }) => id)).toEqual(listed.map(({ id }) => id));
				expect(textsOf(execution, 'One')).toEqual(['three', 'two', 'one']);
			} finally {
				await receiver.stop();
			}
		});
	});

	describe('a refusal of the engine', () => {
		const refusal = ERRORS.instance_not_found.message;
		const get = (rest = {}) => ({
			...instanceNode('Get', 'get', { instance: instance(UNKNOWN_INSTANCE) }),
			...rest,
		});

		it('stops the workflow, and says what is wrong and what to do', async () => {
			const execution = await site.run('Refused', [get()]);

			expect(execution.status).toBe('error');
			expect(execution.data.resultData.error).toMatchObject({
				message: refusal,
				description: expect.stringContaining('instance_not_found'),
				httpCode: '404',
			});
		});

		it('becomes an item when the workflow shall go on', async () => {
			const execution = await site.run('Go on', [get({ onError: 'continueRegularOutput' })]);

			expect(execution.status).toBe('success');
			expect(jsonOf(execution, 'Get')).toEqual([
				{ error: refusal, message: expect.stringContaining('instance_not_found') },
			]);
		});

		it('goes to the error output where there is one', async () => {
			const execution = await site.run('Branch', [get({ onError: 'continueErrorOutput' })]);

			expect(execution.status).toBe('success');
			expect(itemsOf(execution, 'Get', 0)).toEqual([]);
			expect(itemsOf(execution, 'Get', 1)).toMatchObject([{ json: { error: refusal } }]);
		});
	});

	it('says where to look when no engine answers', async () => {
		const nowhere = { baseUrl: 'http://127.0.0.1:9', apiKey: TEST_KEY };
		const id = await site.api.addCredential('Nowhere', nowhere);

		const execution = await site.run('Unreachable', [
			{
				...instanceNode('All', 'getMany', {}),
				credentials: { whatIsUpApi: { id, name: 'Nowhere' } },
			},
		]);

		expect(execution.data.resultData.error).toMatchObject({
			message: 'WhatIsUp cannot be reached at http://127.0.0.1:9',
			description: expect.stringContaining('Nothing listens there.'),
		});
	});

	function testCredential(data: object) {
		const whole = { baseUrl: site.engine.url, ...data };
		return site.api.testCredential(site.credentialId, 'Simulated WhatsApp', whole);
	}
});

const instanceNode = nodeOf('instance');
const messageNode = nodeOf('message');
const deliveryNode = nodeOf('delivery');

function nodeOf(resource: string) {
	return (name: string, operation: string, parameters: Record<string, unknown>) =>
		node(name, 'action', { resource, operation, ...parameters });
}

function jsonOf(execution: Execution, nodeName: string): Record<string, unknown>[] {
	return itemsOf(execution, nodeName).map(({ json }) => json);
}

function textsOf(execution: Execution, nodeName: string): unknown[] {
	return jsonOf(execution, nodeName).map(({ payload }) => {
		return (payload as { data: { body: { text: string } } }).data.body.text;
	});
}
