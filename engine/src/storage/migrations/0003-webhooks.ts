import { sql, type CreateTableBuilder, type Kysely, type SchemaModule } from 'kysely';
import type { DialectName } from '../schema.ts';
import { COLUMNS, type Columns } from './columns.ts';

interface Making extends Columns {
	readonly db: Kysely<unknown>;
	readonly schema: SchemaModule;
	readonly table: (name: string) => CreateTableBuilder<string>;
}

/**
 * Endpoints with filters, limits and a health of their own; deliveries that are claimed endpoint by
 * endpoint, in order within a chat, and that keep their attempts; events of no instance; replays.
 *
 * SQLite cannot take a NOT NULL or a foreign key off a column, so the three tables are made anew
 * and filled from the old ones, which then make room.
 */
export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
	const columns = COLUMNS[dialect];
	const { schema } = db;
	const table = (name: string) => schema.createTable(name).modifyEnd(columns.suffix);
	const making: Making = { ...columns, db, schema, table };
	await events(making);
	await endpoints(making);
	await deliveries(making);
	for (const name of ['webhook_deliveries', 'webhook_endpoints', 'events']) {
		await schema.dropTable(name).execute();
	}
	for (const name of ['events', 'webhook_endpoints', 'webhook_deliveries']) {
		await schema.alterTable(`new_${name}`).renameTo(name).execute();
	}
	await indexes(making, dialect);
	await replays(making);
}

async function events({ db, table, id, instant }: Making): Promise<void> {
	await table('new_events')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('instance_id', id, (column) => column.references('instances.id'))
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('event', 'text', (column) => column.notNull())
		.addColumn('sequence', instant)
		.addColumn('occurred_at', instant, (column) => column.notNull())
		.addColumn('body', 'text')
		.addColumn('correlation_id', 'text')
		.execute();
	await sql`
		insert into new_events (id, instance_id, customer_id, mode, event, sequence, occurred_at,
			body, correlation_id)
		select id, instance_id, customer_id, mode, event, sequence, occurred_at, body, correlation_id
		from events`.execute(db);
}

async function endpoints({ db, table, id, instant, bytes }: Making): Promise<void> {
	await table('new_webhook_endpoints')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull().references('customers.id'))
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('description', 'text')
		.addColumn('url', 'text', (column) => column.notNull())
		.addColumn('events', 'text', (column) => column.notNull())
		.addColumn('instance_ids', 'text', (column) => column.notNull())
		.addColumn('filters', 'text', (column) => column.notNull())
		.addColumn('ordered', 'integer', (column) => column.notNull())
		.addColumn('max_age_seconds', 'integer')
		.addColumn('max_per_second', 'real')
		.addColumn('enabled', 'integer', (column) => column.notNull())
		.addColumn('disabled_reason', 'text')
		.addColumn('disabled_at', instant)
		.addColumn('failing_since', instant)
		.addColumn('worked_until', instant)
		.addColumn('has_custom_signing_secret', 'integer', (column) => column.notNull())
		.addColumn('sealed_signing_secrets', bytes, (column) => column.notNull())
		.addColumn('secret_rotated_at', instant)
		.addColumn('previous_secret_until', instant)
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.addColumn('delete_at', instant)
		.addColumn('deleted_at', instant)
		.execute();
	const filters =
		'{"chatType":"all","ignoreFromMe":false,"ignoreStatus":true,"ignoreNewsletters":true}';
	// Until now only a receiver's 410 or its owner could disable an endpoint; which, nobody noted.
	await sql`
		insert into new_webhook_endpoints (id, customer_id, mode, url, events, instance_ids, filters,
			ordered, enabled, disabled_reason, disabled_at, has_custom_signing_secret,
			sealed_signing_secrets, created_at, updated_at, deleted_at)
		select id, customer_id, mode, url, events,
			case when instance_id is null then '[]' else '["' || instance_id || '"]' end, ${filters},
			1, enabled, case when enabled = 1 then null else 'by_user' end,
			case when enabled = 1 then null else updated_at end, has_custom_signing_secret,
			sealed_signing_secrets, created_at, updated_at, deleted_at
		from webhook_endpoints`.execute(db);
}

async function deliveries({ db, table, id, instant }: Making): Promise<void> {
	await table('new_webhook_deliveries')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('event_id', id, (column) => column.notNull().references('new_events.id'))
		.addColumn('endpoint_id', id, (column) =>
			column.notNull().references('new_webhook_endpoints.id'),
		)
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('instance_id', id)
		.addColumn('event', 'text', (column) => column.notNull())
		.addColumn('lane', instant)
		.addColumn('status', 'text', (column) => column.notNull())
		.addColumn('attempts', 'integer', (column) => column.notNull())
		.addColumn('earlier_attempts', 'integer', (column) => column.notNull())
		.addColumn('due_at', instant)
		.addColumn('last_error', 'text')
		.addColumn('last_response_status', 'integer')
		.addColumn('attempt_log', 'text', (column) => column.notNull())
		.addColumn('payload_gone', 'integer', (column) => column.notNull())
		.addColumn('delivered_at', instant)
		.addColumn('redelivered_at', instant)
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.execute();
	await sql`
		insert into new_webhook_deliveries (id, event_id, endpoint_id, customer_id, mode, instance_id,
			event, status, attempts, earlier_attempts, due_at, last_error, last_response_status,
			attempt_log, payload_gone, delivered_at, created_at, updated_at)
		select id, event_id, endpoint_id, customer_id, mode, instance_id, event, status, attempts, 0,
			due_at, last_error, last_response_status, '', 0, delivered_at, created_at, updated_at
		from webhook_deliveries`.execute(db);
}

