import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { runQuietly } from '../../scripts/command.mjs';
import { pinnedEnvironment, pinnedNodeVersion } from '../../scripts/pinned-node.mjs';

/**
 * Tools that are too large, or too much at odds with the project's own packages, to stand among
 * its dependencies are installed apart: a folder with a `package.json` and a committed
 * `package-lock.json` becomes a folder in the user's cache, outside the checkout, named by the
 * hash of what it was made from.
 *
 *   ~/.cache/whatisup/scan-1f2e3d4c5b6a7988/node_modules/…
 *
 * It is installed under another name and renamed once it is whole. So a folder of that name is
 * complete, an installation that was cut short leaves nothing that could be taken for one, and
 * two that run at once do not disturb each other: the second to finish throws its own away.
 */

const LOCKED = ['package.json', 'package-lock.json'];

/** The settings of the checkout's .npmrc reach child processes; a tool's lock knows none of them. */
const NPM_FLAGS = [
	'--ignore-scripts',
	'--legacy-peer-deps=false',
	'--no-audit',
	'--no-fund',
	'--loglevel=error',
];

/**
 * Installs the tool of `lockFolder` unless the cache has it, and answers with its folder.
 *
 * npm runs no package's scripts, but for the packages named in `rebuild`. `check` receives the
 * folder before it gets its final name: when it fails, all is removed and the error passed on.
 *
 * @param {string} lockFolder holds package.json and package-lock.json
 * @param {object} [options]
 * @param {readonly string[]} [options.npmFlags] more flags for `npm ci`
 * @param {readonly string[]} [options.rebuild] packages with a native part that must be built
 * @param {(folder: string) => Promise<void>} [options.check]
 * @param {(text: string) => void} [options.say] told what takes long
 * @param {string} [options.cacheFolder]
 * @returns {Promise<string>}
 */
export async function installToolFolder(lockFolder, options = {}) {
	const { cacheFolder = defaultCacheFolder(), say = () => {} } = options;
	const folder = join(cacheFolder, `${basename(lockFolder)}-${await hashOf(lockFolder, options)}`);
	if (await exists(folder)) return folder;

	say(`Installing ${basename(lockFolder)} into ${folder}…`);
	const unfinished = `${folder}.${randomUUID()}`;
	try {
		await mkdir(unfinished, { recursive: true });
		for (const name of LOCKED) await copyFile(join(lockFolder, name), join(unfinished, name));
		await install(unfinished, options);
		await options.check?.(unfinished);
		await putInPlace(unfinished, folder);
	} finally {
		await rm(unfinished, { recursive: true, force: true });
	}
	return folder;
}

async function install(folder, { npmFlags = [], rebuild = [] }) {
	const place = { cwd: folder, env: pinnedEnvironment() };
	await runQuietly('npm', ['ci', ...NPM_FLAGS, ...npmFlags], place);
	if (rebuild.length === 0) return;
	const flags = ['--ignore-scripts=false', '--foreground-scripts'];
	await runQuietly('npm', ['rebuild', ...flags, ...rebuild], place);
}

/** A build made for one Node and machine is not that of another, so both are part of the name. */
async function hashOf(lockFolder, { npmFlags = [], rebuild = [] }) {
	const hash = createHash('sha256');
	for (const name of LOCKED) hash.update(await readFile(join(lockFolder, name)));
	hash.update(`${process.platform} ${process.arch} ${pinnedNodeVersion()}`);
	hash.update(JSON.stringify({ npmFlags, rebuild }));
	return hash.digest('hex').slice(0, 16);
}

async function putInPlace(unfinished, folder) {
	try {
		await rename(unfinished, folder);
	} catch (error) {
		// Someone else was quicker; theirs is as good.
		if (!(await exists(folder))) throw error;
	}
}

async function exists(path) {
	return await stat(path).then(
		() => true,
		(error) => {
			if (error.code === 'ENOENT') return false;
			throw error;
		},
	);
}

function defaultCacheFolder() {
	return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'whatisup');
}
