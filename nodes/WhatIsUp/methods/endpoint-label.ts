import type { IDataObject } from 'n8n-workflow';
import { SUBSCRIBABLE } from '../shared/events';
import { textOf } from '../shared/fields';

/** More would push what comes after them out of sight. */
const MOST_NAMED = 2;

/** An endpoint as a person knows it, such as "Orders (https://example.com, Message Received)". */
export function endpointLabel({ description, enabled, events, url }: IDataObject): string {
	const name = textOf(description);
	const facts = [name && textOf(url), wordsFor(events), enabled === false && 'disabled'];
	return `${name || textOf(url)} (${facts.filter(Boolean).join(', ')})`;
}

function wordsFor(events: unknown): string {
	const names = Array.isArray(events) ? events.map(String) : [];
	if (names.length > MOST_NAMED) return `${names.length} events`;
	return names
		.map((event) => SUBSCRIBABLE.find(({ value }) => value === event)?.name ?? event)
		.join(', ');
}
