import { randomUUID } from 'node:crypto';
import { patiently } from './patiently.ts';
import type { Connections, NodeJson } from './workflow-json.ts';

export const OWNER = { email: 'owner@example.com', password: 'Passw0rd!x' } as const;

export interface Item {
	readonly json: Record<string, unknown>;
	readonly binary?: Record<string, { id: string; mimeType: string; fileName: string }>;
	readonly pairedItem?: unknown;
}

export interface NodeFailure {
	readonly message: string;
	readonly description?: string | null;
	readonly httpCode?: string;
}

export interface Execution {
	readonly id: string;
	readonly status: string;
	/** `webhook` when an event started it, `manual` when a person did. */
	readonly mode: string;
	readonly data: {
		readonly resultData: {
			readonly error?: NodeFailure;
			readonly runData: Record<string, readonly [{ data?: { main: (Item[] | null)[] } }]>;
		};
	};
}

type Workflow = Pick<NodeJson, 'name'> & { nodes: NodeJson[]; connections: Connections };

type StaticData = Record<string, Record<string, unknown>>;

/** What a person does in n8n, over the API of its editor and its public one. */
export class N8nApi {
	readonly #url: string;
	readonly #session: Record<string, string>;
	readonly #apiKey: Record<string, string>;

	private constructor(url: string, session: Record<string, string>, apiKey: string) {
		this.#url = url;
		this.#session = session;
		this.#apiKey = { 'x-n8n-api-key': apiKey };
	}

	/** Makes the owner of an empty n8n, and an API key. */
	static async setUp(url: string): Promise<N8nApi> {
		const browser = { 'browser-id': randomUUID() };
		const setup = await fetch(`${url}/rest/owner/setup`, {
			method: 'POST',
			headers: { ...browser, 'content-type': 'application/json' },
			body: JSON.stringify({ ...OWNER, firstName: 'Test', lastName: 'Owner' }),
		});
		if (!setup.ok) throw new Error(`owner setup: ${setup.status} ${await setup.text()}`);
		const [cookie] = setup.headers.getSetCookie();
		if (cookie === undefined) throw new Error('owner setup: no cookie');
		const session = { ...browser, cookie: cookie.split(';')[0]! };

		const api = new N8nApi(url, session, '');
		const scopes = await api.#editor<string[]>('GET', '/api-keys/scopes');
		const key = { label: 'tests', expiresAt: null, scopes };
		const { rawApiKey } = await api.#editor<{ rawApiKey: string }>('POST', '/api-keys', key);
		return new N8nApi(url, session, rawApiKey);
	}

	async nodeTypes(): Promise<string[]> {
		const response = await this.#fetch('GET', '/types/nodes.json', this.#session);
		return ((await response.json()) as { name: string }[]).map(({ name }) => name);
	}

	/** Stores a credential, for the engine unless told otherwise, and answers its id. */
	async addCredential(name: string, data: object, type = 'whatIsUpApi'): Promise<string> {
		const credential = { name, type, data };
		return (await this.#editor<{ id: string }>('POST', '/credentials', credential)).id;
	}

	testCredential(
		id: string,
		name: string,
		data: object,
	): Promise<{ status: string; message: string }> {
		const credentials = { id, name, type: 'whatIsUpApi', data };
		return this.#editor('POST', '/credentials/test', { credentials });
	}

	/** Answers the id. */
	async addWorkflow(name: string, nodes: NodeJson[], connections: Connections): Promise<string> {
		const workflow = { name, nodes, connections, settings: {} };
		return (await this.#public<{ id: string }>('POST', '/workflows', workflow)).id;
	}

	/** Returns before the trigger is registered: n8n does that in the background. */
	async activate(workflowId: string): Promise<void> {
		await this.#public('POST', `/workflows/${workflowId}/activate`, {});
	}

	async deactivate(workflowId: string): Promise<void> {
		await this.#public('POST', `/workflows/${workflowId}/deactivate`, {});
	}

	/** Changes a node of a workflow as its panel does, and saves the workflow. */
	async setParameters(workflowId: string, nodeName: string, parameters: object): Promise<void> {
		const path = `/workflows/${workflowId}`;
		const { name, nodes, connections } = await this.#public<Workflow>('GET', path);
		const changed = nodes.map((node) => (node.name === nodeName ? { ...node, parameters } : node));
		await this.#public('PUT', path, { name, nodes: changed, connections, settings: {} });
	}

	/** Listens for a test event, as the button of a trigger does. */
	async listen(workflowId: string, triggerName: string): Promise<void> {
		const path = `/workflows/${workflowId}`;
		const workflowData = await this.#editor<object>('GET', path);
		await this.#editor('POST', `${path}/run`, {
			workflowData,
			triggerToStartFrom: { name: triggerName },
		});
	}

