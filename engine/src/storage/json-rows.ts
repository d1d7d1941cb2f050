import { sql, type RawBuilder } from 'kysely';
import type { DialectName } from './schema.ts';

/**
 * A list of lists as rows with one JSON column, `value`, to select from or to join: one parameter,
 * and one text of the query, however many there are.
 */
export function jsonRows(
	dialect: DialectName,
	rows: readonly (readonly (string | number | null)[])[],
): RawBuilder<unknown> {
	const json = JSON.stringify(rows);
	return dialect === 'postgres'
		? sql`json_array_elements(${json}::json) as json_rows(value)`
		: sql`json_each(${json})`;
}
