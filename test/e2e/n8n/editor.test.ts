import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../../engine/src/domain/errors.ts';
import { Editor, type Theme } from './support/editor.ts';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf } from './support/n8n-api.ts';
import { freePort } from './support/n8n-process.ts';
import { patiently } from './support/patiently.ts';
import { readQrCode } from './support/qr-picture.ts';
import { instance, node } from './support/workflow-json.ts';

const CONTACT = '5511988887777';
const ENDPOINTS = '/v1/webhook-endpoints';

/** Every picture goes to test/e2e/screenshots, for people to look at. */
describe("n8n's editor", () => {
	let site: Installation;
	let shop: LinkedInstance;
	let answering: string;
	let pairing: string;
	let failing: string;
	let mending: string;

	beforeAll(async () => {
		site = await Installation.start();
		shop = await site.linkInstance('Corner shop');
		answering = await site.addWorkflow('Answer messages', [
			node('WhatIsUp Trigger', 'trigger'),
			node('Send Text', 'action', {
				instance: { __rl: true, mode: 'list', value: shop.id, cachedResultName: 'Corner shop' },
				to: '={{ $json.from }}',
				message: '=Echo: {{ $json.text }}',
			}),
		]);
		pairing = await site.addWorkflow('Pair an account', [
			node('Start', 'manual'),
			node('Create', 'action', {
				resource: 'instance',
				operation: 'create',
				name: 'Customer service',
			}),
			node('Get QR Code', 'action', {
				resource: 'instance',
				operation: 'getQrCode',
				instance: instance('={{ $json.id }}'),
			}),
		]);
		failing = await site.addWorkflow('Ask for what is not there', [
			node('Start', 'manual'),
			node('Get', 'action', {
				resource: 'instance',
				operation: 'get',
				instance: instance(`inst_${randomUUID()}`),
			}),
		]);
	});

	beforeAll(async () => {
		// Nothing listens there, which is what the diagnosis finds.
		const url = `http://127.0.0.1:${await freePort()}/events`;
		const events = ['message.received'];
		const { id } = await site.engine.call<{ id: string }>('POST', ENDPOINTS, {
			description: 'Orders',
			url,
			events,
		});
		const endpoint = { __rl: true, mode: 'list', value: id, cachedResultName: `Orders (${url})` };
		const act = (name: string, operation: string, more = {}) =>
			node(name, 'action', { resource: 'webhookEndpoint', operation, endpoint, ...more });
		mending = await site.addWorkflow('Mend an endpoint', [
			node('Start', 'manual'),
			act('Diagnose', 'diagnose'),
			act('Replay', 'replay', { dryRun: true, options: { maxPerSecond: 20 } }),
			act('Create', 'create', { url: 'https://example.com/events' }),
			node('Listen to all', 'trigger', {
				events: ['*'],
				listenTo: 'someInstances',
				instances: [shop.id],
				options: { ignoreStatuses: true, maxAge: 600, ordered: true },
			}),
		]);
	});

	afterAll(() => site?.stop());

	describe.each<Theme>(['light', 'dark'])('in the %s theme', (theme) => {
		let editor: Editor;

		beforeAll(async () => {
			editor = await Editor.open(site.n8n.url, theme);
		});

		afterEach(() => {
			expect(editor?.faults ?? []).toEqual([]);
		});

		afterAll(() => editor?.close());

		it('shows both nodes on the canvas, with the icon for the theme', async () => {
			await editor.showWorkflow(answering);

			const file = theme === 'dark' ? 'whatisup.dark.svg' : 'whatisup.svg';
			for (const name of ['WhatIsUp Trigger', 'Send Text']) {
				expect(await editor.icon(name)).toEqual({ file, width: expect.any(Number) });
				expect((await editor.icon(name)).width).toBeGreaterThan(0);
			}
			await editor.picture('canvas');
		});

		it('shows what the trigger can be set to, and the message that it catches', async () => {
			await editor.showWorkflow(answering);
			const panel = await editor.openPanel('WhatIsUp Trigger');
			await panel.expectParameters([
				'Credential',
				'Events',
				'Listen To',
				'Ignore Messages From Me',
			]);
			await editor.picture('trigger');

			await panel.execute();
			await patiently('the test registration', async () => (await endpoints()).length > 1);
			await editor.picture('trigger-listening');
			await site.write(shop.id, CONTACT, 'Do you have it in blue?');

			expect(await panel.output('Do you have it in blue?')).toContain(CONTACT);
			await editor.picture('trigger-caught');
			await patiently('its removal', async () => (await endpoints()).length === 1);
		});

		it('shows what Send Text can be set to, and offers the instances by name', async () => {
			await editor.showWorkflow(answering);
			const panel = await editor.openPanel('Send Text');

			await panel.expectParameters(['Resource', 'Operation', 'Instance', 'To', 'Text']);
			await editor.picture('send-text');
			const entries = await panel.choices('instance', `+${shop.phoneNumber}`);
			expect(entries).toContain(`Corner shop (+${shop.phoneNumber}, connected)`);
			await editor.picture('send-text-instances');
		});

		it('shows a QR code that a phone can read off the screen', async () => {
			await editor.showWorkflow(pairing);
			await editor.runWorkflow('Get QR Code');
			await editor.picture('pairing-canvas');
			const panel = await editor.openPanel('Get QR Code');
			await panel.expectParameters(['Instance', 'Put Output File in Field', 'File Name']);

			await panel.viewPicture();

			const code = readQrCode(await editor.picture('qr-code'));
			expect(code).toEqual(expect.any(String));
			expect(code).toBe(await shownCode());
		});

		it('shows what can be done about webhooks, and offers the endpoints by name', async () => {
			await editor.showWorkflow(mending);
			const panel = await editor.openPanel('Replay');

			await panel.expectParameters(['Webhook Endpoint', 'Status', 'Dry Run', 'Options']);
			await editor.picture('endpoint-replay');
			const entries = await panel.choices('endpoint', 'Message Received');
			expect(entries).toEqual([expect.stringMatching(/^Orders \(http.*, Message Received\)$/)]);
			await editor.picture('endpoint-list');
		});

		it('shows what is wrong with an endpoint, and what to do', async () => {
			await editor.showWorkflow(mending);
			const panel = await editor.openPanel('Diagnose');

			await panel.execute();

			expect(await panel.output('summary')).toContain('Error:');
			await editor.picture('endpoint-diagnosis');
		});

		it('says that the signing secret is shown once', async () => {
			await editor.showWorkflow(mending);
			const panel = await editor.openPanel('Create');

			await panel.expectParameters(['URL', 'Events']);
			await editor.picture('endpoint-create');
		});

		it('shows the settings of a trigger for all events', async () => {
			await editor.showWorkflow(mending);
			const panel = await editor.openPanel('Listen to all');

			await panel.expectParameters(['Instance Names or IDs', 'Chats', 'Filters', 'Ordered']);
			await editor.picture('trigger-all-events');
			await panel.scrollTo('Ordered');
			await editor.picture('trigger-all-events-options');
		});

		it('shows what the engine refuses, and what to do about it', async () => {
			await editor.showWorkflow(failing);
			const panel = await editor.openPanel('Get');

			await panel.execute();

			const { message } = ERRORS.instance_not_found;
			expect(await panel.output(message)).toContain('instance_not_found');
			await editor.picture('refusal');
		});
	});

	async function endpoints(): Promise<unknown[]> {
		return (await site.engine.call<{ data: unknown[] }>('GET', ENDPOINTS)).data;
	}

	/** What the latest run put out. WhatsApp replaces a code after a while, so it is not asked again. */
	async function shownCode(): Promise<unknown> {
		const [latest] = await site.api.executions(pairing);
		return latest && itemsOf(latest, 'Get QR Code')[0]?.json.code;
	}
});
