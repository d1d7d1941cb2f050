import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

interface Options {
	readonly cacheFolder: string;
	readonly npmFlags?: readonly string[];
	readonly check?: (folder: string) => Promise<void>;
	readonly say?: (text: string) => void;
}

const { installToolFolder } = (await import(
	new URL('./tool-folder.mjs', import.meta.url).href
)) as { installToolFolder: (lockFolder: string, options: Options) => Promise<string> };

// npm takes a second or so to start, and more on a busy machine.
jest.setTimeout(60_000);

let place: string;
let cacheFolder: string;

beforeEach(async () => {
	place = await mkdtemp(join(tmpdir(), 'whatisup-tool-'));
	cacheFolder = join(place, 'cache');
});

afterEach(() => rm(place, { recursive: true }));

describe('a tool folder', () => {
	it('is named after the lock folder and installed once', async () => {
		const lockFolder = await tool('1.0.0');
		const told: string[] = [];
		const say = (text: string) => told.push(text);

		const first = await installToolFolder(lockFolder, { cacheFolder, say });
		const second = await installToolFolder(lockFolder, { cacheFolder, say });

		expect(first).toMatch(/\/cache\/lathe-[0-9a-f]{16}$/);
		expect(second).toBe(first);
		expect(told).toHaveLength(1);
		expect(JSON.parse(await readFile(join(first, 'package.json'), 'utf8'))).toMatchObject({
			version: '1.0.0',
		});
	});

	it('is another one when what it is made from changes', async () => {
		const before = await installToolFolder(await tool('1.0.0'), { cacheFolder });
		const after = await installToolFolder(await tool('1.0.1'), { cacheFolder });

		expect(after).not.toBe(before);
	});

	it('leaves nothing behind when its check fails, and is installed again', async () => {
		const lockFolder = await tool('1.0.0');
		const check = () => Promise.reject(new Error('it does not turn'));

		await expect(installToolFolder(lockFolder, { cacheFolder, check })).rejects.toThrow(
			'it does not turn',
		);

		expect(await readdir(cacheFolder)).toEqual([]);
		await expect(installToolFolder(lockFolder, { cacheFolder })).resolves.toBeDefined();
	});

	it('fails with what npm said when the lock cannot be read', async () => {
		const lockFolder = await tool('1.0.0');
		await writeFile(join(lockFolder, 'package-lock.json'), '{');

		await expect(installToolFolder(lockFolder, { cacheFolder })).rejects.toMatchObject({
			message: expect.stringContaining('npm ci'),
			output: expect.stringContaining('package-lock.json'),
		});
		expect(await readdir(cacheFolder)).toEqual([]);
	});

	it('can be installed twice at once', async () => {
		const lockFolder = await tool('1.0.0');

		const folders = await Promise.all([
			installToolFolder(lockFolder, { cacheFolder }),
			installToolFolder(lockFolder, { cacheFolder }),
		]);

		expect(new Set(folders).size).toBe(1);
		expect(await readdir(cacheFolder)).toHaveLength(1);
	});
});

/** A tool without dependencies, so that npm needs no registry. */
async function tool(version: string): Promise<string> {
	const folder = join(place, 'lathe');
	await mkdir(folder, { recursive: true });
	const manifest = { name: 'lathe', version };
	const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { '': manifest } };
	await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
	await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
	return folder;
}
