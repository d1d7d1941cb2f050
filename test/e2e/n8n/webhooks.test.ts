import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Receiver } from '../../support/receiver.ts';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf, type Execution } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import { endpoint, node, NODE_TYPES } from './support/workflow-json.ts';

const CONTACT = '5511988887777';

interface Endpoint {
	readonly id: string;
	readonly url: string;
	readonly [setting: string]: unknown;
}

describe('webhooks in n8n', () => {
	let site: Installation;
	let shop: LinkedInstance;

	beforeAll(async () => {
		site = await Installation.start();
		shop = await site.linkInstance('shop');
	});

	afterAll(() => site?.stop());

	describe('endpoints', () => {
		let receiver: Receiver;
		let id: string;

		beforeAll(async () => {
			receiver = await new Receiver().start();
		});

		afterAll(() => receiver?.stop());

		it('are created, listed, changed and given a new secret', async () => {
			const execution = await site.run('Endpoint', [
				endpointNode('Create', 'create', {
					url: receiver.url,
					events: ['message.received', 'message.sent'],
					additionalFields: { description: 'Orders', instances: [shop.id], maxAge: 3600 },
				}),
				endpointNode('Rotate', 'rotateSecret', { endpoint: endpoint('={{ $json.id }}') }),
				endpointNode('Update', 'update', {
					endpoint: endpoint('={{ $json.id }}'),
					updateFields: { events: ['message.received'], maxAge: 0 },
				}),
				endpointNode('All', 'getMany', { returnAll: true }),
			]);

			const [created] = jsonOf(execution, 'Create');
			id = String(created?.id);
			expect(created).toMatchObject({
				instance_ids: [shop.id],
				max_age_seconds: 3600,
				signing_secret: expect.stringMatching(/^whsec_/),
			});
			const [rotated] = jsonOf(execution, 'Rotate');
			expect(rotated?.signing_secret).not.toBe(created?.signing_secret);
			expect(jsonOf(execution, 'Update')).toMatchObject([
				{ id, events: ['message.received'], max_age_seconds: null },
			]);
			expect(jsonOf(execution, 'All')).toMatchObject([{ id, description: 'Orders' }]);
		});

		it('are offered by their description, URL and events', async () => {
			const { results } = await site.api.searchList({
				nodeType: NODE_TYPES.action,
				methodName: 'searchEndpoints',
				field: 'endpoint',
				credentialId: site.credentialId,
				filter: 'orders',
			});

			expect(results).toEqual([{ name: `Orders (${receiver.url}, Message Received)`, value: id }]);
		});

		it('are tested and diagnosed', async () => {
			const execution = await site.run('Look after it', [
				endpointNode('Test', 'test', { endpoint: endpoint(id) }),
				endpointNode('Diagnose', 'diagnose', { endpoint: endpoint(id) }),
				endpointNode('Findings', 'diagnose', { endpoint: endpoint(id), splitFindings: true }),
			]);

			expect(jsonOf(execution, 'Test')).toMatchObject([{ delivered: true, status: 200 }]);
			expect(receiver.of('webhook.test').length).toBeGreaterThan(0);
			const [diagnosis] = jsonOf(execution, 'Diagnose');
			expect(diagnosis).toMatchObject({ healthy: true, summary: expect.any(String) });
			expect(jsonOf(execution, 'Findings').length).toBe(
				(diagnosis?.findings as unknown[] | undefined)?.length,
			);
		});

		it('get again what they got before, by delivery and as a whole', async () => {
			await site.write(shop.id, CONTACT, 'again');
			await patiently('the message', async () => receiver.of('message.received').length === 1);

			const execution = await patiently('its success', async () => {
				const listed = await site.run('Send again', [
					deliveryNode('Sent', 'getMany', {
						filters: { endpoint: endpoint(id), status: 'success' },
					}),
					deliveryNode('Redeliver', 'redeliver', { deliveryId: '={{ $json.id }}' }),
				]);
				return itemsOf(listed, 'Redeliver').length === 1 ? listed : undefined;
			});
			await patiently('it again', async () => receiver.of('message.received').length === 2);
			await patiently('the second attempt', async () => {
				const attempts = await site.run('Attempts', [
					deliveryNode('Attempts', 'getAttempts', {
						deliveryId: String(jsonOf(execution, 'Sent')[0]?.id),
					}),
				]);
				return jsonOf(attempts, 'Attempts').length === 2;
			});
			const replayed = await site.run('Replay', [
				endpointNode('Count', 'replay', { endpoint: endpoint(id), status: 'all', dryRun: true }),
				endpointNode('Replay', 'replay', { endpoint: endpoint(id), status: 'all' }),
				endpointNode('Watch', 'getReplay', {
					endpoint: endpoint(id),
					replayId: '={{ $json.id }}',
				}),
			]);

			expect(jsonOf(replayed, 'Count')).toMatchObject([{ dry_run: true, total: 1 }]);
			expect(jsonOf(replayed, 'Watch')).toMatchObject([
				{ id: jsonOf(replayed, 'Replay')[0]?.id, total: 1 },
			]);
			await patiently('it once more', async () => receiver.of('message.received').length === 3);
			const ids = receiver.of('message.received').map(({ json }) => json.event_id);
			expect(new Set(ids).size).toBe(1);
		});

		it('are disabled, enabled and deleted', async () => {
			const execution = await site.run('End', [
				...['disable', 'enable', 'delete'].map((operation) =>
					endpointNode(operation, operation, { endpoint: endpoint(id) }),
				),
			]);

			expect(jsonOf(execution, 'disable')).toMatchObject([
				{ enabled: false, disabled_reason: 'by_user' },
			]);
			expect(jsonOf(execution, 'enable')).toMatchObject([{ enabled: true }]);
			expect(jsonOf(execution, 'delete')).toEqual([{ deleted: true }]);
			expect(await endpoints()).toEqual([]);
		});
	});

	describe('the endpoint of an active trigger', () => {
		let workflowId: string;

		beforeAll(async () => {
			workflowId = await site.addWorkflow('Answer customers', [node('Message', 'trigger')]);
			await site.api.activate(workflowId);
			await patiently('the registration', async () => (await endpoints()).length === 1);
		});

		it('bears the name of the workflow, and leaves out what the trigger ignores', async () => {
			expect(await endpoints()).toMatchObject([
				{
					description: 'n8n: Answer customers',
					ignore_from_me: true,
					ignore_status: true,
					ignore_newsletters: true,
					chat_type_filter: 'all',
					ordered: true,
				},
			]);
		});

		it('accepts a test of the engine, which starts nothing', async () => {
			const [registered] = await endpoints();

			const result = await site.engine.call('POST', `${pathOf(registered)}/test`);

			expect(result).toMatchObject({ delivered: true, status: 200 });
			expect(await texts('after the test')).toEqual(['after the test']);
		});

		it('stays alone and as it was while somebody listens for a test event', async () => {
			const [registered] = await endpoints();

			await site.api.listen(workflowId, 'Message');
			await patiently('the second one', async () => (await endpoints()).length === 2);
			const both = await endpoints();
			await site.write(shop.id, CONTACT, 'for both');
			await patiently('the end of listening', async () => (await endpoints()).length === 1);

			expect(both.map(({ description }) => description).sort()).toEqual([
				'n8n: Answer customers',
				'n8n: Answer customers (test)',
			]);
			expect(await endpoints()).toMatchObject([{ id: registered?.id }]);
			expect(await texts('for the active one')).toContain('for both');
		});

		it('becomes what the changed settings say, and no other one is left behind', async () => {
			const [registered] = await endpoints();
			await site.api.setParameters(workflowId, 'Message', {
				events: ['message.received', 'endpoint.disabled'],
				chats: 'groups_only',
				options: { maxAge: 600, ordered: false },
			});
			await site.api.activate(workflowId);

			await patiently('the new settings', async () => {
				const [changed] = await endpoints();
				return changed?.chat_type_filter === 'groups_only';
			});
			expect(await endpoints()).toMatchObject([
				{
					id: registered?.id,
					events: ['message.received', 'endpoint.disabled'],
					max_age_seconds: 600,
					ordered: false,
				},
			]);
			await site.api.deactivate(workflowId);
			await patiently('its removal', async () => (await endpoints()).length === 0);
		});

		/** Every text that the active workflow ran for, once it has run for this one, too. */
		async function texts(text: string): Promise<string[]> {
			await site.write(shop.id, CONTACT, text);
			return patiently(`the run for "${text}"`, async () => {
				const executions = await site.api.executions(workflowId);
				const found = executions
					.filter(({ mode }) => mode === 'webhook')
					.map((one) => String(itemsOf(one, 'Message')[0]?.json.text));
				return found.includes(text) ? found.reverse() : undefined;
			});
		}
	});

	async function endpoints(): Promise<Endpoint[]> {
		return (await site.engine.call<{ data: Endpoint[] }>('GET', '/v1/webhook-endpoints')).data;
	}
});

function pathOf(one: Endpoint | undefined): string {
	return `/v1/webhook-endpoints/${one?.id}`;
}

function endpointNode(name: string, operation: string, parameters: Record<string, unknown>) {
	return node(name, 'action', { resource: 'webhookEndpoint', operation, ...parameters });
}

function deliveryNode(name: string, operation: string, parameters: Record<string, unknown>) {
	return node(name, 'action', { resource: 'delivery', operation, ...parameters });
}

function jsonOf(execution: Execution, nodeName: string): Record<string, unknown>[] {
	return itemsOf(execution, nodeName).map(({ json }) => json);
}
