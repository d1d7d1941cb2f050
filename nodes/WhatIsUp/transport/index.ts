import {
	NodeApiError,
	type IDataObject,
	type IExecuteFunctions,
	type IHookFunctions,
	type IHttpRequestMethods,
	type ILoadOptionsFunctions,
	type IN8nHttpFullResponse,
	type JsonObject,
} from 'n8n-workflow';
import { refusal, unreachable } from './errors';

/** The kinds of code that n8n runs for a node and that may call the engine. */
export type Caller = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions;

interface EngineRequest {
	readonly method: IHttpRequestMethods;
	readonly path: string;
	readonly qs?: IDataObject;
	readonly body?: IDataObject;
}

/** The largest page that the engine hands out. */
const PAGE_SIZE = 100;

/**
 * Calls the engine, or hosted WhatIsUp, and answers with the JSON it sent; an empty answer is
 * an empty object. Everything else is thrown as a NodeApiError whose description says what to
 * do.
 *
 * Refusals are read from the response instead of being caught: n8n wraps a failed request into
 * an error that keeps neither the engine's code nor its hint.
 */
export async function engineRequest(this: Caller, request: EngineRequest): Promise<IDataObject> {
	const response = await send.call(this, request);
	if (!isSuccess(response)) throw refusal(this.getNode(), response);
	return objectIn(response);
}

/** The same for something that may be gone: undefined when the engine does not know it. */
export async function engineFind(
	this: Caller,
	request: EngineRequest,
): Promise<IDataObject | undefined> {
	const response = await send.call(this, request);
	if (response.statusCode === 404) return undefined;
	if (!isSuccess(response)) throw refusal(this.getNode(), response);
	return objectIn(response);
}

/** An answer, or how the engine refused: for callers that can do something about a refusal. */
export type Outcome =
	| { readonly answer: IDataObject; readonly refused?: undefined }
	| { readonly answer?: undefined; readonly refused: NodeApiError };

/** The same for a request that may be refused. Only what is no answer at all is thrown. */
export async function engineAttempt(this: Caller, request: EngineRequest): Promise<Outcome> {
	const response = await send.call(this, request);
	return isSuccess(response)
		? { answer: objectIn(response) }
		: { refused: refusal(this.getNode(), response) };
}

/** What the engine said of a refusal, beside its words. Empty when it was not the engine. */
export function refusalData({ context }: NodeApiError): { code?: string; details?: IDataObject } {
	return (context.data ?? {}) as { code?: string; details?: IDataObject };
}

/** Follows a list from page to page until it ends or `limit` entries have been read. */
export async function engineRequestAll(
	this: Caller,
	path: string,
	qs: IDataObject,
	limit = Infinity,
): Promise<IDataObject[]> {
	const entries: IDataObject[] = [];
	let cursor: string | undefined;
	do {
		const pageSize = Math.min(PAGE_SIZE, limit - entries.length);
		const page = await engineList.call(this, path, { ...qs, limit: pageSize, cursor });
		entries.push(...page.entries);
		// A server that knows no paging repeats itself; a cursor seen before ends the walk.
		cursor = page.nextCursor === cursor ? undefined : page.nextCursor;
	} while (cursor !== undefined && entries.length < limit);
	return entries.slice(0, limit);
}

export interface Page {
	readonly entries: IDataObject[];
	/** Undefined on the last page. */
	readonly nextCursor: string | undefined;
}

/** Reads one page of a list. Query parameters that are undefined are left out. */
export async function engineList(this: Caller, path: string, qs: IDataObject): Promise<Page> {
	const given = Object.fromEntries(
		Object.entries(qs).filter(([, value]) => value !== undefined && value !== ''),
	);
	const answer = await engineRequest.call(this, { method: 'GET', path, qs: given });
	return {
		entries: Array.isArray(answer.data) ? (answer.data as IDataObject[]) : [],
		nextCursor: typeof answer.next_cursor === 'string' ? answer.next_cursor : undefined,
	};
}

async function send(
	this: Caller,
	{ method, path, qs, body }: EngineRequest,
): Promise<IN8nHttpFullResponse> {
	const credential = await this.getCredentials<{ baseUrl: string }>('whatIsUpApi');
	const baseUrl = credential.baseUrl.trim().replace(/\/+$/, '');
	try {
		return (await this.helpers.httpRequestWithAuthentication.call(this, 'whatIsUpApi', {
			method,
			url: `${baseUrl}${path}`,
			...(qs && { qs }),
			...(body && { body }),
			json: true,
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
		})) as IN8nHttpFullResponse;
	} catch (error) {
		const { message, description, details } = unreachable(baseUrl, error);
		throw new NodeApiError(this.getNode(), details as JsonObject, { message, description });
	}
}

/** A success that brings a text comes from a web page at the Base URL, not from the engine. */
function isSuccess({ statusCode, body }: IN8nHttpFullResponse): boolean {
	return statusCode < 400 && !(typeof body === 'string' && body.trim() !== '');
}

function objectIn({ body }: IN8nHttpFullResponse): IDataObject {
	const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
	return isObject ? (body as IDataObject) : {};
}
