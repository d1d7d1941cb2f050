import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
	chmodSync,
	chownSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import { openDatabase, type Database } from '../../../engine/src/storage/database.ts';
import { silentLog } from '../../support/system.ts';

const OPENING_PROCESS = fileURLToPath(new URL('./opening-process.ts', import.meta.url));

/** `nobody`. Tests may run as root, whom no permission keeps from anything. */
const NOBODY = 65_534;

const SQLITE_HEADER_BYTES = 100;

/** Some tests start processes, which takes its time where many tests run at once. */
jest.setTimeout(30_000);

describe('The SQLite file', () => {
	let folder: string;
	let file: string;
	let processes: ChildProcess[];

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), 'whatisup-sqlite-'));
		file = join(folder, 'engine.sqlite');
		processes = [];
	});

	afterEach(async () => {
		await Promise.all(processes.map(kill));
		rmSync(folder, { recursive: true, force: true });
	});

	it('has every commit on the disk before anyone is told', async () => {
		const database = await open();

		expect(await pragma(database, 'journal_mode')).toBe('wal');
		expect(await pragma(database, 'synchronous')).toBe(2);
		expect(await pragma(database, 'foreign_keys')).toBe(1);
		await database.close();
	});

	it('is for the eyes of its owner only', async () => {
		const database = await open();

		for (const name of [file, `${file}-wal`, `${file}.lock`]) {
			expect(statSync(name).mode & 0o777).toBe(0o600);
		}
		await database.close();
	});

	it('can be read by other programs while the engine runs', async () => {
		const database = await open();
		await database.db.insertInto('settings').values({ name: 'a', value: 'b' }).execute();

		const reader = new DatabaseSync(file, { readOnly: true });

		expect(reader.prepare('select value from settings').all()).toMatchObject([{ value: 'b' }]);
		reader.close();
		await database.close();
	});

	it('serves one engine at a time, by whatever path the second one comes', async () => {
		const first = await open();
		const link = join(folder, 'link.sqlite');
		symlinkSync(file, link);

		for (const path of [file, link]) {
			await expect(open(path)).rejects.toMatchObject({
				code: 'file_in_use',
				message: expect.stringMatching(/^Another engine is running on /),
			});
		}
		await first.close();
		await (await open()).close();
	});

	it('is free again as soon as its engine was killed', async () => {
		const engine = start(file);
		expect(await firstLine(engine)).toBe('open');
		await expect(open()).rejects.toMatchObject({ code: 'file_in_use' });

		await kill(engine);

		await (await open()).close();
	});

	it('outlives a full disk', async () => {
		const { db, close } = await open();
		await sql`pragma max_page_count = 100`.execute(db);

		const attempt = db.transaction().execute(async (transaction) => {
			for (const name of ['a', 'b', 'c']) {
				const value = 'x'.repeat(200_000);
				await transaction.insertInto('settings').values({ name, value }).execute();
			}
		});

		await expect(attempt).rejects.toThrow('database or disk is full');
		await db.insertInto('settings').values({ name: 'd', value: 'small' }).execute();
		const names = await db.selectFrom('settings').select('name').execute();
		expect(names.map(({ name }) => name)).toEqual(['d']);
		await close();
	});

	describe('cannot be opened', () => {
		it('in a folder that is not there, or in a file', async () => {
			writeFileSync(join(folder, 'a-file'), '');

			await expectFault(
				open(join(folder, 'nowhere', 'engine.sqlite')),
				'file_unavailable',
				/folder/,
			);
			await expectFault(
				open(join(folder, 'a-file', 'engine.sqlite')),
				'file_unavailable',
				/folder/,
			);
		});

		it('when it is a folder', async () => {
			mkdirSync(file);

			await expectFault(open(), 'file_unavailable', /not a file/);
		});

		it('when it holds something else', async () => {
			writeFileSync(file, 'Dear diary, '.repeat(1_000));

			await expectFault(open(), 'file_not_a_database', /not an SQLite database/);
		});

		it('when it is damaged', async () => {
			await (await open()).close();
			const bytes = readFileSync(file);
			bytes.fill(0x5a, SQLITE_HEADER_BYTES);
			writeFileSync(file, bytes);

			await expectFault(open(), 'file_not_a_database', /damaged/);
		});

		it('in a folder where nobody may write', async () => {
			chmodSync(folder, 0o555);

			const fault = await faultOfNobody(file);

			expect(fault).toMatchObject({ code: 'file_unavailable' });
			expect(fault.message).toBe(`Cannot use ${file}: permission denied.`);
		});

		it('when it may only be read', async () => {
			await (await open()).close();
			giveAway(folder, file, `${file}.lock`);
			chmodSync(file, 0o444);

			const fault = await faultOfNobody(file);

			expect(fault).toMatchObject({ code: 'file_unavailable' });
			expect(fault.message).toBe(`Cannot use ${file}: permission denied.`);
		});

		it('when its folder takes no log beside it', async () => {
			await (await open()).close();
			giveAway(folder, file, `${file}.lock`);
			chmodSync(folder, 0o555);

			expect(await faultOfNobody(file)).toMatchObject({ code: 'file_unavailable' });
		});
	});

	function open(path = file): Promise<Database> {
		return openDatabase({ file: path, log: silentLog });
	}

	function start(path: string, user: { uid?: number } = {}): ChildProcess {
		const child = spawn(process.execPath, [OPENING_PROCESS, path], {
			...user,
			stdio: ['pipe', 'pipe', 'inherit'],
			cwd: '/',
		});
		processes.push(child);
		return child;
	}

	async function faultOfNobody(path: string): Promise<{ code: string; message: string }> {
		const user = process.getuid?.() === 0 ? { uid: NOBODY } : {};
		return JSON.parse(await firstLine(start(path, user)));
	}
});

async function expectFault(attempt: Promise<unknown>, code: string, message: RegExp) {
	await expect(attempt).rejects.toMatchObject({
		name: 'StorageError',
		code,
		message: expect.stringMatching(message),
		hint: expect.stringMatching(/^[A-Z].*\.$/),
	});
}

/** Under a user who is not root the files are nobody's but ours already. */
function giveAway(...paths: string[]): void {
	if (process.getuid?.() !== 0) return;
	for (const path of paths) chownSync(path, NOBODY, NOBODY);
}

async function firstLine(child: ChildProcess): Promise<string> {
	const [line] = await once(createInterface({ input: child.stdout! }), 'line');
	return line;
}

async function kill(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, 'exit');
	child.kill('SIGKILL');
	await gone;
}

async function pragma({ db }: Database, name: string): Promise<unknown> {
	const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db);
	return rows[0]![name];
}
