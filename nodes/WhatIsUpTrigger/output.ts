import type { IDataObject } from 'n8n-workflow';

/** An event as the engine delivers it. `data` differs from event to event. */
export interface Envelope extends IDataObject {
	event: string;
	event_id: string;
	data: IDataObject;
}

/** Reads a delivered body. Undefined when it is not an event. */
export function parseEnvelope(rawBody: Buffer): Envelope | undefined {
	const body = parseJson(rawBody.toString('utf8'));
	if (!isRecord(body) || typeof body.event !== 'string' || typeof body.event_id !== 'string') {
		return undefined;
	}
	const data = isRecord(body.data) ? body.data : {};
	return { ...body, event: body.event, event_id: body.event_id, data };
}

/**
 * The event as the workflow sees it: one flat level, so that every field can be dragged from the
 * panel, and what is dragged most comes first. The text of a message is found in `text` (null when
 * it is no text message); what only a machine wants to know comes last.
 *
 * Should a field of `data` ever bear the name of an envelope field, the envelope's wins.
 */
export function toJson({ data, ...head }: Envelope): IDataObject {
	const fields: IDataObject = { ...data, ...textIn(data), ...head };
	const others = Object.keys(fields).filter((name) => !LAST.includes(name));
	const names = [...FIRST, ...others, ...LAST].filter((name) => name in fields);
	return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

const FIRST = ['text', 'from', 'push_name', 'chat_id', 'instance_id', 'event'];
const LAST = ['occurred_at', 'event_id', 'sequence', 'api_version'];

/** Whether a message was written by the account itself, on its phone or another device. */
export function isFromMe({ data }: Envelope): boolean {
	return data.from_me === true;
}

function textIn({ body }: IDataObject): IDataObject {
	if (!isRecord(body)) return {};
	return { text: body.type === 'text' && typeof body.text === 'string' ? body.text : null };
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function isRecord(value: unknown): value is IDataObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
