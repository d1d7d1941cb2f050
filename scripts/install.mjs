import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runQuietly } from './command.mjs';
import { isPinnedNodeReady, pinnedNodeVersion, root } from './pinned-node.mjs';

/** Brings node_modules in line with the lock file. Says and does nothing when it already is. */
export async function installPackages(say) {
	if (!isInLineWithLock()) {
		say('Installing packages (once, about a minute)…');
		await npm('ci', '--ignore-scripts');
	}
	if (!(await isPinnedNodeReady())) {
		say(`Installing Node ${pinnedNodeVersion()} beside them…`);
		await npm('rebuild', 'node', '--ignore-scripts=false');
		if (!(await isPinnedNodeReady())) {
			throw new Error(`Node ${pinnedNodeVersion()} does not run on this machine.`);
		}
	}
}

/**
 * npm leaves a list of what it installed. Comparing that list, rather than a mark of our own,
 * also recognises what someone installed by hand.
 */
function isInLineWithLock() {
	const record = join(root, 'node_modules', '.package-lock.json');
	if (!existsSync(record)) return false;
	const installed = packagesOf(record);
	const wanted = packagesOf(join(root, 'package-lock.json'));
	return Object.entries(wanted)
		.filter(([path]) => path.includes('node_modules/'))
		.every(([path, { version, optional }]) =>
			// An optional package may be left out: it is for another kind of machine.
			path in installed ? installed[path].version === version : optional === true,
		);
}

function packagesOf(lockFile) {
	return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

function npm(...args) {
	// npm is about to replace node_modules, so it must not itself run on the Node in there.
	const ours = join(root, 'node_modules', '.bin');
	const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ours);
	const env = { ...process.env, PATH: path.join(delimiter) };
	// `--loglevel=error` keeps quiet about packages that want a newer Node than npm runs on: they
	// get it in the next step.
	const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
	return runQuietly('npm', [...args, ...quiet], { cwd: root, env });
}