	/** What a node keeps in n8n's database. */
	async staticData(workflowId: string, nodeName: string): Promise<Record<string, unknown>> {
		const path = `/workflows/${workflowId}`;
		const { staticData } = await this.#editor<{ staticData: StaticData | null }>('GET', path);
		return staticData?.[`node:${nodeName}`] ?? {};
	}

	/** Runs a workflow from its manual trigger, as the button does, and waits for its end. */
	async run(workflowId: string, triggerName: string): Promise<Execution> {
		const workflowData = await this.#editor<object>('GET', `/workflows/${workflowId}`);
		const { executionId } = await this.#editor<{ executionId: string }>(
			'POST',
			`/workflows/${workflowId}/run`,
			{ workflowData, triggerToStartFrom: { name: triggerName } },
		);
		return this.finished(executionId);
	}

	/** Every execution of a workflow, whatever became of it: the latest 250, which is n8n's most. */
	async executions(workflowId: string): Promise<Execution[]> {
		const path = `/executions?workflowId=${workflowId}&includeData=true&limit=250`;
		return (await this.#public<{ data: Execution[] }>('GET', path)).data;
	}

	finished(executionId: string): Promise<Execution> {
		const path = `/executions/${executionId}?includeData=true`;
		return patiently(`the end of execution ${executionId}`, async () => {
			const execution = await this.#public<Execution>('GET', path);
			return isOver(execution) ? execution : undefined;
		});
	}

	/** What a list of a resource locator offers. */
	searchList(search: {
		nodeType: string;
		methodName: string;
		/** The field that offers the list. */
		field?: string;
		credentialId: string;
		filter?: string;
	}): Promise<{ results: { name: string; value: string }[]; paginationToken?: string }> {
		return this.#editor('POST', '/dynamic-node-parameters/resource-locator-results', {
			path: `parameters.${search.field ?? 'instance'}`,
			methodName: search.methodName,
			nodeTypeAndVersion: { name: search.nodeType, version: 1 },
			currentNodeParameters: {},
			credentials: { whatIsUpApi: { id: search.credentialId, name: 'WhatIsUp' } },
			...(search.filter !== undefined && { filter: search.filter }),
		});
	}

	/** The bytes of a file that a node put out. */
	async download({ id }: { id: string }): Promise<Buffer> {
		const query = new URLSearchParams({ id, action: 'download' });
		const response = await this.#fetch('GET', `/rest/binary-data?${query}`, this.#session);
		return Buffer.from(await response.arrayBuffer());
	}

	async #editor<T>(method: string, path: string, body?: object): Promise<T> {
		const response = await this.#fetch(method, `/rest${path}`, this.#session, body);
		return ((await response.json()) as { data: T }).data;
	}

	async #public<T>(method: string, path: string, body?: object): Promise<T> {
		const response = await this.#fetch(method, `/api/v1${path}`, this.#apiKey, body);
		return (await response.json()) as T;
	}

	async #fetch(
		method: string,
		path: string,
		authorization: Record<string, string>,
		body?: object,
	): Promise<Response> {
		const response = await fetch(this.#url + path, {
			method,
			headers: {
				...authorization,
				...(body !== undefined && { 'content-type': 'application/json' }),
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		if (response.ok) return response;
		throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	}
}

/** What a node put out, at its first run in an execution. */
export function itemsOf(execution: Execution, nodeName: string, output = 0): readonly Item[] {
	const [run] = execution.data.resultData.runData[nodeName] ?? [];
	return run?.data?.main[output] ?? [];
}

function isOver({ status }: Execution): boolean {
	return !['new', 'running', 'waiting'].includes(status);
}
