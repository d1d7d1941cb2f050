import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import pg from 'pg';
import { freshDatabase } from './postgres.ts';

const SETUP = fileURLToPath(new URL('./postgres-setup.mjs', import.meta.url));

it('gives every test an empty database of its own', async () => {
	const [first, second] = await Promise.all([freshDatabase(), freshDatabase()]);
	await query(first, 'create table only_here (id int)');

	expect(await tablesOf(first)).toEqual(['only_here']);
	expect(await tablesOf(second)).toEqual([]);
});

it('stops the server of a run that was killed', async () => {
	const run = spawn(process.execPath, ['--input-type=module', '-e', RUN_WITHOUT_END], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const [address] = await once(createInterface({ input: run.stdout }), 'line');
	await expect(query(address, 'select 1')).resolves.toHaveLength(1);

	run.kill('SIGKILL');

	await expect(untilRefused(address)).resolves.toBe('ECONNREFUSED');
});

const RUN_WITHOUT_END = `
	import startPostgres from ${JSON.stringify(SETUP)};
	await startPostgres();
	console.log(process.env.WHATISUP_TEST_POSTGRES);
	setInterval(() => {}, 60_000);
`;

async function untilRefused(address: string): Promise<unknown> {
	for (;;) {
		try {
			await query(address, 'select 1');
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === 'ECONNREFUSED') return code;
		}
	}
}

async function tablesOf(address: string): Promise<unknown[]> {
	const tables = `select tablename from pg_tables where schemaname = 'public'`;
	return (await query(address, tables)).map(({ tablename }) => tablename);
}

async function query(address: string, sql: string): Promise<Record<string, unknown>[]> {
	const client = new pg.Client({ connectionString: address });
	client.on('error', () => {});
	await client.connect();
	try {
		return (await client.query<Record<string, unknown>>(sql)).rows;
	} finally {
		await client.end();
	}
}
