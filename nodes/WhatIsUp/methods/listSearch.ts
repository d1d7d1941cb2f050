import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { ENDPOINTS } from '../shared/endpoint';
import { textOf } from '../shared/fields';
import { engineList, engineRequestAll } from '../transport';
import { endpointLabel } from './endpoint-label';
import { instanceLabel } from './instance-label';

const PAGE_SIZE = 100;

/** The instances of the key, for the "From List" of the Instance field. */
export async function searchInstances(
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	return await search.call(this, {
		path: '/v1/instances',
		labelOf: instanceLabel,
		filter,
		paginationToken,
	});
}

/** The webhook endpoints of the key, for the "From List" of the Webhook Endpoint field. */
export async function searchEndpoints(
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
): Promise<INodeListSearchResult> {
	return await search.call(this, {
		path: ENDPOINTS,
		labelOf: endpointLabel,
		filter,
		paginationToken,
	});
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

interface Search {
	readonly path: string;
	readonly labelOf: (entry: IDataObject) => string;
	readonly filter: string | undefined;
	readonly paginationToken: string | undefined;
}

/**
 * One page of a list. n8n asks for the next one when the list is scrolled to its end.
 *
 * The engine does not search, so a filter is applied here; pages without a match are passed
 * over, because n8n takes an empty page for the end of the list.
 */
async function search(
	this: ILoadOptionsFunctions,
	{ path, labelOf, filter, paginationToken }: Search,
): Promise<INodeListSearchResult> {
	const wanted = filter?.trim().toLowerCase() ?? '';
	let cursor = paginationToken;
	let results: INodeListSearchResult['results'];
	do {
		const page = await engineList.call(this, path, { limit: PAGE_SIZE, cursor });
		results = page.entries
			.map((entry) => ({ name: labelOf(entry), value: String(entry.id) }))
			.filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted));
		cursor = page.nextCursor;
	} while (results.length === 0 && cursor !== undefined);
	return { results, ...(cursor !== undefined && { paginationToken: cursor }) };
}
