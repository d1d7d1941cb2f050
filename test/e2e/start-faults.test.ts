import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineProcess, temporaryDir, type EngineOptions } from '../support/engine-process.ts';
import { freshDatabase } from '../support/postgres.ts';

/** The user `nobody`: permissions mean nothing to root, as which tests may run. */
const NOBODY = 65_534;
const KEY = 'k'.repeat(40);
const OTHER_KEY = 'o'.repeat(40);

/** Each fault: one line that says what is wrong and what to do, and an exit code that is not zero. */
describe('an engine that cannot start', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let dataDir: string;

	beforeEach(async () => {
		dir = await temporaryDir();
		await chmod(dir.path, 0o755);
		dataDir = join(dir.path, 'data');
	});

	afterEach(() => dir.dispose());

	it('names a data directory that cannot be made', async () => {
		await writeFile(join(dir.path, 'file'), '');

		const line = await faultOf({ dataDir: join(dir.path, 'file', 'data') });

		expect(line).toMatch(/file\/data is not a directory\. .*WHATISUP_DATA_DIR/);
	});

	it('names a data directory that is read-only for it', async () => {
		await mkdir(dataDir);
		await chown(dataDir, NOBODY, NOBODY);
		await chmod(dataDir, 0o555);

		const line = await faultOf({ dataDir, uid: NOBODY });

		expect(line).toMatch(/may not read and write .*data.*\. .*chown/);
	});

	it('names the owner of a data directory that belongs to another user', async () => {
		await mkdir(dataDir, { mode: 0o700 });

		const line = await faultOf({ dataDir, uid: NOBODY });

		expect(line).toMatch(/it belongs to user 0, not to 65534\. .*chown/);
		expect(await readdir(dataDir)).toEqual([]);
	});

	it('names a port that is in use', async () => {
		const other = createServer().listen(0, '127.0.0.1');
		await new Promise((resolve) => other.once('listening', resolve));
		const { port } = other.address() as AddressInfo;

		const line = await faultOf({ dataDir, env: { WHATISUP_PORT: String(port) } });
		other.close();

		expect(line).toMatch(
			new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use\\. .*WHATISUP_PORT`),
		);
	});

	it('still shows the keys at the first start that succeeds', async () => {
		const noKeys = { WHATISUP_LIVE_KEY: '', WHATISUP_TEST_KEY: '' };
		const other = createServer().listen(0, '127.0.0.1');
		await new Promise((resolve) => other.once('listening', resolve));
		const { port } = other.address() as AddressInfo;
		await faultOf({ dataDir, env: { ...noKeys, WHATISUP_PORT: String(port) } });
		other.close();

		const engine = await EngineProcess.start({ dataDir, env: noKeys });
		await engine.stop();

		expect(engine.output).toMatch(/zpk_live_/);
		expect(engine.output).toMatch(/zpk_test_/);
	});

	it('refuses a data directory that another engine uses', async () => {
		const first = await EngineProcess.start({ dataDir });

		const line = await faultOf({ dataDir });
		await first.stop();

		expect(line).toMatch(/engine/i);
	});

	it.each([
		['SECRETS_KEY', 'embedded'],
		['API_KEY_PEPPER', 'embedded'],
		['SECRETS_KEY', 'Postgres'],
		['API_KEY_PEPPER', 'Postgres'],
	])(
		'refuses another %s than the data was made with (%s), and loses nothing',
		async (name, mode) => {
			const env: Record<string, string> = { SECRETS_KEY: KEY, API_KEY_PEPPER: KEY };
			if (mode === 'Postgres') env['DATABASE_URL'] = await freshDatabase();
			const first = await EngineProcess.start({ dataDir, env });
			await first.call('POST', '/v1/instances', { name: 'kept' });
			await first.stop();

			const line = await faultOf({ dataDir, env: { ...env, [name]: OTHER_KEY } });

			expect(line).toMatch(name);
			expect(line).not.toContain(OTHER_KEY);
			const again = await EngineProcess.start({ dataDir, env });
			const { data } = await again.call<{ data: { name: string }[] }>('GET', '/v1/instances');
			expect(data).toMatchObject([{ name: 'kept' }]);
			await again.stop();
		},
	);

	it('refuses to make secrets of its own beside Postgres', async () => {
		const lines = await faultsOf({
			dataDir,
			env: { DATABASE_URL: 'postgres://engine:hidden@127.0.0.1:1/engine' },
		});

		expect(lines).toEqual([
			expect.stringMatching(/SECRETS_KEY must be set/),
			expect.stringMatching(/API_KEY_PEPPER must be set/),
		]);
	});

	it('says that Postgres cannot be reached, and does not print the password', async () => {
		const line = await faultOf({
			dataDir,
			env: {
				DATABASE_URL: 'postgres://engine:hidden@127.0.0.1:1/engine',
				SECRETS_KEY: KEY,
				API_KEY_PEPPER: KEY,
			},
		});

		expect(line).toMatch(/127\.0\.0\.1:1/);
		expect(line).not.toMatch('hidden');
	});

	it('names every wrong setting at once', async () => {
		const lines = await faultsOf({
			dataDir,
			env: { WHATISUP_PORT: 'web', LOG_LEVEL: 'loud', WHATISUP_COLOUR: 'green' },
		});

		expect(lines).toHaveLength(3);
	});

	it('does not take a file for its database that is none', async () => {
		await mkdir(dataDir);
		await writeFile(
			join(dataDir, 'engine.sqlite'),
			'This is a letter, not a database. '.repeat(99),
		);

		expect(await faultOf({ dataDir })).toMatch(/engine\.sqlite/);
	});

	async function faultOf(options: EngineOptions): Promise<string> {
		const lines = await faultsOf(options);
		expect(lines).toHaveLength(1);
		return lines[0]!;
	}

	async function faultsOf(options: EngineOptions): Promise<string[]> {
		const engine = new EngineProcess(options);
		const { code } = await engine.exited;
		expect(code).toBe(1);
		expect(engine.output).not.toMatch(/^\s+at /m);
		const lines = engine.output.trim().split('\n');
		for (const line of lines) expect(line).toMatch(/^whatisup-engine: /);
		return lines;
	}
});
