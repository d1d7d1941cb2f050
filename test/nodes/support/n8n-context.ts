import { request as httpRequest } from 'node:http';
import {
	NodeApiError,
	NodeHelpers,
	ObservableObject,
	type IDataObject,
	type IExecuteFunctions,
	type IHookFunctions,
	type IHttpRequestOptions,
	type ILoadOptionsFunctions,
	type INode,
	type INodeExecutionData,
	type INodeParameters,
	type INodeType,
	type JsonObject,
} from 'n8n-workflow';
import { WhatIsUpApi } from '../../../credentials/WhatIsUpApi.credentials';

/**
 * The surroundings in which n8n runs a node, built by hand: parameters with their defaults and
 * display rules (n8n's own code), requests over real HTTP with the credential's own header, and
 * errors wrapped the way n8n wraps them.
 */
export interface Surroundings {
	readonly node: INodeType;
	readonly credentials: { readonly baseUrl: string; readonly apiKey: string };
	readonly parameters: INodeParameters;
	/** For nodes whose parameters are expressions: what they come to for each item. */
	readonly parametersOfItems?: readonly INodeParameters[];
	readonly continueOnFail?: boolean;
	readonly cancelSignal?: AbortSignal;
}

/** Of the workflow. Three hours behind UTC, all year round. */
export const TIME_ZONE = 'America/Sao_Paulo';

export function executeContext(surroundings: Surroundings): IExecuteFunctions {
	const perItem = surroundings.parametersOfItems ?? [{}];
	const resolved = perItem.map((own) => complete(surroundings, own));
	const { node } = surroundings;
	return {
		...commonContext(surroundings),
		getInputData: () => perItem.map((own) => ({ json: own as IDataObject })),
		getNodeParameter: (name: string, itemIndex: number, fallback?: unknown, options?: Extract) =>
			parameter(node, resolved[itemIndex], name, fallback, options),
		continueOnFail: () => surroundings.continueOnFail ?? false,
		getTimezone: () => TIME_ZONE,
		getExecutionCancelSignal: () => surroundings.cancelSignal,
		helpers: { ...requestHelpers(surroundings), ...itemHelpers },
	} as unknown as IExecuteFunctions;
}

export function loadOptionsContext(surroundings: Surroundings): ILoadOptionsFunctions {
	return {
		...commonContext(surroundings),
		helpers: requestHelpers(surroundings),
	} as unknown as ILoadOptionsFunctions;
}

export interface Hooked {
	readonly webhookUrl: string;
	readonly staticData: IDataObject;
	/** Of the workflow. */
	readonly workflowName?: string;
	/** Whether somebody listens for a test event. */
	readonly isTest?: boolean;
}

export function hookContext(surroundings: Surroundings, hooked: Hooked): IHookFunctions {
	const resolved = complete(surroundings, {});
	return {
		...commonContext(surroundings),
		getNodeParameter: (name: string, fallback?: unknown, options?: Extract) =>
			parameter(surroundings.node, resolved, name, fallback, options),
		getNodeWebhookUrl: () => hooked.webhookUrl,
		getWorkflow: () => ({ id: '1', name: hooked.workflowName ?? 'Answer messages', active: true }),
		getMode: () => (hooked.isTest === true ? 'manual' : 'trigger'),
		getWorkflowStaticData: () => hooked.staticData,
		helpers: requestHelpers(surroundings),
	} as unknown as IHookFunctions;
}

/** Static data as n8n makes it of what its database holds: it notices every change. */
export function staticDataOf(stored: IDataObject = {}): IDataObject {
	return ObservableObject.create(structuredClone(stored), undefined, {
		ignoreEmptyOnFirstChild: true,
	});
}

export const itemHelpers = {
	returnJsonArray(data: IDataObject | IDataObject[]): INodeExecutionData[] {
		return (Array.isArray(data) ? data : [data]).map((json) => ({ json }));
	},
	constructExecutionMetaData(
		items: INodeExecutionData[],
		{ itemData }: { itemData: { item: number } },
	): INodeExecutionData[] {
		return items.map((item) => ({ ...item, pairedItem: itemData }));
	},
	async prepareBinaryData(data: Buffer, fileName: string, mimeType: string) {
		return { data: data.toString('base64'), fileName, mimeType };
	},
};

interface Extract {
	readonly extractValue?: boolean;
}

/**
 * The parameters as n8n keeps them: defaults filled in, and nothing that is not shown. What is
 * null or undefined can only be what an expression comes to, and no default takes its place.
 */
