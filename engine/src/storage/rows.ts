import { CompiledQuery, type Insertable, type Kysely } from 'kysely';
import { chunks } from './chunks.ts';
import type { DialectName, Schema } from './schema.ts';

/**
 * Inserts many rows of the tables that every event fills. Building such a statement with Kysely
 * takes as long as SQLite takes to run it, so its text is made once for each number of rows and
 * only the values change.
 */
export class RowInserter<Table extends keyof Schema> {
	readonly #table: Table;
	readonly #columns: readonly (keyof Insertable<Schema[Table]> & string)[];
	readonly #dialect: DialectName;
	readonly #texts = new Map<number, string>();

	constructor(
		table: Table,
		dialect: DialectName,
		columns: readonly (keyof Insertable<Schema[Table]> & string)[],
	) {
		this.#table = table;
		this.#dialect = dialect;
		this.#columns = columns;
	}

	async insert(db: Kysely<Schema>, rows: readonly Insertable<Schema[Table]>[]): Promise<void> {
		for (const some of chunks(rows)) {
			const values: unknown[] = [];
			for (const row of some) {
				for (const column of this.#columns) values.push(row[column]);
			}
			await db.executeQuery(CompiledQuery.raw(this.#text(some.length), values));
		}
	}

	#text(rows: number): string {
		const known = this.#texts.get(rows);
		if (known !== undefined) return known;
		const columns = this.#columns.map((column) => `"${column}"`).join(', ');
		const tuples = Array.from({ length: rows }, (_, row) => this.#tuple(row)).join(', ');
		const text = `insert into "${this.#table}" (${columns}) values ${tuples}`;
		this.#texts.set(rows, text);
		return text;
	}

	#tuple(row: number): string {
		const width = this.#columns.length;
		const places = this.#columns.map((_, column) =>
			this.#dialect === 'postgres' ? `$${row * width + column + 1}` : '?',
		);
		return `(${places.join(', ')})`;
	}
}
