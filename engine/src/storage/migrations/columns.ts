import { sql, type ColumnDefinitionBuilder, type RawBuilder } from 'kysely';
import type { DialectName } from '../schema.ts';

/** The types of columns that the two databases name differently. */
export interface Columns {
	/** Compared byte by byte wherever the database stands, because lists are paged by it. */
	readonly id: RawBuilder<unknown>;
	readonly instant: RawBuilder<unknown>;
	readonly bytes: RawBuilder<unknown>;
	/** Makes the column count by itself. */
	readonly counted: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
	/** SQLite takes any value in any column unless it is told to be strict. */
	readonly suffix: RawBuilder<unknown>;
}

export const COLUMNS: Readonly<Record<DialectName, Columns>> = {
	sqlite: {
		id: sql`text`,
		instant: sql`integer`,
		bytes: sql`blob`,
		counted: (column) => column.autoIncrement(),
		suffix: sql`strict`,
	},
	postgres: {
		id: sql`text collate "C"`,
		instant: sql`bigint`,
		bytes: sql`bytea`,
		counted: (column) => column.generatedAlwaysAsIdentity(),
		suffix: sql``,
	},
};
