import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Installation, type LinkedInstance } from './support/installation.ts';
import { itemsOf } from './support/n8n-api.ts';
import { patiently } from './support/patiently.ts';
import { node } from './support/workflow-json.ts';

const CONTACTS = ['5511988887771', '5511988887772', '5511988887773'];
const PAUSE_MS = 100;

/** An event that meets n8n between two versions comes again in ten seconds. */
const PATIENCE_MS = 60_000;

/** Each makes n8n delete and create the registration. */
const CHANGES = [
	{ chats: 'direct_only' },
	{ events: ['message.received', 'endpoint.disabled'], chats: 'direct_only' },
	{ chats: 'all', options: { maxAge: 3_600, ordered: false } },
];

interface Endpoint {
	readonly id: string;
	readonly delete_at: string | null;
	readonly updated_at: string;
	readonly [setting: string]: unknown;
}

describe('a workflow that is published again with other settings while messages come', () => {
	let site: Installation;
	let shop: LinkedInstance;
	let workflowId: string;

	beforeAll(async () => {
		site = await Installation.start();
		shop = await site.linkInstance('shop');
		workflowId = await site.addWorkflow('Count', [node('Message', 'trigger')]);
		await site.api.activate(workflowId);
		await patiently('the registration', async () => (await endpoints()).length === 1);
	});

	afterAll(() => site?.stop());

	it('runs for every message once, and keeps its endpoint', async () => {
		const [before] = await endpoints();
		const secret = (await site.api.staticData(workflowId, 'Message')).secret;
		const writing = new Writing((from, text) => site.write(shop.id, from, text));

		for (const parameters of CHANGES) {
			await writing.of(8);
			await republish(parameters);
		}
		await writing.of(8);
		const written = await writing.end();

		await patiently(
			'the last run',
			async () => new Set(await ran()).size === written.length,
			PATIENCE_MS,
		);
		expect((await ran()).sort()).toEqual([...written].sort());
		expect(await endpoints()).toMatchObject([
			{ id: before?.id, delete_at: null, max_age_seconds: 3_600, ordered: false },
		]);
		expect(await site.api.staticData(workflowId, 'Message')).toMatchObject({
			endpointId: before?.id,
			secret,
		});
		expect(await lost()).toEqual([]);
	});

	it('is left alone by the engine a while after it was unpublished', async () => {
		await site.api.deactivate(workflowId);

		const [leaving] = await patiently('the notice', async () => {
			const all = await endpoints();
			return all.every((one) => one.delete_at !== null) ? all : undefined;
		});

		expect(Date.parse(String(leaving?.delete_at)) - Date.now()).toBeLessThanOrEqual(15_000);
		await patiently('the removal', async () => (await endpoints()).length === 0);
	});

	/** Waits until the engine has the new settings, and nothing is about to be deleted. */
	async function republish(parameters: object): Promise<void> {
		const [before] = await endpoints();
		await site.api.setParameters(workflowId, 'Message', parameters);
		await site.api.activate(workflowId);
		await patiently('the new settings', async () => {
			const all = await endpoints();
			return all.every((one) => one.delete_at === null && one.updated_at !== before?.updated_at);
		});
	}

	/** The text of every message that the workflow ran for, once each of those runs is over. */
	async function ran(): Promise<string[]> {
		const executions = await site.api.executions(workflowId);
		return executions
			.filter(({ status }) => status === 'success')
			.map((one) => String(itemsOf(one, 'Message')[0]?.json.text));
	}

	/** What the engine has given up. */
	async function lost(): Promise<unknown[]> {
		const path = '/v1/webhook-deliveries?status=failed';
		return (await site.engine.call<{ data: unknown[] }>('GET', path)).data;
	}

	async function endpoints(): Promise<Endpoint[]> {
		return (await site.engine.call<{ data: Endpoint[] }>('GET', '/v1/webhook-endpoints')).data;
	}
});

/** Contacts that write in turns, ten messages a second, whatever else happens. */
class Writing {
	readonly #write: (from: string, text: string) => Promise<void>;
	readonly #written: string[] = [];
	readonly #ending = new AbortController();
	readonly #done: Promise<void>;

	constructor(write: (from: string, text: string) => Promise<void>) {
		this.#write = write;
		this.#done = this.#run();
	}

	/** Waits until so many more are written. */
	async of(count: number): Promise<void> {
		const goal = this.#written.length + count;
		await patiently(`${count} messages`, async () => this.#written.length >= goal);
	}

	/** Answers the texts of all. */
	async end(): Promise<readonly string[]> {
		this.#ending.abort();
		await this.#done;
		return this.#written;
	}

	async #run(): Promise<void> {
		for (let n = 0; !this.#ending.signal.aborted; n++) {
			const text = `message ${n}`;
			await Promise.all([
				this.#write(CONTACTS[n % CONTACTS.length]!, text).then(() => this.#written.push(text)),
				sleep(PAUSE_MS),
			]);
		}
	}
}
