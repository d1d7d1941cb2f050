/**
 * The statements that a delivery takes on SQLite, and nothing else: its event and row in one durable
 * commit, its claim and its settlement in others. Works on a database that an engine has left,
 * whose last delivery is the model of all.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { ids } from '../support/system.ts';

type Row = Record<string, SQLInputValue>;

/** What the other side asks for: events to append, or deliveries to settle before the next claim. */
export type Asked = { readonly append: number } | { readonly settle: readonly string[] };

/** A delivery that was claimed: its id, its event's id and the body. */
export type ClaimedPart = readonly [string, string, string];

const MOST_CLAIMED = 256;
const LEASE_MS = 40_000;
const ATTEMPT =
	'{"attempt":1,"at":1790000000000,"status":200,"latencyMs":1,"error":null,"response":"","address":"127.0.0.1"}\n';

class Statements {
	readonly #database: DatabaseSync;
	readonly #event: Row;
	readonly #delivery: Row;
	readonly #settle: StatementSync;
	readonly #claim: StatementSync;
	readonly #bodies: StatementSync;
	readonly #inserts = new Map<string, StatementSync>();
	#sequence: number;

	constructor(file: string) {
		this.#database = new DatabaseSync(file);
		this.#database.exec('pragma foreign_keys = on; pragma cache_size = -32768');
		this.#delivery = this.#latest('webhook_deliveries');
		this.#event = this.#latest('events');
		this.#sequence = Number(this.#event['sequence']);
		this.#settle = this.#database.prepare(`
			update webhook_deliveries set status = 'success', due_at = null, last_response_status = 200,
				delivered_at = ?, updated_at = ?, attempt_log = attempt_log || ?
			where id in (select value from json_each(?))`);
		this.#claim = this.#database.prepare(`
			update webhook_deliveries set due_at = ?, attempts = attempts + 1
			where id in (
				select id from webhook_deliveries where endpoint_id = ? and due_at <= ?
				order by id limit ${MOST_CLAIMED}
			)
			returning id, event_id, event, lane, attempts, created_at`);
		this.#bodies = this.#database.prepare(
			'select id, body, correlation_id from events where id in (select value from json_each(?))',
		);
	}

	append(count: number): void {
		const now = Date.now();
		const events: Row[] = Array.from({ length: count }, () => {
			return { ...this.#event, id: ids.next('evt'), sequence: ++this.#sequence };
		});
		const deliveries = events.map((event) => ({
			...this.#delivery,
			id: ids.next('dlv'),
			event_id: event['id']!,
			status: 'pending',
			attempts: 0,
			due_at: now,
			delivered_at: null,
			last_response_status: null,
			attempt_log: '',
		}));
		this.#commit('full', () => {
			this.#insert('events', events);
			this.#insert('webhook_deliveries', deliveries);
		});
	}

	turn(settled: readonly string[]): readonly ClaimedPart[] {
		const now = Date.now();
		return this.#commit('normal', () => {
			if (settled.length > 0) this.#settle.run(now, now, ATTEMPT, JSON.stringify(settled));
			const rows = this.#claim.all(now + LEASE_MS, this.#delivery['endpoint_id']!, now);
			const bodies = new Map(
				this.#bodies
					.all(JSON.stringify(rows.map((row) => row['event_id'])))
					.map((row) => [row['id'], row['body']]),
			);
			return rows.map((row) => {
				const { id, event_id: eventId } = row as { id: string; event_id: string };
				return [id, eventId, String(bodies.get(eventId))] as const;
			});
		});
	}

	#commit<T>(synchronous: 'full' | 'normal', work: () => T): T {
		this.#database.exec(`pragma synchronous = ${synchronous}`);
		this.#database.exec('begin immediate');
		const result = work();
		this.#database.exec('commit');
		return result;
	}

	#insert(table: string, rows: readonly Row[]): void {
		const columns = Object.keys(rows[0]!);
		const tuple = `(${columns.map(() => '?').join(', ')})`;
		const text = `insert into ${table} (${columns.join(', ')}) values ${rows.map(() => tuple).join(', ')}`;
		const statement = this.#inserts.get(text) ?? this.#database.prepare(text);
		this.#inserts.set(text, statement);
		statement.run(...rows.flatMap((row) => columns.map((column) => row[column]!)));
	}

	#latest(table: string): Row {
		return this.#database.prepare(`select * from ${table} order by id desc limit 1`).get() as Row;
	}
}

const statements = new Statements(workerData as string);
parentPort!.on('message', (asked: Asked) => {
	if ('append' in asked) statements.append(asked.append);
	parentPort!.postMessage('settle' in asked ? statements.turn(asked.settle) : []);
});
