import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runQuietly } from '../../scripts/command.mjs';

/**
 * A program that a test needs and npm cannot bring: found on this machine, or installed from
 * Debian when that is possible without asking anyone. Otherwise it throws one line that names
 * the package. No test is left out because its program is missing.
 *
 * @param {object} program
 * @param {string} program.name as people call it
 * @param {readonly string[]} program.packages Debian's names for what holds it
 * @param {() => string | undefined} program.find where it is, if anywhere
 * @param {(text: string) => void} [say]
 * @returns {Promise<string>}
 */
export async function requireProgram({ name, packages, find }, say = () => {}) {
	const found = find();
	if (found !== undefined) return found;

	const missing = packages.join(' ');
	if (!mayInstall()) {
		throw new Error(`The tests need ${name}. Install it (on Debian: apt-get install ${missing}).`);
	}
	say(`Installing Debian's ${missing}…`);
	await aptGet('update');
	await aptGet('install', '-y', '--no-install-recommends', ...packages);
	const installed = find();
	if (installed === undefined) throw new Error(`Debian's ${missing} brought no ${name}.`);
	return installed;
}

/** The first of these commands that the PATH knows. */
export function findOnPath(...commands) {
	const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
	const candidates = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
	return candidates.find(isExecutable);
}

function isExecutable(file) {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

function mayInstall() {
	return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function aptGet(...args) {
	// Another installation may be under way on a machine that has only just started.
	const patience = ['-q', '-o', 'DPkg::Lock::Timeout=120'];
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	return runQuietly('/usr/bin/apt-get', [...patience, ...args], { env });
}
