import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { engineList } from '../transport';

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

/** Such as "Shop (+5511999999999, connected)". */
function labelOf({ name, id, phone_number: phone, status }: IDataObject): string {
	const facts = [phone && `+${String(phone).replace(/^\+/, '')}`, status]
		.filter(Boolean)
		.join(', ');
	return `${String(name || id)}${facts && ` (${facts})`}`;
}
