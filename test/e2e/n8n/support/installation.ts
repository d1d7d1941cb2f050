import { EngineProcess, temporaryDir, TEST_KEY } from '../../../support/engine-process.ts';
import { N8nApi, type Execution } from './n8n-api.ts';
import { freePort, N8nProcess } from './n8n-process.ts';
import { installPackage } from './packed-package.ts';
import { patiently } from './patiently.ts';
import { RecordingProxy } from './recording-proxy.ts';
import { inARow, node, NODE_TYPES, type NodeJson } from './workflow-json.ts';

/** A linked WhatsApp account of the simulated network. */
export interface LinkedInstance {
	readonly id: string;
	readonly phoneNumber: string;
}

/** What a simulated contact received. */
export interface Arrival {
	readonly to: string;
	readonly body: { readonly type: string; readonly text: string };
}

/**
 * What a user has who followed the README: the engine, and an n8n with the package in it and the
 * test key stored. Webhooks go through a proxy, as they do on most servers.
 */
export class Installation {
	readonly engine: EngineProcess;
	readonly proxy: RecordingProxy;
	readonly n8n: N8nProcess;
	readonly api: N8nApi;
	/** Of the credential that holds the engine's test key. */
	readonly credentialId: string;
	readonly #opened: AsyncDisposableStack;

	private constructor(parts: Parts, opened: AsyncDisposableStack) {
		this.engine = parts.engine;
		this.proxy = parts.proxy;
		this.n8n = parts.n8n;
		this.api = parts.api;
		this.credentialId = parts.credentialId;
		this.#opened = opened;
	}

	static async start(): Promise<Installation> {
		await using opened = new AsyncDisposableStack();
		const folder = opened.adopt(await temporaryDir(), ({ dispose }) => dispose());
		const engine = opened.adopt(
			await EngineProcess.start({ dataDir: `${folder.path}/engine` }),
			async (running) => void (await running.stop()),
		);
		const port = await freePort();
		const proxy = opened.adopt(await new RecordingProxy(port).start(), (running) => running.stop());
		const userFolder = `${folder.path}/n8n`;
		await installPackage(userFolder);
		const n8n = opened.adopt(
			await new N8nProcess({ userFolder, port, webhookUrl: proxy.url }).start(),
			(running) => running.stop(),
		);
		const api = await N8nApi.setUp(n8n.url);
		const credential = { baseUrl: engine.url, apiKey: TEST_KEY };
		const credentialId = await api.addCredential('Simulated WhatsApp', credential);
		return new Installation({ engine, proxy, n8n, api, credentialId }, opened.move());
	}

	async stop(): Promise<void> {
		await this.#opened.disposeAsync();
	}

	/** Makes an instance, and lets a simulated phone scan its code. */
	async linkInstance(name: string): Promise<LinkedInstance> {
		const { id } = await this.engine.call<{ id: string }>('POST', '/v1/instances', { name });
		const path = `/v1/sandbox/instances/${id}/scan`;
		const { phone_number } = await this.engine.call<{ phone_number: string }>('POST', path, {});
		await patiently(`the connection of ${name}`, async () => {
			const { state } = await this.engine.call('GET', `/v1/instances/${id}`);
			return state === 'connected';
		});
		return { id, phoneNumber: phone_number };
	}

	/** A contact writes to the instance. */
	async write(instanceId: string, from: string, text: string): Promise<void> {
		const path = `/v1/sandbox/instances/${instanceId}/messages`;
		await this.engine.call('POST', path, { from, body: { type: 'text', text } });
	}

	/** What contacts received from the instance, as they decrypted it. */
	async arrivals(instanceId: string): Promise<Arrival[]> {
		const path = `/v1/sandbox/instances/${instanceId}/outbox`;
		return (await this.engine.call<{ data: Arrival[] }>('GET', path)).data;
	}

	/** Adds a workflow of nodes in a row; ours get the credential. Answers its id. */
	async addWorkflow(name: string, row: readonly NodeJson[]): Promise<string> {
		const credentials = { whatIsUpApi: { id: this.credentialId, name: 'Simulated WhatsApp' } };
		const { nodes, connections } = inARow(
			row.map((one) => (one.type === NODE_TYPES.manual ? one : { credentials, ...one })),
		);
		return this.api.addWorkflow(name, nodes, connections);
	}

	/** Runs nodes in a row, once, by hand. */
	async run(name: string, row: readonly NodeJson[]): Promise<Execution> {
		const trigger = node('Start', 'manual');
		const workflowId = await this.addWorkflow(name, [trigger, ...row]);
		return this.api.run(workflowId, trigger.name);
	}
}

type Parts = Pick<Installation, 'engine' | 'proxy' | 'n8n' | 'api' | 'credentialId'>;