export function complete(
	{ node, parameters }: Surroundings,
	own: INodeParameters,
): INodeParameters {
	const given = mapped({ ...parameters, ...own }, asExpression) as INodeParameters;
	const { properties } = node.description;
	const bare = { typeVersion: 1 };
	return (
		NodeHelpers.getNodeParameters(properties, given, true, false, bare, node.description) ?? {}
	);
}

export function parameter(
	{ description }: INodeType,
	parameters: INodeParameters = {},
	name: string,
	fallback: unknown,
	options: Extract = {},
): unknown {
	const kept =
		name
			.split('.')
			.reduce<unknown>((at, key) => (at as IDataObject | undefined)?.[key], parameters) ?? fallback;
	if (kept === undefined) throw new Error(`Could not get parameter "${name}"`);
	const value = mapped(kept, asResult);
	if (options.extractValue !== true) return value;

	const property = NodeHelpers.findDisplayedProperty(
		name,
		description.properties,
		parameters,
		{ typeVersion: 1 },
		description,
	);
	if (!property) throw new Error(`Could not find property "${name}"`);
	const isLocator = typeof value === 'object' && value !== null && 'mode' in value;
	return isLocator ? (value as IDataObject).value : value;
}

const NOTHING: ReadonlyMap<unknown, unknown> = new Map([
	['={{ null }}', null],
	['={{ undefined }}', undefined],
]);

function asExpression(value: unknown): unknown {
	return value === null || value === undefined ? `={{ ${String(value)} }}` : value;
}

function asResult(value: unknown): unknown {
	return NOTHING.has(value) ? NOTHING.get(value) : value;
}

/** A copy in which every value, however deep, is replaced by what is made of it. */
function mapped(value: unknown, make: (leaf: unknown) => unknown): unknown {
	if (Array.isArray(value)) return value.map((one) => mapped(one, make));
	if (!isPlainObject(value)) return make(value);
	const entries = Object.entries(value).map(([key, one]) => [key, mapped(one, make)] as const);
	return Object.fromEntries(entries);
}

/** Dates and the like stay what they are. */
function isPlainObject(value: unknown): value is object {
	return typeof value === 'object' && value?.constructor === Object;
}

function commonContext({ node, credentials }: Surroundings) {
	return { getNode: () => nodeOf(node), getCredentials: async () => credentials };
}

export function nodeOf({ description }: INodeType): INode {
	const type = `n8n-nodes-whatisup.${description.name}`;
	const name = description.displayName;
	return { id: '1', name, type, typeVersion: 1, position: [0, 0], parameters: {} };
}

function requestHelpers({ node, credentials }: Surroundings) {
	return {
		async httpRequestWithAuthentication(type: string, options: IHttpRequestOptions) {
			if (type !== 'whatIsUpApi') throw new Error(`Unknown credential ${type}`);
			const headers = Object.entries(new WhatIsUpApi().authenticate.properties.headers ?? {});
			const resolved = headers.map(([name, value]) => [name, expand(value, credentials)] as const);
			try {
				return await send(options, Object.fromEntries(resolved));
			} catch (error) {
				throw new NodeApiError(nodeOf(node), error as JsonObject);
			}
		},
	};
}

/** The one kind of expression that the credential uses. */
function expand(value: unknown, credentials: Surroundings['credentials']): string {
	return String(value)
		.replace(/^=/, '')
		.replace(/\{\{\s*\$credentials\.(\w+)\s*\}\}/g, (_, name: string) => {
			return credentials[name as keyof Surroundings['credentials']];
		});
}

function send(options: IHttpRequestOptions, headers: Record<string, string>): Promise<unknown> {
	const url = new URL(options.url);
	for (const [name, value] of Object.entries(options.qs ?? {})) {
		url.searchParams.set(name, String(value));
	}
	const body = options.body === undefined ? undefined : JSON.stringify(options.body);
	const type = body === undefined ? {} : { 'content-type': 'application/json' };
	return new Promise((resolve, reject) => {
		const request = httpRequest(url, {
			method: options.method ?? 'GET',
			headers: { ...headers, ...type },
			agent: false,
		});
		request.on('error', reject);
		request.on('response', (response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('end', () => {
				const text = Buffer.concat(chunks).toString('utf8');
				const { statusCode = 0 } = response;
				if (statusCode >= 400 && options.ignoreHttpStatusErrors !== true) {
					reject(new Error(`Request failed with status code ${statusCode}`));
				}
				const parsed = parse(text);
				resolve(options.returnFullResponse === true ? { statusCode, body: parsed } : parsed);
			});
		});
		request.end(body);
	});
}

/** As axios does for n8n: a text that is no JSON stays a text. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}
