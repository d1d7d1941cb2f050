import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { factsOf, type SourceFacts } from './support/source-facts.ts';

const ENGINE = 'engine/src';
const INNER = [`${ENGINE}/app`, `${ENGINE}/domain`];
const ADAPTERS = ['drivers', 'http', 'net', 'sandbox', 'storage', 'coordination'].map(
	(name) => `${ENGINE}/${name}`,
);
const DRIVERS = [`${ENGINE}/drivers/baileys`, `${ENGINE}/drivers/cloud`];

const SETTINGS = [`${ENGINE}/config`, `${ENGINE}/version`];

/**
 * Who may import whom: an area may reach only itself and the areas named beside it.
 *
 *   main -> compose -> adapters -> app -> domain
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
	[`${ENGINE}/domain`]: [],
	[`${ENGINE}/app`]: [`${ENGINE}/domain`],
	...Object.fromEntries(ADAPTERS.map((area) => [area, INNER])),
	...Object.fromEntries(DRIVERS.map((area) => [area, [...INNER, `${ENGINE}/drivers`]])),
	[`${ENGINE}/version`]: [],
	[`${ENGINE}/config`]: INNER,
	[`${ENGINE}/compose`]: [...SETTINGS, ...INNER, ...ADAPTERS, ...DRIVERS],
	[`${ENGINE}/main`]: [`${ENGINE}/compose`, ...SETTINGS, ...INNER, ...ADAPTERS, ...DRIVERS],
	nodes: [],
	credentials: [],
};

/** Where a library's name may appear. To replace a library is then to rewrite one folder. */
const HOMES: Record<string, readonly string[]> = {
	'@fastify/swagger': [`${ENGINE}/http`],
	'@whiskeysockets/baileys': [`${ENGINE}/drivers/baileys`, `${ENGINE}/sandbox`],
	croner: [`${ENGINE}/coordination`],
	fastify: [`${ENGINE}/http`],
	'fastify-type-provider-zod': [`${ENGINE}/http`],
	'ipaddr.js': [`${ENGINE}/net`],
	kysely: [`${ENGINE}/storage`],
	libsignal: [`${ENGINE}/sandbox`, `${ENGINE}/drivers/baileys`],
	'n8n-workflow': ['nodes', 'credentials'],
	'openapi-types': [`${ENGINE}/http`],
	'node:sqlite': [`${ENGINE}/storage`, `${ENGINE}/sandbox`],
	pg: [`${ENGINE}/storage`],
	pino: [`${ENGINE}/main`, `${ENGINE}/compose`, `${ENGINE}/http`],
	qrcode: [`${ENGINE}/drivers`],
	undici: [`${ENGINE}/net`],
	uuidv7: [`${ENGINE}/coordination`],
	ws: [`${ENGINE}/sandbox`, `${ENGINE}/drivers/baileys`],
	zod: [`${ENGINE}/http`, `${ENGINE}/config`],
};

/** The areas that get no more of Node than this. The rest of the engine may use all of it. */
const NODE_MODULES_OF: Record<string, readonly string[]> = {
	[`${ENGINE}/domain`]: ['node:crypto'],
	[`${ENGINE}/app`]: ['node:crypto'],
	nodes: ['node:crypto'],
	credentials: [],
};

const TIME = anyOf(/new Date\(\)/, /(Date|performance)\.now/, /set(Timeout|Interval|Immediate)/);
const CHANCE = anyOf(/Math\.random/, /(.+\.)?(random(Bytes|Int|UUID)|getRandomValues)/);
const OUTSIDE_WORLD = anyOf(/process/, /fetch/, /console/);
const ENVIRONMENT = anyOf(/process\.env/, /process$/);
const END = anyOf(/process\.(exit|exitCode|abort|kill)/);
const SWITCHED_OFF = anyOf(/[xf](it|test|describe)/, /(it|test|describe)\.(.+\.)?(only|skip|todo)/);

const MAX_LINES = 400;
/** A migration is a list that nobody edits again. */
const MAY_BE_LONGER = `${ENGINE}/storage/migrations`;

