import type { IDataObject } from 'n8n-workflow';

export interface ReceivedRequest {
	readonly method: string;
	readonly path: string;
	readonly query: Record<string, string>;
	readonly body: IDataObject;
}

export interface Answer {
	readonly status: number;
	readonly body?: unknown;
}

/** `id` and `part` are what the groups of the pattern found. */
export type Handler = (request: ReceivedRequest, id: string, part: string) => Answer;

export type Route = readonly [pattern: RegExp, handler: Handler];

export function ok(body: unknown, status = 200): Answer {
	return { status, body };
}

export function refused(status: number, code: string, details: IDataObject = {}): Answer {
	const error = { code, message: `Message of ${code}.`, hint: `Hint of ${code}.`, details };
	return { status, body: { error, request_id: 'req_1' } };
}

export function change(entry: IDataObject, fields: IDataObject): Answer {
	return ok(Object.assign(entry, fields));
}

/** Newest first, `limit` of them; the cursor is the id to go on after. */
export function page(entries: readonly IDataObject[], query: Record<string, string>): Answer {
	const limit = Number(query.limit ?? 50);
	if (!(limit >= 1 && limit <= 100)) return refused(400, 'invalid_request', { limit });
	const start = entries.findIndex(({ id }) => id === query.cursor) + 1;
	const data = entries.slice(start, start + limit);
	const isLast = start + limit >= entries.length;
	return ok({ data, next_cursor: isLast ? null : data.at(-1)?.id });
}
