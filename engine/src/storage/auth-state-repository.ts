import type { Kysely } from 'kysely';
import type { AuthChange, AuthStateStore, JournalEntry, NewJournalEntry } from '../app/ports.ts';
import type { InstanceId } from '../domain/ids.ts';
import { chunks } from './chunks.ts';
import { JournalRepository } from './journal-repository.ts';
import type { DialectName, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { inTransaction } from './transaction.ts';

/**
 * From one commit to the next, at least. In a burst some ten messages share one, and a message that
 * comes alone is written at once.
 */
const BETWEEN_COMMITS_MS = 5;

/** On a slow disk the time between two commits is so many times what the last one took. */
const SHARE_OF_COMMITS = 3;
const LONGEST_BETWEEN_MS = 50;

interface Commit {
	readonly instanceId: InstanceId;
	readonly changes: readonly AuthChange[];
	readonly journal: readonly NewJournalEntry[];
}

interface WaitingCommit extends Commit {
	readonly done: PromiseWithResolvers<JournalEntry[]>;
}

/**
 * The secrets of each instance's session: what links it to a phone, and the ratchets that open and
 * close messages. They change with every message, so `commit` is the most frequent write of all.
 *
 * Waiting for the disk is most of what a commit costs. So those of one moment, of whichever
 * instances, wait for it together; where they fail together, each is tried by itself.
 */
export class AuthStateRepository implements AuthStateStore {
	readonly #db: Kysely<Schema>;
	readonly #dialect: DialectName;
	readonly #box: SecretBox;
	#waiting: WaitingCommit[] = [];
	#nextCommitAt = 0;

	constructor(db: Kysely<Schema>, dialect: DialectName, box: SecretBox) {
		this.#db = db;
		this.#dialect = dialect;
		this.#box = box;
	}

	async get(
		instanceId: InstanceId,
		type: string,
		ids: readonly string[],
	): Promise<ReadonlyMap<string, Uint8Array>> {
		const found = new Map<string, Uint8Array>();
		for (const some of chunks(ids)) {
			const rows = await this.#db
				.selectFrom('auth_state')
				.select(['id', 'sealed_value'])
				.where('instance_id', '=', instanceId)
				.where('type', '=', type)
				.where('id', 'in', some)
				.execute();
			for (const { id, sealed_value } of rows) {
				found.set(id, this.#box.open(sealed_value, owner(instanceId, type, id)));
			}
		}
		return found;
	}

	async commit(
		instanceId: InstanceId,
		changes: readonly AuthChange[],
		journal: readonly NewJournalEntry[] = [],
	): Promise<JournalEntry[]> {
		if (changes.length === 0 && journal.length === 0) return [];
		const commit = { instanceId, changes: lastOfEach(changes), journal };
		if (this.#db.isTransaction) return this.#write(this.#db, commit);
		if (this.#waiting.length === 0) this.#commitSoon();
		const done = Promise.withResolvers<JournalEntry[]>();
		this.#waiting.push({ ...commit, done });
		return done.promise;
	}

	async wipe(instanceId: InstanceId): Promise<void> {
		await this.#db.deleteFrom('auth_state').where('instance_id', '=', instanceId).execute();
	}

	#commitSoon(): void {
		const waitMs = this.#nextCommitAt - performance.now();
		const commit = () => void this.#commitWaiting();
		if (waitMs > 0) setTimeout(commit, waitMs);
		else setImmediate(commit);
	}

	async #commitWaiting(): Promise<void> {
		const together = this.#waiting.splice(0);
		try {
			await this.#commitAll(together);
		} catch (error) {
			const [first, ...others] = together;
			if (others.length === 0) first?.done.reject(error);
			else for (const alone of together) await this.#commitAll([alone]).catch(alone.done.reject);
		}
	}

	async #commitAll(commits: readonly WaitingCommit[]): Promise<void> {
		const startedAt = performance.now();
		const entries = await inTransaction(this.#db, async (db) => {
			const written: JournalEntry[][] = [];
			for (const commit of commits) written.push(await this.#write(db, commit));
			return written;
		});
		const endedAt = performance.now();
		const betweenMs = Math.max(BETWEEN_COMMITS_MS, SHARE_OF_COMMITS * (endedAt - startedAt));
		this.#nextCommitAt = endedAt + Math.min(betweenMs, LONGEST_BETWEEN_MS);
		for (const [index, { done }] of commits.entries()) done.resolve(entries[index]!);
	}

	async #write(
		db: Kysely<Schema>,
		{ instanceId, changes, journal }: Commit,
	): Promise<JournalEntry[]> {
		await this.#set(db, instanceId, changes);
		await this.#unset(db, instanceId, changes);
		return new JournalRepository(db, this.#dialect, this.#box).add(instanceId, journal);
	}

	async #set(
		db: Kysely<Schema>,
		instanceId: InstanceId,
		changes: readonly AuthChange[],
	): Promise<void> {
		const rows = changes.flatMap(({ type, id, value }) => {
			if (value === null) return [];
			const sealed = this.#box.seal(value, owner(instanceId, type, id));
			return [{ instance_id: instanceId, type, id, sealed_value: sealed }];
		});
		for (const some of chunks(rows)) {
			await db
				.insertInto('auth_state')
				.values(some)
				.onConflict((conflict) =>
					conflict
						.columns(['instance_id', 'type', 'id'])
						.doUpdateSet((eb) => ({ sealed_value: eb.ref('excluded.sealed_value') })),
				)
				.execute();
		}
	}

	async #unset(
		db: Kysely<Schema>,
		instanceId: InstanceId,
		changes: readonly AuthChange[],
	): Promise<void> {
		const unset = changes.filter(({ value }) => value === null);
		for (const type of new Set(unset.map((change) => change.type))) {
			const ids = unset.filter((change) => change.type === type).map(({ id }) => id);
			for (const some of chunks(ids)) {
				await db
					.deleteFrom('auth_state')
					.where('instance_id', '=', instanceId)
					.where('type', '=', type)
					.where('id', 'in', some)
					.execute();
			}
		}
	}
}

/** Postgres refuses to set a row twice in one statement; the last word on a secret counts. */
function lastOfEach(changes: readonly AuthChange[]): AuthChange[] {
	const last = new Map(changes.map((change) => [JSON.stringify([change.type, change.id]), change]));
	return [...last.values()];
}

function owner(instanceId: InstanceId, type: string, id: string): string[] {
	return ['auth_state', instanceId, type, id];
}
