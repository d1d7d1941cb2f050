import { sql, type CreateTableBuilder, type Kysely, type SchemaModule } from 'kysely';
import type { DialectName } from '../schema.ts';
import { COLUMNS, type Columns } from './columns.ts';

interface Making extends Columns {
	readonly schema: SchemaModule;
	readonly table: (name: string) => CreateTableBuilder<string>;
}

/** Makes every table of the first version. `schema.ts` says what their columns mean. */
export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
	const columns = COLUMNS[dialect];
	const { schema } = db;
	const table = (name: string) => schema.createTable(name).modifyEnd(columns.suffix);
	const making: Making = { ...columns, schema, table };
	await customers(making);
	await instances(making);
	await messagesAndEvents(making);
	await endpoints(making);
	await deliveries(making);
}

async function customers({ schema, table, id, instant }: Making): Promise<void> {
	await table('settings')
		.addColumn('name', 'text', (column) => column.primaryKey())
		.addColumn('value', 'text', (column) => column.notNull())
		.execute();

	await table('customers')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('name', 'text', (column) => column.notNull().unique())
		.addColumn('created_at', instant, (column) => column.notNull())
		.execute();

	await table('api_keys')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull().references('customers.id'))
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('name', 'text', (column) => column.notNull())
		.addColumn('prefix', 'text', (column) => column.notNull())
		.addColumn('hash', 'text', (column) => column.notNull())
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('revoked_at', instant)
		.execute();
	await schema
		.createIndex('api_keys_hash')
		.on('api_keys')
		.column('hash')
		.unique()
		.where(sql.ref('revoked_at'), 'is', null)
		.execute();
}

async function instances({ schema, table, id, instant, bytes, counted }: Making): Promise<void> {
	await table('instances')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull().references('customers.id'))
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('name', 'text', (column) => column.notNull())
		.addColumn('metadata', 'text', (column) => column.notNull())
		.addColumn('state', 'text', (column) => column.notNull())
		.addColumn('status_reason', 'text')
		.addColumn('attempt', 'integer', (column) => column.notNull())
		.addColumn('status_since', instant, (column) => column.notNull())
		.addColumn('account', 'text')
		.addColumn('last_seen_at', instant)
		.addColumn('last_sequence', instant, (column) => column.notNull())
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.addColumn('deleted_at', instant)
		.execute();
	await schema
		.createIndex('instances_list')
		.on('instances')
		.columns(['customer_id', 'mode', 'id'])
		.where(sql.ref('deleted_at'), 'is', null)
		.execute();

	await table('auth_state')
		.addColumn('instance_id', id, (column) => column.notNull().references('instances.id'))
		.addColumn('type', 'text', (column) => column.notNull())
		.addColumn('id', 'text', (column) => column.notNull())
		.addColumn('sealed_value', bytes, (column) => column.notNull())
		.addPrimaryKeyConstraint('auth_state_pk', ['instance_id', 'type', 'id'])
		.execute();

	// An id must never come back: whoever removes an entry twice would remove another's only copy.
	await table('journal')
		.addColumn('id', instant, (column) => counted(column.primaryKey()))
		.addColumn('instance_id', id, (column) => column.notNull().references('instances.id'))
		.addColumn('sealed_stanza', bytes, (column) => column.notNull())
		.addColumn('sealed_plaintext', bytes, (column) => column.notNull())
		.addColumn('received_at', instant, (column) => column.notNull())
		.execute();
}

