import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { textOf } from '../shared/fields';
import { engineList, engineRequestAll } from '../transport';

const PAGE_SIZE = 100;

/**
 * The instances of the key, for the "From List" of the Instance field. n8n asks for the next
 * page when the list is scrolled to its end.
 *
 * The engine does not search, so a filter is applied here; pages without a match are passed
 * over, because n8n takes an empty page for the end of the list.
 */
export async function searchInstances(
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	const wanted = filter?.trim().toLowerCase() ?? '';
	let cursor = paginationToken;
	let results: INodeListSearchResult['results'];
	do {
		const page = await engineList.call(this, '/v1/instances', { limit: PAGE_SIZE, cursor });
		results = page.entries
			.map((instance) => ({ name: labelOf(instance), value: String(instance.id) }))
			.filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted));
		cursor = page.nextCursor;
	} while (results.length === 0 && cursor !== undefined);
	return { results, ...(cursor !== undefined && { paginationToken: cursor }) };
}

/** The groups that instances of the key belong to, for the "From List" of the Group field. */
export async function searchGroups(
	this: ILoadOptionsFunctions,
	filter?: string,
): Promise<INodeListSearchResult> {
	const wanted = filter?.trim().toLowerCase() ?? '';
	const instances = await engineRequestAll.call(this, '/v1/instances', {});
	const groups = new Set(instances.map(({ group }) => textOf(group)).filter(Boolean));
	const results = [...groups]
		.filter((group) => group.toLowerCase().includes(wanted))
		.sort()
		.map((group) => ({ name: group, value: group }));
	return { results };
}

/** Such as "Shop (+5511999999999, connected)". */
function labelOf(instance: IDataObject): string {
	const { name, id, phone_number: phone } = instance;
	const facts = [phone && `+${String(phone).replace(/^\+/, '')}`, conditionOf(instance)]
		.filter(Boolean)
		.join(', ');
	return `${String(name || id)}${facts && ` (${facts})`}`;
}

/** Hosted WhatIsUp tells no `state`, only the coarser `status`. */
function conditionOf({ state, status }: IDataObject): string {
	return WORDS[String(state)] ?? WORDS[String(status)] ?? '';
}

const WORDS: Readonly<Record<string, string>> = {
	pending: 'not linked yet',
	qr: 'waiting for the QR code to be scanned',
	starting: 'connecting',
	reconnecting: 'reconnecting',
	connecting: 'connecting',
	connected: 'connected',
	stopped: 'stopped',
	logged_out: 'unlinked',
	disconnected: 'disconnected',
	failed: 'failed',
};
