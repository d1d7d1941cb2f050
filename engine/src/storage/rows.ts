import { CompiledQuery, type Insertable, type Kysely } from 'kysely';
import type { DialectName, Schema } from './schema.ts';

/**
 * Inserts many rows of the tables that every event fills. Building such a statement with Kysely
 * takes as long as SQLite takes to run it, so its text is made once for each number of rows and
 * only the values change. The numbers are powers of two, so that there are few texts to prepare.
 * `constants` are columns with the same SQL value in every row, which need not travel. `tail` is
 * what comes after the values, and answers rows if it says so.
 */
export class RowInserter<
	Table extends keyof Schema,
	Column extends ColumnOf<Table> = ColumnOf<Table>,
> {
	readonly #table: Table;
	readonly #columns: readonly Column[];
	readonly #dialect: DialectName;
	readonly #constants: ReadonlyMap<string, string>;
	readonly #tail: string;
	readonly #texts = new Map<number, string>();

	constructor(
		table: Table,
		dialect: DialectName,
		columns: readonly Column[],
		{ constants = {}, tail = '' }: RowInserterOptions = {},
	) {
		this.#table = table;
		this.#dialect = dialect;
		this.#columns = columns;
		this.#constants = new Map(Object.entries(constants));
		this.#tail = tail;
	}

	async insert<Row = never>(
		db: Kysely<Schema>,
		rows: readonly Pick<Insertable<Schema[Table]>, Column>[],
	): Promise<Row[]> {
		const answered: Row[] = [];
		for (const some of powersOfTwo(rows)) {
			const values: unknown[] = [];
			for (const row of some) {
				for (const column of this.#columns) values.push(row[column]);
			}
			const query = CompiledQuery.raw(this.#text(some.length), values) as CompiledQuery<Row>;
			answered.push(...(await db.executeQuery(query)).rows);
		}
		return answered;
	}

	#text(rows: number): string {
		const known = this.#texts.get(rows);
		if (known !== undefined) return known;
		const columns = [...this.#columns, ...this.#constants.keys()]
			.map((column) => `"${column}"`)
			.join(', ');
		const tuples = Array.from({ length: rows }, (_, row) => this.#tuple(row)).join(', ');
		const text = `insert into "${this.#table}" (${columns}) values ${tuples} ${this.#tail}`;
		this.#texts.set(rows, text);
		return text;
	}

	#tuple(row: number): string {
		const width = this.#columns.length;
		const places = this.#columns.map((_, column) =>
			this.#dialect === 'postgres' ? `$${row * width + column + 1}` : '?',
		);
		return `(${[...places, ...this.#constants.values()].join(', ')})`;
	}
}

type ColumnOf<Table extends keyof Schema> = keyof Insertable<Schema[Table]> & string;

interface RowInserterOptions {
	readonly constants?: Readonly<Record<string, string>>;
	readonly tail?: string;
}

/** Of our widest table these are well below the 32,766 parameters that SQLite takes. */
const MOST_ROWS = 128;

function* powersOfTwo<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
	let start = 0;
	for (let size = MOST_ROWS; size >= 1; size /= 2) {
		for (; rows.length - start >= size; start += size) yield rows.slice(start, start + size);
	}
}
