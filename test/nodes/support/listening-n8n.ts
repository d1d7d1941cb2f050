import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IDataObject, INodeParameters, IWebhookFunctions } from 'n8n-workflow';
import { WhatIsUpTrigger } from '../../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';
import { complete, itemHelpers, nodeOf, parameter, staticDataOf } from './n8n-context';

/**
 * The part of n8n that stands between a webhook call and a trigger, over real HTTP. It keeps to
 * n8n in what matters here: every call loads its own copy of the static data; the copy is saved
 * when the call is answered, unless with an error; and a trigger that hands over items gets a run
 * before the caller gets its 200.
 */
export class ListeningN8n {
	/** The items of every run that was started. */
	readonly runs: IDataObject[][] = [];
	/** What n8n's database holds of the trigger. */
	storedStaticData: IDataObject = {};
	parameters: INodeParameters = {};
	/** Whether somebody listens for a test event. */
	isTest = false;
	/** Whether n8n leaves reading the body to the trigger. */
	leavesBodyUnread = false;
	/** What happens when n8n starts a run: a slow or broken database can be put here. */
	startRun: () => Promise<void> = async () => {};
	readonly #trigger = new WhatIsUpTrigger();
	readonly #server: Server;

	constructor() {
		this.#server = createServer((request, response) => void this.#serve(request, response));
	}

	async start(): Promise<void> {
		await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhook/0d8f/whatisup`;
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const staticData = staticDataOf(this.storedStaticData);
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const context = this.#context(request, Buffer.concat(chunks), asExpress(response), staticData);

		const result = await this.#trigger.webhook.call(context);
		const save = () => {
			if (staticData.__dataChanged === true)
				this.storedStaticData = structuredClone({ ...staticData });
		};
		if (result.workflowData === undefined) return save();
		try {
			await this.startRun();
		} catch {
			response.writeHead(500).end('{"message":"Workflow could not be started!"}');
			return;
		}
		this.runs.push((result.workflowData[0] ?? []).map(({ json }) => json));
		save();
		response.writeHead(200).end('{"message":"Workflow was started"}');
	}

	#context(
		request: IncomingMessage,
		rawBody: Buffer,
		response: ServerResponse,
		staticData: IDataObject,
	): IWebhookFunctions {
		const unread = {
			rawBody: undefined as Buffer | undefined,
			async readRawBody() {
				unread.rawBody = rawBody;
			},
		};
		const node = this.#trigger;
		const surroundings = { node, parameters: this.parameters };
		const resolved = complete({ ...surroundings, credentials: { baseUrl: '', apiKey: '' } }, {});
		return {
			getNode: () => nodeOf(node),
			getMode: () => (this.isTest ? 'manual' : 'webhook'),
			getHeaderData: () => request.headers,
			getRequestObject: () => (this.leavesBodyUnread ? unread : { rawBody }),
			getResponseObject: () => response,
			getWorkflowStaticData: () => staticData,
			getNodeParameter: (name: string, fallback: unknown) =>
				parameter(node, resolved, name, fallback),
			helpers: itemHelpers,
		} as unknown as IWebhookFunctions;
	}
}

/** The two methods that Express adds to Node's response, and that triggers use. */
function asExpress(response: ServerResponse): ServerResponse {
	return Object.assign(response, {
		status(code: number) {
			response.statusCode = code;
			return response;
		},
		json(body: unknown) {
			response.setHeader('content-type', 'application/json');
			response.end(JSON.stringify(body));
		},
	});
}
