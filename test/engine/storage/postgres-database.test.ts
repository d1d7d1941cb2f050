import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase } from '../../../engine/src/storage/database.ts';
import { freshDatabase } from '../../support/postgres.ts';
import { eventually, silentLog } from '../../support/system.ts';

const PASSWORD = 'hunter2/?#';

describe('The Postgres database', () => {
	let url: string;
	let admin: pg.Client;

	beforeAll(async () => {
		url = await freshDatabase('storage');
		admin = new pg.Client({ connectionString: url });
		await admin.connect();
	});

	afterAll(() => admin.end());

	it('reads instants and counts as numbers', async () => {
		const { db, close } = await openDatabase({ url: await freshDatabase(), log: silentLog });
		await db
			.insertInto('customers')
			.values({ id: 'cust_1', name: 'a', created_at: 1_893_456_000_000 })
			.execute();

		const row = await db.selectFrom('customers').selectAll().executeTakeFirstOrThrow();

		expect(row.created_at).toBe(1_893_456_000_000);
		await close();
	});

	it('goes on after its connections broke, and says that they did', async () => {
		const fresh = await freshDatabase();
		const warnings: string[] = [];
		const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
		const { db, close } = await openDatabase({ url: fresh, log });

		await breakConnections(fresh);
		await eventually(() => warnings.length > 0);

		expect(await db.selectFrom('settings').selectAll().execute()).toEqual([]);
		expect(warnings[0]).toBe('a database connection broke');
		await close();
	});

	it('takes back a transaction whose connection breaks while it waits for something else', async () => {
		const fresh = await freshDatabase();
		const warnings: string[] = [];
		const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) };
		const { db, close } = await openDatabase({ url: fresh, log });

		const attempt = db.transaction().execute(async (transaction) => {
			await transaction.insertInto('settings').values({ name: 'a', value: '1' }).execute();
			await breakConnections(fresh);
			await eventually(() => warnings.length > 0);
			await transaction.insertInto('settings').values({ name: 'b', value: '1' }).execute();
		});

		await expect(attempt).rejects.toThrow();
		expect(await db.selectFrom('settings').selectAll().execute()).toEqual([]);
		await close();
	});

	describe('cannot be opened', () => {
		it('where nothing listens', async () => {
			await expectFault(changed({ port: String(await closedPort()) }), 'server_unreachable');
		});

		it('when there is no such database', async () => {
			await expectFault(changed({ pathname: '/nowhere' }), 'database_missing');
		});

		it('by a user whom the server does not know', async () => {
			await expectFault(changed({ username: 'stranger' }), 'access_refused');
		});

		it('with a wrong password, or with none', async () => {
			await admin.query(`create role guarded login password 'right'`);
			await requirePassword('guarded');

			await expectFault(changed({ username: 'guarded' }), 'access_refused');
			await expectFault(changed({ username: 'guarded', password: '' }), 'access_refused');
		});

		it('by a user who may not make tables', async () => {
			await admin.query(`create role guest login password 'x'`);
			await admin.query('revoke create on schema public from public');

			await expectFault(changed({ username: 'guest' }), 'access_refused');
		});

		it('from what is not the URL of a Postgres database', async () => {
			for (const wrong of ['localhost:5432', 'mysql://u:p@h/d', 'postgres://u:%zz@h/d', '']) {
				await expectFault(wrong, 'url_invalid');
			}
		});
	});

	function changed(parts: Partial<URL>): string {
		return Object.assign(new URL(url), { password: PASSWORD }, parts).href;
	}

	async function breakConnections(of: string): Promise<void> {
		await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
			new URL(of).pathname.slice(1),
		]);
	}

	/** The server trusts everyone on this machine. For this one user it asks from now on. */
	async function requirePassword(user: string): Promise<void> {
		const { rows } = await admin.query('show hba_file');
		const file = admin.escapeLiteral(rows[0].hba_file);
		const rule = `host all ${user} 127.0.0.1/32 scram-sha-256`;
		await admin.query(`
			create temporary table rules (place serial, rule text);
			insert into rules (rule) values (${admin.escapeLiteral(rule)});
			copy rules (rule) from ${file};
			copy (select rule from rules order by place) to ${file};
			select pg_reload_conf();
		`);
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
});

async function expectFault(url: string, code: string): Promise<void> {
	const error = await openDatabase({ url, log: silentLog }).then(
		() => undefined,
		(fault: unknown) => fault as Error & { code: string; hint: string },
	);

	expect(error).toMatchObject({ name: 'StorageError', code });
	expect(error?.message).toMatch(/^[A-Z].*\.$/);
	expect(error?.hint).toMatch(/^[A-Z].*\.$/);
	expect(`${error?.message} ${String(error?.cause)}`).not.toMatch(/hunter2|%zz/);
}

async function closedPort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}
