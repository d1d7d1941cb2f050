import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ICredentialType, INodeType } from 'n8n-workflow';
import { PackageFolder } from './support/package-folder';

const run = promisify(execFile);

/** Installing the scanner into an empty cache takes most of it. */
const SCAN_TIMEOUT_MS = 300_000;

const manifest = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
	name: string;
	main: string;
	dependencies?: unknown;
	peerDependencies: unknown;
	n8n: { nodes: string[]; credentials: string[] };
};
let source: PackageFolder;
let packed: string;

beforeAll(async () => {
	source = await PackageFolder.build();
	packed = await source.pack();
}, 120_000);

afterAll(() => source?.remove());

describe('the package', () => {
	it('has no dependencies, so that n8n can verify it', () => {
		expect(manifest).not.toHaveProperty('dependencies');
		expect(manifest).not.toHaveProperty('optionalDependencies');
		expect(manifest).not.toHaveProperty('bundledDependencies');
		expect(manifest.peerDependencies).toEqual({ 'n8n-workflow': '*' });
	});

	it('holds every file that package.json promises to n8n', async () => {
		for (const file of [...manifest.n8n.nodes, ...manifest.n8n.credentials]) {
			await expect(stat(join(packed, file))).resolves.toBeDefined();
		}
	});

	it.each(manifest.n8n.nodes)('loads %s', (file) => {
		const { description } = load<INodeType>(file);

		expect(description.name).toMatch(/^whatIsUp(Trigger)?$/);
		expect(description.credentials).toEqual([{ name: 'whatIsUpApi', required: true }]);
	});

	it.each(manifest.n8n.credentials)('loads %s', (file) => {
		expect(load<ICredentialType>(file)).toMatchObject({
			name: 'whatIsUpApi',
			test: { request: { url: '/v1/instances' } },
		});
	});

	it.each([...manifest.n8n.nodes, ...manifest.n8n.credentials])(
		'holds the icons of %s, light and dark, which differ',
		async (file) => {
			const loaded = load<Partial<INodeType & ICredentialType>>(file);
			const icon = (loaded.description?.icon ?? loaded.icon) as { light: string; dark: string };

			const [light, dark] = await Promise.all(
				[icon.light, icon.dark].map((path) => {
					return readFile(join(packed, dirname(file), path.replace(/^file:/, '')), 'utf8');
				}),
			);

			expect(light).toMatch(/^<svg [^>]*viewBox="0 0 60 60"/);
			expect(dark).toMatch(/^<svg [^>]*viewBox="0 0 60 60"/);
			expect(light).not.toBe(dark);
		},
	);

	it.each(manifest.n8n.nodes)('says where n8n files %s', async (file) => {
		const codex = JSON.parse(await readFile(join(packed, codexOf(file)), 'utf8')) as unknown;

		expect(codex).toMatchObject({
			node: `${manifest.name}.${load<INodeType>(file).description.name}`,
			categories: ['Communication'],
		});
	});

	it('has an entry point, which n8n does not use', () => {
		expect(createRequire(__filename)(join(packed, manifest.main))).toEqual({});
	});
});

describe('the package scanner of n8n', () => {
	it('is locked to packages, but to no registry', async () => {
		const lock = await readFile(resolve(__dirname, '../scan/package-lock.json'), 'utf8');

		expect(lock).toContain('"integrity"');
		expect(lock).not.toContain('"resolved"');
	});

	it(
		'finds nothing in the sources',
		async () => {
			expect(await scan('source', source.path)).toEqual({ passed: true });
		},
		SCAN_TIMEOUT_MS,
	);

	it(
		'finds nothing in the tarball',
		async () => {
			expect(await scan('tarball', packed)).toEqual({ passed: true });
		},
		SCAN_TIMEOUT_MS,
	);

	it(
		'finds what is put into a copy of the sources',
		async () => {
			const file = 'nodes/WhatIsUpTrigger/signature.ts';

			const verdict = await scanSpoiled(
				'source',
				file,
				(text) => `${text}\nsetTimeout(eval, 1);\n`,
			);

			expect(verdict).toMatchObject({
				passed: false,
				details: expect.stringContaining('no-restricted-globals'),
			});
		},
		SCAN_TIMEOUT_MS,
	);

	it(
		'finds what is put into a copy of the tarball',
		async () => {
			const verdict = await scanSpoiled('tarball', 'package.json', (text) =>
				JSON.stringify({ ...JSON.parse(text), dependencies: { lodash: '4.17.21' } }),
			);

			expect(verdict).toMatchObject({
				passed: false,
				details: expect.stringContaining('no-runtime-dependencies'),
			});
		},
		SCAN_TIMEOUT_MS,
	);
});

/** Loads a file of the package the way n8n does: the class is named like the file. */
function load<Loaded>(file: string): Loaded {
	const [className = ''] = file.split('/').at(-1)?.split('.') ?? [];
	const exported = createRequire(__filename)(join(packed, file)) as Record<
		string,
		new () => Loaded
	>;
	return new exported[className]!();
}

function codexOf(file: string): string {
	return file.replace(/\.js$/, '.json');
}

type Kind = 'source' | 'tarball';

async function scan(kind: Kind, folder: string): Promise<unknown> {
	const script = resolve(__dirname, '../scan/analyze.mjs');
	const { stdout } = await run(process.execPath, [script, kind, folder]);
	return JSON.parse(stdout);
}

async function scanSpoiled(
	kind: Kind,
	file: string,
	spoil: (text: string) => string,
): Promise<unknown> {
	const copy = `${source.path}-spoiled-${kind}`;
	try {
		await cp(kind === 'source' ? source.path : packed, copy, { recursive: true });
		const text = await readFile(join(copy, file), 'utf8');
		await writeFile(join(copy, file), spoil(text));
		return await scan(kind, copy);
	} finally {
		await rm(copy, { recursive: true, force: true });
	}
}