async function indexes({ schema }: Making, dialect: DialectName): Promise<void> {
	await schema
		.createIndex('events_sequence')
		.on('events')
		.columns(['instance_id', 'sequence'])
		.unique()
		.execute();
	await schema
		.createIndex('events_list')
		.on('events')
		.columns(['customer_id', 'mode', 'id'])
		.execute();
	await schema
		.createIndex('webhook_endpoints_list')
		.on('webhook_endpoints')
		.columns(['customer_id', 'mode', 'id'])
		.where(sql.ref('deleted_at'), 'is', null)
		.execute();

	await schema
		.createIndex('webhook_endpoints_to_delete')
		.on('webhook_endpoints')
		.columns(['delete_at'])
		.where(sql.ref('delete_at'), 'is not', null)
		.where(sql.ref('deleted_at'), 'is', null)
		.execute();

	// The queue: what an endpoint has to get, in the order of making, and by lane to see who waits.
	await index('due', ['endpoint_id', 'id', 'due_at'])
		.where(sql.ref('due_at'), 'is not', null)
		.execute();
	// On SQLite there is one engine, which knows what it sends: it asks only for what waits for its
	// retry. Lanes are spread over the whole index, and every delivery would change two pages of it.
	await (
		dialect === 'sqlite'
			? index('lane', ['endpoint_id', 'lane', 'id']).where(
					sql.ref('status'),
					'=',
					sql.lit('retrying'),
				)
			: index('lane', ['endpoint_id', 'lane', 'id'])
					.where(sql.ref('due_at'), 'is not', null)
					.where(sql.ref('lane'), 'is not', null)
	).execute();
	// The log, each with the id last, by which lists are paged. Most deliveries succeed, and those
	// are found without an index of their own.
	await index('list', ['customer_id', 'mode', 'id']).execute();
	await index('list_by_event', ['customer_id', 'mode', 'event', 'id']).execute();
	await index('list_by_instance', ['instance_id', 'id']).execute();
	await index('list_by_endpoint', ['endpoint_id', 'id']).execute();
	await index('of_event', ['event_id', 'id']).execute();
	await index('troubled', ['customer_id', 'mode', 'status', 'id'])
		.where(sql.ref('status'), '<>', sql.lit('success'))
		.execute();
	await index('troubled_by_endpoint', ['endpoint_id', 'status', 'id'])
		.where(sql.ref('status'), '<>', sql.lit('success'))
		.where(sql.ref('status'), '<>', sql.lit('pending'))
		.execute();
	// Retention: what still has a payload, by when it was settled.
	await index('kept', ['status', 'updated_at'])
		.where(sql.ref('due_at'), 'is', null)
		.where(sql.ref('payload_gone'), '=', sql.lit(0))
		.execute();

	function index(name: string, columns: string[]) {
		return schema
			.createIndex(`webhook_deliveries_${name}`)
			.on('webhook_deliveries')
			.columns(columns);
	}
}

async function replays({ schema, table, id, instant }: Making): Promise<void> {
	await table('webhook_replays')
		.addColumn('id', id, (column) => column.primaryKey())
		.addColumn('customer_id', id, (column) => column.notNull())
		.addColumn('mode', 'text', (column) => column.notNull())
		.addColumn('endpoint_id', id, (column) => column.notNull().references('webhook_endpoints.id'))
		.addColumn('filter', 'text', (column) => column.notNull())
		.addColumn('max_per_second', 'real', (column) => column.notNull())
		.addColumn('status', 'text', (column) => column.notNull())
		.addColumn('total', 'integer', (column) => column.notNull())
		.addColumn('redelivered', 'integer', (column) => column.notNull())
		.addColumn('skipped', 'integer', (column) => column.notNull())
		.addColumn('last_delivery_id', id)
		.addColumn('error', 'text')
		.addColumn('created_at', instant, (column) => column.notNull())
		.addColumn('updated_at', instant, (column) => column.notNull())
		.addColumn('finished_at', instant)
		.execute();
	await schema
		.createIndex('webhook_replays_list')
		.on('webhook_replays')
		.columns(['endpoint_id', 'id'])
		.execute();
	// One at a time for each endpoint, whoever asks.
	await schema
		.createIndex('webhook_replays_running')
		.on('webhook_replays')
		.columns(['endpoint_id'])
		.unique()
		.where(sql.ref('status'), '=', sql.lit('running'))
		.execute();
}