const sources = read('engine/src/**/*.ts', 'nodes/**/*.ts', 'credentials/**/*.ts');
const tests = read('test/**/*.{ts,mjs}');
const scripts = read('scripts/**/*.mjs');

describe('The source', () => {
	it('follows the arrows', () => {
		expect(brokenArrows(sources)).toEqual([]);
	});

	it('names each library in its own place only', () => {
		expect(strayLibraries(sources)).toEqual([]);
	});

	it('has a place for every library that the engine installs', () => {
		const { dependencies } = JSON.parse(readFileSync('engine/package.json', 'utf8'));

		expect(Object.keys(HOMES)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
	});

	it.each([
		['the time', TIME],
		['chance', CHANCE],
		['the outside world', OUTSIDE_WORLD],
	])('keeps %s out of the domain', (_, pattern) => {
		expect(uses(sources, pattern, isIn(`${ENGINE}/domain`))).toEqual([]);
	});

	it('asks a port for the time in app', () => {
		expect(uses(sources, TIME, isIn(`${ENGINE}/app`))).toEqual([]);
	});

	it('reads the environment in config.ts only', () => {
		expect(uses(sources, ENVIRONMENT, isNot(`${ENGINE}/config.ts`))).toEqual([]);
	});

	it('ends the process in main.ts only', () => {
		expect(uses(sources, END, isNot(`${ENGINE}/main.ts`))).toEqual([]);
	});

	it('has no test that is switched off', () => {
		expect(uses(tests, SWITCHED_OFF)).toEqual([]);
	});

	it('keeps every file short enough to read', () => {
		const all = Object.entries({ ...sources, ...tests, ...scripts });
		const tooLong = all.filter(([, text]) => linesOf(text) > MAX_LINES).map(([file]) => file);

		expect(tooLong.filter((file) => !lies(file, MAY_BE_LONGER))).toEqual([]);
	});
});

describe('The rules above', () => {
	it.each([
		[`${ENGINE}/domain/retry.ts`, `import { z } from '../http/schemas.ts';`],
		[`${ENGINE}/http/server.ts`, `import type { Rows } from '../storage/schema.ts';`],
		[`${ENGINE}/app/ports.ts`, `export * from '../drivers/baileys/driver.ts';`],
		[`${ENGINE}/drivers/cloud/driver.ts`, `await import('../baileys/driver.ts');`],
		[`${ENGINE}/storage/open.ts`, `type Config = import('../config.ts').Config;`],
		['nodes/WhatIsUp/router.ts', `require('../../engine/src/domain/errors');`],
		['nodes/WhatIsUp/router.ts', `import manifest from '../../package.json';`],
	])('see the broken arrow in %s', (file, text) => {
		expect(brokenArrows({ [file]: text })).toHaveLength(1);
	});

	it('let pass what follows the arrows', () => {
		const text = `
			import { EngineError } from '../domain/errors.ts';
			// import { server } from '../http/server.ts';
			const sample = "import { server } from '../http/server.ts'";
		`;

		expect(brokenArrows({ [`${ENGINE}/app/messages.ts`]: text })).toEqual([]);
	});

	it.each([
		[`${ENGINE}/app/messages.ts`, `import { sql } from 'kysely';`],
		[`${ENGINE}/domain/errors.ts`, `import { readFileSync } from 'node:fs';`],
		[`${ENGINE}/http/server.ts`, `import { DatabaseSync } from 'node:sqlite';`],
		[`${ENGINE}/net/webhooks.ts`, `import unheardOf from 'unheard-of/lib/part.js';`],
		['nodes/WhatIsUp/router.ts', `import { request } from 'node:http';`],
		['nodes/WhatIsUp/router.ts', `import { request } from 'http';`],
	])('see the stray library in %s', (file, text) => {
		expect(strayLibraries({ [file]: text })).toHaveLength(1);
	});

	it('see every way to read a clock, and no mention of one', () => {
		const text = `
			const now = new Date(), then = Date.now(), soon = globalThis.setTimeout(f, 1);
			/* Date.now() */ const at = new Date(0), utc = Date.UTC(2026, 0, 1), text = 'Date.now()';
			const parts = { setTimeout: (timer: ReturnType<typeof setTimeout>) => timer };
		`;

		expect(namesIn(text, TIME)).toEqual(['new Date()', 'Date.now', 'setTimeout']);
	});

	it('see chance and the environment under other names', () => {
		const text = `
			const chance = Math['random'](), id = crypto.randomUUID(), random = input.random();
			const { env } = process, home = process['env'].HOME;
		`;

		expect(namesIn(text, CHANCE)).toEqual(['Math.random', 'crypto.randomUUID']);
		expect(namesIn(text, ENVIRONMENT)).toEqual(['process', 'process.env.HOME']);
	});

	it('see a test that is switched off', () => {
		const text = `it.only('a', f); describe.skip.each([1])('b', f); xit('c', f); it('it.only', f);`;

		expect(namesIn(text, SWITCHED_OFF)).toEqual(['it.only', 'describe.skip.each', 'xit']);
	});
});

type Sources = Readonly<Record<string, string>>;

function read(...patterns: string[]): Sources {
	const files = globSync(patterns).filter((file) => !file.includes('node_modules'));
	if (files.length === 0) throw new Error(`No file is called ${patterns.join(' or ')} here.`);
	return Object.fromEntries(files.sort().map((file) => [file, readFileSync(file, 'utf8')]));
}

function brokenArrows(files: Sources): string[] {
	return findings(files, (file, { imports }) => {
		const from = areaOf(file);
		if (from === undefined) return [`${file} lies outside every area`];
		return imports
			.filter((module) => module.startsWith('.'))
			.map((module) => normalize(join(dirname(file), module)))
			.filter((target) => !mayReach(from, areaOf(target)))
			.map((target) => `${file} imports ${target}`);
	});
}

function mayReach(from: string, to: string | undefined): boolean {
	return to !== undefined && (to === from || MAY_IMPORT[from]!.includes(to));
}

function strayLibraries(files: Sources): string[] {
	return findings(files, (file, { imports }) =>
		imports
			.filter((module) => !module.startsWith('.') && !isAtHome(module, file))
			.map((module) => `${file} imports ${module}`),
	);
}

function isAtHome(module: string, file: string): boolean {
	const library = /^(@[^/]+\/)?[^/]+/.exec(module)![0];
	const homes = HOMES[library];
	if (homes !== undefined) return homes.some((home) => lies(file, home));
	const granted = NODE_MODULES_OF[areaOf(file) ?? ''];
	return granted === undefined ? isOfNode(module) : granted.includes(module);
}

function isOfNode(module: string): boolean {
	return module.startsWith('node:') && builtinModules.includes(module.slice('node:'.length));
}

function uses(files: Sources, pattern: RegExp, where?: (file: string) => boolean): string[] {
	return Object.entries(files)
		.filter(([file]) => where?.(file) ?? true)
		.flatMap(([file, text]) => namesIn(text, pattern).map((name) => `${file} uses ${name}`));
}

function namesIn(text: string, pattern: RegExp): string[] {
	return factsOf(text).names.filter((name) => pattern.test(name));
}

function isIn(area: string): (file: string) => boolean {
	return (file) => areaOf(file) === area;
}

function isNot(only: string): (file: string) => boolean {
	return (file) => file !== only;
}

/** Matches these names, and whatever is reached through them. */
function anyOf(...names: RegExp[]): RegExp {
	return new RegExp(`^(${names.map(({ source }) => source).join('|')})(\\.|$)`);
}

function findings(files: Sources, find: (file: string, facts: SourceFacts) => string[]): string[] {
	return Object.entries(files).flatMap(([file, text]) => find(file, factsOf(text)));
}

/** The innermost area that a file, or a module's path, lies in. */
function areaOf(path: string): string | undefined {
	const areas = Object.keys(MAY_IMPORT).filter((area) => lies(path, area));
	return areas.sort((a, b) => b.length - a.length)[0];
}

function lies(path: string, area: string): boolean {
	return path.replace(/\.[jt]s$/, '') === area || path.startsWith(`${area}/`);
}

function linesOf(text: string): number {
	return text.trimEnd().split('\n').length;
}