async function messagesAndEvents({ schema, table, id, instant }: Making): Promise<void> {
	await table('messages')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('instance_id', id, (column) => column.notNull().references('instances.id'))
		.addColumn('direction', 'text', (column) => column.notNull())
		.addColumn('wa_id', 'text', (column) => column.notNull())
		.addColumn('chat', 'text', (column) => column.notNull())
		.addColumn('peer', 'text', (column) => column.notNull())
		.addColumn('body', 'text', (column) => column.notNull())
		.addColumn('client_ref', 'text')
		.addColumn('status', 'text', (column) => column.notNull())
		.addColumn('error_code', 'text')
		.addColumn('error_message', 'text')
		.addColumn('correlation_id', 'text')
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('sent_at', instant)
		.addColumn('delivered_at', instant)
		.addColumn('read_at', instant)
		.addColumn('failed_at', instant)
		.execute();
	// In this order it also finds a message by its WhatsApp id alone, as receipts name it.
	await schema
		.createIndex('messages_wa_id')
		.on('messages')
		.columns(['instance_id', 'direction', 'wa_id', 'chat'])
		.unique()
		.execute();
	await schema
		.createIndex('messages_queued')
		.on('messages')
		.columns(['instance_id', 'id', 'created_at'])
		.where(sql.ref('status'), '=', sql.lit('queued'))
		.execute();

	await table('events')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('instance_id', id, (column) => column.notNull().references('instances.id'))
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('event', 'text', (column) => column.notNull())
		.addColumn('sequence', instant, (column) => column.notNull())
		.addColumn('occurred_at', instant, (column) => column.notNull())
		.addColumn('body', 'text', (column) => column.notNull())
		.addColumn('correlation_id', 'text')
		.addUniqueConstraint('events_sequence', ['instance_id', 'sequence'])
		.execute();
}

async function endpoints({ schema, table, id, instant, bytes }: Making): Promise<void> {
	await table('webhook_endpoints')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull().references('customers.id'))
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('instance_id', id, (column) => column.references('instances.id'))
		.addColumn('url', 'text', (column) => column.notNull())
		.addColumn('events', 'text', (column) => column.notNull())
		.addColumn('enabled', 'integer', (column) => column.notNull())
		.addColumn('has_custom_signing_secret', 'integer', (column) => column.notNull())
		.addColumn('sealed_signing_secrets', bytes, (column) => column.notNull())
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.addColumn('deleted_at', instant)
		.execute();
	await schema
		.createIndex('webhook_endpoints_list')
		.on('webhook_endpoints')
		.columns(['customer_id', 'mode', 'id'])
		.where(sql.ref('deleted_at'), 'is', null)
		.execute();
}

async function deliveries({ schema, table, id, instant }: Making): Promise<void> {
	await table('webhook_deliveries')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('event_id', id, (column) => column.notNull().references('events.id'))
		.addColumn('endpoint_id', id, (column) => column.notNull().references('webhook_endpoints.id'))
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('instance_id', id)
		.addColumn('event', 'text', (column) => column.notNull())
		.addColumn('host', 'text', (column) => column.notNull())
		.addColumn('status', 'text', (column) => column.notNull())
		.addColumn('attempts', 'integer', (column) => column.notNull())
		.addColumn('due_at', instant)
		.addColumn('held', 'integer', (column) => column.notNull())
		.addColumn('last_error', 'text')
		.addColumn('last_response_status', 'integer')
		.addColumn('delivered_at', instant)
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.execute();
	// With the host in it, a claim steps over a busy receiver's backlog without reading its rows.
	await index('due', ['held', 'due_at', 'id', 'host'])
		.where(sql.ref('due_at'), 'is not', null)
		.execute();
	await index('unsettled', ['endpoint_id']).where(sql.ref('due_at'), 'is not', null).execute();
	await index('list', ['customer_id', 'mode', 'id']).execute();
	await index('list_by_status', ['customer_id', 'mode', 'status', 'id']).execute();
	await index('list_by_event', ['customer_id', 'mode', 'event', 'id']).execute();
	await index('list_by_instance', ['customer_id', 'mode', 'instance_id', 'id']).execute();

	function index(name: string, columns: string[]) {
		return schema
			.createIndex(`webhook_deliveries_${name}`)
			.on('webhook_deliveries')
			.columns(columns);
	}
}
