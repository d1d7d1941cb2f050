import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { snippet } from '../../docs/snippet-receiver.ts';
import { forge, sign } from './support/forgery.ts';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf, type Execution } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import type { RecordedCall } from './support/recording-proxy.ts';
import { inARow, node, type NodeJson } from './support/workflow-json.ts';

const CONTACT = '5511988887777';
const TEN_MINUTES_S = 600;

/** The workflow of docs/webhooks.md, built from the code on that page. */
describe("n8n's plain Webhook node, as docs/webhooks.md sets it up,", () => {
	let site: Installation;
	let shop: LinkedInstance;
	let workflowId: string;
	let secret: string;

	beforeAll(async () => {
		site = await Installation.start();
		shop = await site.linkInstance('shop');
		const url = `${site.proxy.url}webhook/whatisup`;
		const endpoint = { url, events: ['message.received'] };
		const created = await site.engine.call('POST', '/v1/webhook-endpoints', endpoint);
		secret = String(created['signing_secret']);
		workflowId = await addDocumentedWorkflow(site, secret);
		await site.api.activate(workflowId);
		await patiently('the webhook', async () => (await probe()) !== 404);
		await patiently('the end of the probe', async () => (await executions()).length === 1);
	});

	afterAll(() => site?.stop());

	it('runs the workflow for a message', async () => {
		const before = await executions();

		await site.write(shop.id, CONTACT, 'hello, Zoë 👋');

		const execution = await executionAfter(before);
		expect(itemsOf(execution, 'Once')[0]?.json).toMatchObject({
			event: 'message.received',
			data: { body: { text: 'hello, Zoë 👋' } },
		});
		expect(recorded().answer.status).toBe(200);
	});

	it('answers an event that it has handled, and passes it on no more', async () => {
		const before = await executions();

		const { status } = await site.proxy.send(recorded());

		expect(status).toBe(200);
		const execution = await executionAfter(before);
		expect(execution.status).toBe('success');
		expect(itemsOf(execution, 'Check')).toHaveLength(1);
		expect(itemsOf(execution, 'Once')).toEqual([]);
	});

	it.each<[string, () => RecordedCall]>([
		['with another body', () => forge(recorded(), { body: '{}', signature: signature() })],
		['re-serialised', () => forge(recorded(), { body: spaced(), signature: signature() })],
		['signed with a guessed secret', () => signed('whsec_guessed', now())],
		['signed ten minutes ago', () => signed(secret, now() - TEN_MINUTES_S)],
		['without a signature', () => forge(recorded(), {})],
	])('stops at a call %s', async (_name, makeCall) => {
		const before = await executions();

		const { status } = await site.proxy.send(makeCall());

		expect(status).toBe(500);
		const execution = await executionAfter(before);
		expect(execution).toMatchObject({
			status: 'error',
			data: { resultData: { error: { message: expect.stringContaining('not genuine') } } },
		});
		expect(execution.data.resultData.runData).not.toHaveProperty('Answer');
	});

	/** The engine's own call, not one of ours. */
	function recorded() {
		return site.proxy.calls[0]!;
	}

	function signature(): string {
		const { rawHeaders } = recorded();
		return rawHeaders[rawHeaders.indexOf('x-whatisup-signature') + 1]!;
	}

	function signed(key: string, seconds: number): RecordedCall {
		const body = recorded().body.toString();
		return forge(recorded(), { body, signature: sign(body, key, seconds) });
	}

	function spaced(): string {
		return JSON.stringify(JSON.parse(recorded().body.toString()), null, 1);
	}

	async function probe(): Promise<number> {
		return (await fetch(`${site.n8n.url}/webhook/whatisup`, { method: 'POST' })).status;
	}

	function executions(): Promise<Execution[]> {
		return site.api.executions(workflowId);
	}

	/** The one more that there is, once it is over. */
	function executionAfter(before: readonly Execution[]): Promise<Execution> {
		return patiently('the execution', async () => {
			const [newest, ...older] = await executions();
			const isNew = newest !== undefined && older.length === before.length;
			return isNew && newest.status !== 'running' ? newest : undefined;
		});
	}
});

async function addDocumentedWorkflow({ api }: Installation, secret: string): Promise<string> {
	const credentialId = await api.addCredential('Signing secret', { hmacSecret: secret }, 'crypto');
	const credentials = { crypto: { id: credentialId, name: 'Signing secret' } };
	const { nodes, connections } = inARow([
		builtIn('Webhook', 'webhook', 2.1, {
			httpMethod: 'POST',
			path: 'whatisup',
			responseMode: 'responseNode',
			options: { rawBody: true },
		}),
		builtIn('Read', 'code', 2, { jsCode: snippet('verify-n8n-read') }),
		{
			...builtIn('HMAC', 'crypto', 2, {
				action: 'hmac',
				type: 'SHA256',
				value: '={{ $json.signed }}',
				dataPropertyName: 'expected',
				encoding: 'hex',
			}),
			credentials,
		},
		builtIn('Check', 'code', 2, { jsCode: snippet('verify-n8n-check') }),
		builtIn('Answer', 'respondToWebhook', 1.5, { respondWith: 'noData', options: {} }),
		builtIn('Once', 'removeDuplicates', 2, {
			operation: 'removeItemsSeenInPreviousExecutions',
			dedupeValue: '={{ $json.event_id }}',
		}),
	]);
	return api.addWorkflow('Plain webhook', nodes, connections);
}

/** A node of n8n's own, of the version that its editor adds. */
function builtIn(
	name: string,
	type: string,
	typeVersion: number,
	parameters: Record<string, unknown>,
): NodeJson {
	const rest = { type: `n8n-nodes-base.${type}`, typeVersion, webhookId: randomUUID() };
	return node(name, 'manual', parameters, rest);
}

/** Unix seconds. */
function now(): number {
	return Math.floor(Date.now() / 1000);
}
