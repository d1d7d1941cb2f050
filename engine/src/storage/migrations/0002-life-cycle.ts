import { sql, type Kysely } from 'kysely';
import type { DialectName } from '../schema.ts';
import { COLUMNS, type Columns } from './columns.ts';

/** What instances need to heal, to stand in for each other and to tell their history. */
export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
	const columns = COLUMNS[dialect];
	await instances(db, columns);
	await transitions(db, columns);
	await auditAndLinks(db, columns);
}

async function instances({ schema }: Kysely<unknown>, { instant, bytes }: Columns): Promise<void> {
	const inInstances = () => schema.alterTable('instances');

	await inInstances().addColumn('group_name', 'text').execute();
	await inInstances()
		.addColumn('priority', 'integer', (column) => column.notNull().defaultTo(100))
		.execute();
	await inInstances().addColumn('expected_phone_number', 'text').execute();
	await inInstances()
		.addColumn('heal', 'text', (column) =>
			column.notNull().defaultTo('{"enabled":true,"maxRestartsPerHour":6,"scheduledRestart":null}'),
		)
		.execute();
	await inInstances()
		.addColumn('healed_at', 'text', (column) => column.notNull().defaultTo('[]'))
		.execute();
	await inInstances().addColumn('sealed_proxy_url', bytes).execute();
	await inInstances().addColumn('restricted_until', instant).execute();
	await inInstances()
		.addColumn('attention_level', 'integer', (column) => column.notNull().defaultTo(0))
		.execute();
	await inInstances().addColumn('attention_due_at', instant).execute();
	await schema
		.createIndex('instances_attention')
		.on('instances')
		.columns(['attention_due_at'])
		.where(sql.ref('attention_due_at'), 'is not', null)
		.execute();
	await schema
		.createIndex('instances_group')
		.on('instances')
		.columns(['customer_id', 'mode', 'group_name', 'priority', 'id'])
		.where(sql.ref('group_name'), 'is not', null)
		.execute();
}

async function transitions(db: Kysely<unknown>, { id, instant, suffix }: Columns): Promise<void> {
	const { schema } = db;
	await schema
		.createTable('transitions')
		.modifyEnd(suffix)
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('instance_id', id, (column) => column.notNull().references('instances.id'))
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('from_state', 'text', (column) => column.notNull())
		.addColumn('to_state', 'text', (column) => column.notNull())
		.addColumn('reason', 'text')
		.addColumn('close_code', 'integer')
		.addColumn('at', instant, (column) => column.notNull())
		.execute();
	await schema
		.createIndex('transitions_list')
		.on('transitions')
		.columns(['instance_id', 'id', 'at'])
		.execute();
	await schema
		.createIndex('transitions_by_time')
		.on('transitions')
		.columns(['instance_id', 'at', 'id'])
		.execute();
	await schema
		.createIndex('transitions_drops')
		.on('transitions')
		.columns(['mode', 'reason', 'at', 'instance_id'])
		.where(sql.ref('from_state'), '=', sql.lit('connected'))
		.execute();
	// What is known of an older instance's past: since when it has been in its state. Its own UUID is
	// older than that of any transition to come, and no other transition's.
	await sql`
		insert into transitions (id, instance_id, mode, from_state, to_state, reason, at)
		select 'trn_' || substr(id, 6), id, mode, 'pending', state, status_reason, status_since
		from instances where state <> 'pending'`.execute(db);
}

async function auditAndLinks(
	{ schema }: Kysely<unknown>,
	{ id, instant, suffix }: Columns,
): Promise<void> {
	const table = (name: string) => schema.createTable(name).modifyEnd(suffix);

	await table('audit')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('instance_id', id)
		.addColumn('action', 'text', (column) => column.notNull())
		.addColumn('details', 'text', (column) => column.notNull())
		.addColumn('at', instant, (column) => column.notNull())
		.addColumn('correlation_id', 'text')
		.execute();
	await schema.createIndex('audit_list').on('audit').columns(['customer_id', 'id']).execute();

	await table('pairing_links')
		.addColumn('instance_id', id, (column) => column.primaryKey().references('instances.id'))
		.addColumn('token_hash', 'text', (column) => column.notNull().unique())
		.addColumn('expires_at', instant, (column) => column.notNull())
		.execute();
}
