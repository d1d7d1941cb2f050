import { z } from 'zod';
import type { Page } from '../app/ports.ts';
import { idPattern, type IdPrefix } from '../domain/ids.ts';

/**
 * Lists are paged by id: a cursor is the id that the last page ended with, disguised so that nobody
 * builds one. New entries come before the first page, so no page shifts while someone reads on.
 */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

/** The fields of a list's query string. */
export function paging(prefix: IdPrefix) {
	return {
		limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
		cursor: z
			.string()
			.transform((cursor, context) => {
				const id = Buffer.from(cursor, 'base64url').toString('latin1');
				if (idPattern(prefix).test(id)) return id;
				context.addIssue('is not a next_cursor of this list');
				return z.NEVER;
			})
			.optional()
			.describe('The `next_cursor` of the page before'),
	};
}

export interface PageRequest {
	readonly limit: number;
	readonly cursor?: string | undefined;
}

/** Asks for one entry more than is shown, which tells whether there is a next page. */
export function toPage({ limit, cursor }: PageRequest): Page {
	return { limit: limit + 1, before: cursor };
}

export function pageOf<Entry extends z.ZodType>(entry: Entry) {
	return z.object({
		data: z.array(entry),
		next_cursor: z.string().nullable().describe('`null` on the last page'),
	});
}

export function toPageAnswer<Row extends { readonly id: string }, Json>(
	rows: readonly Row[],
	{ limit }: PageRequest,
	toJson: (row: Row) => Json,
): { data: Json[]; next_cursor: string | null } {
	const shown = rows.slice(0, limit);
	const last = rows.length > limit ? shown.at(-1) : undefined;
	return {
		data: shown.map(toJson),
		next_cursor: last ? Buffer.from(last.id).toString('base64url') : null,
	};
}
