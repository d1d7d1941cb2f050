/**
 * SQLite takes 32,766 parameters in a statement and Postgres 65,535. This many rows of our widest
 * table, or this many ids, stay well below both.
 */
const ROWS_PER_STATEMENT = 500;

export function* chunks<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
	for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
		yield rows.slice(start, start + ROWS_PER_STATEMENT);
	}
}
