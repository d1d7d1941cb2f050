import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineProcess, temporaryDir, TEST_KEY } from '../../support/engine-process.ts';
import { Receiver } from '../../support/receiver.ts';
import { forge, sign } from './support/forgery.ts';
import { Inbox } from './support/inbox.ts';
import { Installation } from './support/installation.ts';
import { itemsOf, type Execution } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import { readQrCode } from './support/qr-picture.ts';
import type { Connections, NodeJson } from './support/workflow-json.ts';

interface Template {
	readonly name: string;
	readonly nodes: NodeJson[];
	readonly connections: Connections;
}

interface Endpoint {
	readonly id: string;
	readonly delete_at: string | null;
}

const FOLDER = new URL('../../../templates/', import.meta.url);
const CONTACT = '5511988887777';

/** Failing takes three refused connections, healing a wait of half a minute. */
const HEALING_TIMEOUT_MS = 180_000;

/**
 * Each template as a user has it: imported, our nodes given their credential, and the address of
 * the example replaced by one that answers.
 */
describe('a template', () => {
	let site: Installation;
	/** Gives up sooner than an engine does that nobody has set up so. */
	let engine: EngineProcess;
	let opened: AsyncDisposableStack;
	let credentials: NodeJson['credentials'];
	let inbox: Inbox;
	let workflowId: string;

	beforeAll(async () => {
		await using opening = new AsyncDisposableStack();
		site = opening.adopt(await Installation.start(), (running) => running.stop());
		const folder = opening.adopt(await temporaryDir(), ({ dispose }) => dispose());
		engine = opening.adopt(
			await EngineProcess.start({ dataDir: folder.path, env: { RECONNECT_ATTEMPTS: '3' } }),
			async (running) => void (await running.stop()),
		);
		inbox = opening.adopt(await new Inbox().start(), (running) => running.stop());
		const name = 'Simulated WhatsApp that gives up soon';
		const id = await site.api.addCredential(name, { baseUrl: engine.url, apiKey: TEST_KEY });
		credentials = { whatIsUpApi: { id, name } };
		opened = opening.move();
	});

	afterAll(() => opened?.disposeAsync());

	beforeEach(() => {
		inbox.mail.length = 0;
	});

	afterEach(async () => {
		await site?.api.deactivate(workflowId);
		// The engine would remove it a while later; nobody has to wait for that here.
		for (const { id } of await patiently('the end of the registration', leaving)) {
			await engine.call('DELETE', `/v1/webhook-endpoints/${id}`);
		}
	});

	it.each(readdirSync(FOLDER))('such as %s uses no node that n8n does not have', async (file) => {
		const known = await site.api.nodeTypes();

		workflowId = await add(file);

		expect(read(file).nodes.filter(({ type }) => !known.includes(type))).toEqual([]);
	});

	describe('pairing', () => {
		it('sends each new QR code as a picture that a phone can read', async () => {
			await activate('pairing.json');
			const id = await create('to be paired');

			const { code } = await engine.call('GET', `/v1/instances/${id}/qr`);

			const { body, type } = await inbox.gets('/send-the-picture');
			expect(type).toBe('image/png');
			expect(readQrCode(body)).toBe(code);
		});
	});

	describe('auto-heal', () => {
		beforeEach(() => activate('auto-heal.json'));

		it(
			'restarts what has failed for a reason that passes, once it has waited',
			async () => {
				const id = await link('unstable');

				await fault(id, 'upgrade_refused');

				const back = await patiently(
					'its return',
					async () => (await ran('Wait until it is back'))?.[0]?.json,
					HEALING_TIMEOUT_MS,
				);
				expect(back).toMatchObject({ connected: true, instance_id: id, state: 'connected' });
				expect(inbox.mail).toEqual([]);
			},
			HEALING_TIMEOUT_MS,
		);

		it('sends a new QR code when the phone unlinked the account', async () => {
			const id = await link('unlinked');

			await fault(id, 'logged_out');

			const { body } = await inbox.gets('/send-the-qr-code');
			const { code } = await engine.call('GET', `/v1/instances/${id}/qr`);
			expect(readQrCode(body)).toBe(code);
		});

		it('tells a person of what no restart mends, once', async () => {
			const id = await link('banned');

			await fault(id, 'banned');

			await patiently('both events', async () => (await finished()).length === 2);
			const { body } = await inbox.gets('/tell-a-person');
			expect(JSON.parse(body.toString())).toEqual({
				text: `The WhatsApp account ${id} is down: banned.`,
				instance_id: id,
				reason: 'banned',
			});
			expect(inbox.mail).toHaveLength(1);
		});

		it('leaves alone what was stopped on purpose', async () => {
			const id = await link('stopped');

			await engine.call('POST', `/v1/instances/${id}/stop`);

			const [execution] = await patiently('the run', async () => {
				const executions = await finished();
				return executions.length > 0 ? executions : undefined;
			});
			expect(Object.keys(execution!.data.resultData.runData)).toEqual([
				'When an account goes down',
				'What can help?',
			]);
			expect(inbox.mail).toEqual([]);
		});
	});

	describe('escalation', () => {
		it('asks louder with each level, in words that say what is the matter', async () => {
			await activate('escalation.json');
			const id = await create('Corner shop');

			await engine.call('POST', `/v1/instances/${id}/start`);
			const first = await inbox.gets('/write-in-the-team-chat');
			await alertAgain(2);
			const second = await inbox.gets('/send-an-e-mail');
			await alertAgain(3);
			const third = await inbox.gets('/call-somebody');

			const text = 'The WhatsApp account Corner shop has needed somebody for 0 minutes. It is qr.';
			expect(JSON.parse(first.body.toString())).toEqual({ text, level: 1, instance_id: id });
			expect(JSON.parse(second.body.toString())).toMatchObject({ level: 2 });
			expect(JSON.parse(third.body.toString())).toMatchObject({ level: 3 });
			expect(inbox.mail).toHaveLength(3);
		});

		/** The engine would take its time: the event comes again, with another level. */
		async function alertAgain(level: number): Promise<void> {
			const name = 'When an account needs somebody';
			const { secret } = await site.api.staticData(workflowId, name);
			const call = site.proxy.calls.at(-1)!;
			const event = JSON.parse(call.body.toString());
			const body = JSON.stringify({
				...event,
				event_id: `${event.event_id}-${level}`,
				data: { ...event.data, level },
			});
			const signature = sign(body, String(secret), Math.floor(Date.now() / 1000));
			await site.proxy.send(forge(call, { body, signature }));
		}
	});

	describe('failover', () => {
		it('sends from the next account when the first is down, and tells when none is up', async () => {
			const file = 'failover.json';
			workflowId = await add(file);
			const [first, second] = [await link('first'), await link('second')];
			await join(first, 'Support', 1);
			await join(second, 'Support', 2);

			const before = await site.api.run(workflowId, 'Try it');
			await engine.call('POST', `/v1/instances/${first}/stop`);
			const after = await site.api.run(workflowId, 'Try it');
			await engine.call('POST', `/v1/instances/${second}/stop`);
			await site.api.run(workflowId, 'Try it');

			expect(sentBy(before)).toEqual([first]);
			expect(sentBy(after)).toEqual([second]);
			await patiently('the arrival', async () => (await arrivals(second)).length > 0);
			expect(await arrivals(second)).toMatchObject([
				{ to: CONTACT, body: { text: 'Your order is on its way.' } },
			]);
			const { body } = await inbox.gets('/tell-a-person');
			expect(JSON.parse(body.toString())).toEqual({
				text: expect.stringMatching(/^Nothing was sent to \+55 11 98888-7777: /),
				details: expect.stringContaining('group_unavailable'),
			});
			expect(inbox.mail).toHaveLength(1);
		});

		function sentBy(execution: Execution): unknown[] {
			return itemsOf(execution, 'Send it').map(({ json }) => json.instance_id);
		}
	});

	describe('drain-failed-deliveries', () => {
		const file = 'drain-failed-deliveries.json';
		let receiver: Receiver;
		let path: string;

		beforeAll(async () => {
			receiver = await new Receiver().start();
		});

		afterAll(() => receiver?.stop());

		afterEach(() => engine.call('DELETE', path));

		it('sends what failed again, once the receiver answers, and says how much', async () => {
			await failing('an outage');
			receiver.answer = () => 200;
			receiver.received.length = 0;
			await engine.call('POST', `${path}/enable`);
			workflowId = await add(file, impatient);

			const execution = await site.api.run(workflowId, 'Try it');

			expect(execution.status).toBe('success');
			// It has looked more than once.
			expect(execution.data.resultData.runData['How far is it?']?.length).toBeGreaterThan(1);
			await patiently('the message', async () => texts().includes('an outage'));
			const { body } = await inbox.gets('/tell-what-was-sent');
			expect(JSON.parse(body.toString())).toEqual({
				text: `1 of 1 failed deliveries to ${receiver.url} were sent again.`,
				status: 'completed',
			});
			await site.api.run(workflowId, 'Try it');
			expect(inbox.mail).toHaveLength(1);
		});

		it('sends nothing to a receiver that is not ready, and tells what is wrong', async () => {
			await failing('a longer outage');
			workflowId = await add(file);

			const execution = await site.api.run(workflowId, 'Try it');

			expect(execution.status).toBe('success');
			const { body } = await inbox.gets('/tell-what-is-wrong');
			const { text } = JSON.parse(body.toString()) as { text: string };
			expect(text).toContain(`Failed deliveries to ${receiver.url}: 1.`);
			expect(text).toMatch(/\nError: .*410/);
			expect(inbox.mail).toHaveLength(1);
		});

		/** A message that was given up at once, since the receiver said that it is gone. */
		async function failing(text: string): Promise<void> {
			receiver.answer = () => 410;
			const id = await link(text);
			const endpoint = { url: receiver.url, events: ['message.received'], instance_id: id };
			const created = await engine.call<{ id: string }>('POST', '/v1/webhook-endpoints', endpoint);
			path = `/v1/webhook-endpoints/${created.id}`;
			await engine.call('POST', `/v1/sandbox/instances/${id}/messages`, {
				from: CONTACT,
				body: { type: 'text', text },
			});
			await patiently('the failure', async () => {
				const failed = `/v1/webhook-deliveries?status=failed&endpoint_id=${created.id}`;
				return (await engine.call<{ data: unknown[] }>('GET', failed)).data.length === 1;
			});
		}

		/** Of the messages that came to the receiver. */
		function texts(): unknown[] {
			return receiver
				.of('message.received')
				.map(({ json }) => (json.data['body'] as { text?: string }).text);
		}
	});

	async function add(file: string, edit = (node: NodeJson) => node): Promise<string> {
		const { name, nodes, connections } = read(file, inbox.url);
		const ours = nodes
			.map(edit)
			.map((node) =>
				node.type.startsWith('n8n-nodes-whatisup.')
					? { ...node, ...(credentials && { credentials }) }
					: node,
			);
		return site.api.addWorkflow(name, ours, connections);
	}

	async function activate(file: string): Promise<void> {
		workflowId = await add(file);
		await site.api.activate(workflowId);
		await patiently('the registration', async () => (await endpoints()).length === 1);
	}

	async function endpoints(): Promise<Endpoint[]> {
		return (await engine.call<{ data: Endpoint[] }>('GET', '/v1/webhook-endpoints')).data;
	}

	/** All endpoints, once each of them is to be removed. */
	async function leaving(): Promise<Endpoint[] | undefined> {
		const all = await endpoints();
		return all.every(({ delete_at }) => delete_at !== null) ? all : undefined;
	}

	/** Every run that has come to its end. One that failed has no good one. */
	async function finished(): Promise<Execution[]> {
		const executions = await site.api.executions(workflowId);
		for (const { data } of executions) {
			if (data.resultData.error) throw new Error(data.resultData.error.message);
		}
		return executions.filter(({ status }) => status === 'success');
	}

	/** What a node put out in the run that came to it. */
	async function ran(nodeName: string) {
		const executions = await finished();
		return executions.map((one) => itemsOf(one, nodeName)).find(({ length }) => length > 0);
	}

	/** Without healing of its own, which would come before the template. */
	async function create(name: string): Promise<string> {
		const heal = { enabled: false };
		return (await engine.call<{ id: string }>('POST', '/v1/instances', { name, heal })).id;
	}

	async function link(name: string): Promise<string> {
		const id = await create(name);
		await engine.call('POST', `/v1/sandbox/instances/${id}/scan`, {});
		await patiently(`the connection of ${name}`, async () => {
			const { state } = await engine.call('GET', `/v1/instances/${id}`);
			return state === 'connected';
		});
		return id;
	}

	async function join(id: string, group: string, priority: number): Promise<void> {
		await engine.call('PATCH', `/v1/instances/${id}`, { group, priority });
	}

	async function fault(id: string, kind: string): Promise<void> {
		await engine.call('POST', `/v1/sandbox/instances/${id}/fault`, { kind });
	}

	async function arrivals(id: string): Promise<unknown[]> {
		const path = `/v1/sandbox/instances/${id}/outbox`;
		return (await engine.call<{ data: unknown[] }>('GET', path)).data;
	}
});

/** A node that waits so shortly that it has to wait again. */
function impatient(node: NodeJson): NodeJson {
	return node.type.endsWith('.wait') ? { ...node, parameters: { amount: 0.05 } } : node;
}

/** A template, with its example addresses replaced when one is given. */
function read(file: string, url = 'https://example.com'): Template {
	const text = readFileSync(new URL(file, FOLDER), 'utf8');
	return JSON.parse(text.replaceAll('https://example.com', url)) as Template;
}
