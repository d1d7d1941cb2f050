import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import type { Message, MessageChange, MessageStore } from '../app/ports.ts';
import type { MessageBody } from '../domain/events.ts';
import type { InstanceId, MessageId } from '../domain/ids.ts';
import type { MessageStatus } from '../domain/message.ts';
import { RowInserter } from './rows.ts';
import { QUEUED, type DialectName, type MessagesTable, type Schema } from './schema.ts';
import { inTransaction } from './transaction.ts';

export class MessagesRepository implements MessageStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;

	constructor(db: Kysely<Schema>, dialect: DialectName) {
		this.#db = db;
		this.#dialect = dialect;
	}

	async add(messages: readonly Message[]): Promise<ReadonlySet<MessageId>> {
		if (messages.length === 0) return new Set();
		return inTransaction(this.#db, async (db) => {
			const rows = messages.map(toRow);
			const added = await INSERTERS[this.#dialect].insert<{ readonly id: MessageId }>(db, rows);
			return new Set(added.map(({ id }) => id));
		});
	}

	async find(instanceId: InstanceId, id: MessageId): Promise<Message | undefined> {
		const row = await this.#db
			.selectFrom('messages')
			.selectAll()
			.where('id', '=', id)
			.where('instance_id', '=', instanceId)
			.executeTakeFirst();
		return row && toMessage(row);
	}

	async findByWaId(
		instanceId: InstanceId,
		direction: Message['direction'],
		waId: string,
	): Promise<Message | undefined> {
		const row = await this.#db
			.selectFrom('messages')
			.selectAll()
			.where('instance_id', '=', instanceId)
			.where('direction', '=', direction)
			.where('wa_id', '=', waId)
			.limit(1)
			.executeTakeFirst();
		return row && toMessage(row);
	}

	async listQueued(instanceId: InstanceId, limit: number): Promise<Message[]> {
		const rows = await this.#db
			.selectFrom('messages')
			.selectAll()
			.where('instance_id', '=', instanceId)
			.where('status', '=', QUEUED)
			.orderBy('id')
			.limit(limit)
			.execute();
		return rows.map(toMessage);
	}

	async listOverdue(createdBefore: number, limit: number): Promise<Message[]> {
		const rows = await this.#db
			.selectFrom('messages')
			.selectAll()
			.where('status', '=', QUEUED)
			.where('created_at', '<', createdBefore)
			.orderBy('created_at')
			.limit(limit)
			.execute();
		return rows.map(toMessage);
	}

	async change(
		id: MessageId,
		from: readonly MessageStatus[],
		change: MessageChange,
	): Promise<Message | undefined> {
		if (from.length === 0) return undefined;
		const row = await this.#db
			.updateTable('messages')
			.set(toColumns(change))
			.where('id', '=', id)
			.where('status', 'in', from)
			.returningAll()
			.executeTakeFirst();
		return row && toMessage(row);
	}
}

const INSERTERS: Readonly<Record<DialectName, RowInserter<'messages'>>> = {
	sqlite: inserter('sqlite'),
	postgres: inserter('postgres'),
};

function inserter(dialect: DialectName): RowInserter<'messages'> {
	const columns = [
		'id',
		'instance_id',
		'direction',
		'wa_id',
		'chat',
		'peer',
		'body',
		'client_ref',
		'status',
		'error_code',
		'error_message',
		'correlation_id',
		'created_at',
		'sent_at',
		'delivered_at',
		'read_at',
		'failed_at',
	] as const;
	const isThere = 'on conflict ("instance_id", "direction", "wa_id", "chat") do nothing';
	return new RowInserter('messages', dialect, columns, { tail: `${isThere} returning "id"` });
}

function toRow(message: Message): Insertable<MessagesTable> {
	return {
		id: message.id,
		instance_id: message.instanceId,
		direction: message.direction,
		wa_id: message.waId,
		chat: message.chat,
		peer: message.peer,
		body: JSON.stringify(message.body),
		client_ref: message.clientRef,
		status: message.status,
		error_code: message.error?.code ?? null,
		error_message: message.error?.message ?? null,
		correlation_id: message.correlationId,
		created_at: message.createdAt,
		sent_at: message.sentAt,
		delivered_at: message.deliveredAt,
		read_at: message.readAt,
		failed_at: message.failedAt,
	};
}

/** Kysely leaves out of an update what is `undefined`. */
function toColumns({ error, ...change }: MessageChange): Updateable<MessagesTable> {
	return {
		status: change.status,
		error_code: error === null ? null : error?.code,
		error_message: error === null ? null : error?.message,
		sent_at: change.sentAt,
		delivered_at: change.deliveredAt,
		read_at: change.readAt,
		failed_at: change.failedAt,
	};
}

function toMessage(row: Selectable<MessagesTable>): Message {
	return {
		id: row.id,
		instanceId: row.instance_id,
		direction: row.direction,
		waId: row.wa_id,
		chat: row.chat,
		peer: row.peer,
		body: JSON.parse(row.body) as MessageBody,
		clientRef: row.client_ref,
		status: row.status,
		error:
			row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
		correlationId: row.correlation_id,
		createdAt: row.created_at,
		sentAt: row.sent_at,
		deliveredAt: row.delivered_at,
		readAt: row.read_at,
		failedAt: row.failed_at,
	};
}
