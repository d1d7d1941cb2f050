import {
	NodeApiError,
	type IDataObject,
	type IN8nHttpFullResponse,
	type INode,
} from 'n8n-workflow';
import { hintFor } from './hints';

/**
 * Turns what went wrong between n8n and the engine into an error that a person can act on.
 *
 * The engine refuses with `{ error: { code, message, hint, details }, request_id }`. The message
 * becomes the headline, the hint (in words that fit n8n) the text below it, and the rest is kept as
 * the error's data, where n8n shows it under "Error details". Anything that is not such a body
 * comes from something else that listens at the Base URL.
 */
export function refusal(node: INode, response: IN8nHttpFullResponse): NodeApiError {
	const body = bodyOf(response);
	const fault = isRecord(body.error) ? body.error : undefined;
	const code = text(fault?.code);
	const requestId = text(body.request_id);

	const error = new NodeApiError(node, body as never, {
		message: text(fault?.message) ?? headlineFor(response.statusCode),
		description: [
			hintFor(code, text(fault?.hint)) ?? adviceFor(response.statusCode),
			spelled(fault?.details),
			code && `Code: ${code}.`,
			requestId && `Request: ${requestId}.`,
		]
			.filter(Boolean)
			.join(' '),
		httpCode: String(response.statusCode),
	});
	error.context.data = {
		...(code && { code }),
		...(text(fault?.hint) && { hint: text(fault?.hint) }),
		...(isRecord(fault?.details) && { details: fault.details }),
		...(requestId && { request_id: requestId }),
	};
	return error;
}

/** What to tell when no answer came at all. */
export function unreachable(
	baseUrl: string,
	error: unknown,
): { message: string; description: string; details: IDataObject } {
	const code = networkCode(error);
	const docker =
		'If n8n runs in Docker, 127.0.0.1 and localhost mean the container of n8n itself: use the service name of the engine or http://host.docker.internal, and set WHATISUP_HOST so that the engine listens there.';
	return {
		message: `WhatIsUp cannot be reached at ${baseUrl}`,
		description: `${reasonFor(code)} ${isLoopback(baseUrl) ? docker : ''}`.trim(),
		details: { reason: code ?? 'no_answer' },
	};
}

function reasonFor(code: string | undefined): string {
	switch (code) {
		case 'ECONNREFUSED':
			return 'Nothing listens there. Start the engine, and check the Base URL and its port in the credential.';
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
			return 'No machine has this name. Check the Base URL in the credential.';
		case 'ERR_INVALID_URL':
			return 'This is not a web address. The Base URL in the credential starts with http:// or https://.';
		default:
			return 'Check that the engine runs, and the Base URL in the credential.';
	}
}

/** n8n may have wrapped the network's error once or twice; the code survives somewhere in it. */
function networkCode(error: unknown): string | undefined {
	const known = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ERR_INVALID_URL'];
	const seen = new Set<unknown>();
	for (let link = error; isRecord(link) && !seen.has(link); link = link.cause) {
		seen.add(link);
		const words = [link.code, link.httpCode, link.message, ...arrayOf(link.messages)].join(' ');
		const code = known.find((candidate) => words.includes(candidate));
		if (code !== undefined) return code;
		if (words.includes('Invalid URL')) return 'ERR_INVALID_URL';
	}
	return undefined;
}

function headlineFor(status: number): string {
	return status < 400
		? 'What answers at the Base URL is not WhatIsUp'
		: `The server answered with status ${status}`;
}

function adviceFor(status: number): string {
	if (status < 400)
		return 'Check the Base URL in the credential: the host, and above all the port.';
	if (status === 401 || status === 403) return 'Check the API Key in the credential.';
	if (status === 404)
		return 'Check the Base URL in the credential: is it WhatIsUp that answers there?';
	if (status === 429) return 'Wait a moment, then try again.';
	return 'Try again. If it goes on, look at the log of the engine, or of what stands before it.';
}

/** The engine's hints refer to its details ("see details.state"), so they are shown beside them. */
function spelled(details: unknown): string | undefined {
	if (!isRecord(details) || Object.keys(details).length === 0) return undefined;
	const facts = Object.entries(details).map(([name, value]) => {
		return `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
	});
	return `Details: ${facts.join(', ')}.`;
}

function bodyOf(response: IN8nHttpFullResponse): IDataObject {
	return isRecord(response.body) ? (response.body as IDataObject) : {};
}

function isLoopback(baseUrl: string): boolean {
	return /^https?:\/\/(localhost|127\.|\[::1\])/i.test(baseUrl);
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function arrayOf(value: unknown): unknown[] {
	return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}
