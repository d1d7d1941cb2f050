import { createHash } from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './command.mjs';
import { pinnedNode, root } from './pinned-node.mjs';

const MARKS = join(root, 'node_modules', '.cache', 'whatisup');
const TSC = 'node_modules/typescript/bin/tsc';

const PARTS = [
	{
		name: 'the engine',
		sources: ['engine/src', 'engine/tsconfig.json', 'engine/package.json', 'package-lock.json'],
		output: 'engine/dist',
		steps: [[TSC, '-p', 'engine']],
	},
	{
		name: 'the n8n nodes',
		sources: [
			'nodes',
			'credentials',
			'icons',
			'gulpfile.js',
			'tsconfig.json',
			'package.json',
			'package-lock.json',
		],
		output: 'dist',
		steps: [
			[TSC, '-p', 'tsconfig.json'],
			['node_modules/gulp/bin/gulp.js', '--silent', 'build:icons'],
		],
	},
];

/**
 * Builds each part whose sources differ from those of its last build.
 *
 * Sources are compared by content: a fresh clone and a change of branch give every file a new
 * date. The mark that remembers them is written last, so that a build that failed is repeated,
 * and lies outside the output, which is published as it is.
 */
export async function buildStale(say) {
	for (const { name, sources, output, steps } of PARTS) {
		const mark = join(MARKS, output.replace('/', '-'));
		const fingerprint = fingerprintOf(sources);
		if (existsSync(join(root, output)) && contentOf(mark) === fingerprint) continue;
		say(`Building ${name}…`);
		// What a removed source left behind must not be found by anyone.
		for (const old of [mark, join(root, output)]) rmSync(old, { recursive: true, force: true });
		for (const step of steps) await runQuietly(pinnedNode, step, { cwd: root });
		mkdirSync(MARKS, { recursive: true });
		writeFileSync(mark, fingerprint);
	}
}

function fingerprintOf(sources) {
	const hash = createHash('sha256');
	for (const file of sources.flatMap(filesIn).sort()) {
		hash
			.update(file)
			.update('\0')
			.update(readFileSync(join(root, file)))
			.update('\0');
	}
	return hash.digest('hex');
}

function contentOf(file) {
	return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function filesIn(path) {
	if (!existsSync(join(root, path))) return [];
	if (statSync(join(root, path)).isFile()) return [path];
	return readdirSync(join(root, path)).flatMap((name) => filesIn(`${path}/${name}`));
}
