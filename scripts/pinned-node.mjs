import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runQuietly } from './command.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The Node that everything but these scripts runs on: the devDependency `node`, so that a clone
 * behaves the same whichever Node started it.
 */
export const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');

export function pinnedNodeVersion() {
	return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node;
}

/** False when it is missing, of another version, or made for another kind of machine. */
export async function isPinnedNodeReady() {
	try {
		return (await runQuietly(pinnedNode, ['--version'])).trim() === `v${pinnedNodeVersion()}`;
	} catch {
		return false;
	}
}

/** An environment in which `node`, and npm with it, is the pinned one. */
export function pinnedEnvironment() {
	const path = [dirname(pinnedNode), process.env.PATH].join(delimiter);
	const env = { ...process.env, PATH: path };
	// A native module must be built with the headers of the Node that loads it, not of the one
	// that the machine has. The `node` package brings its own.
	const platform = `node-${process.platform}-${process.arch}`;
	const headers = join(root, 'node_modules', 'node', 'node_modules', platform);
	if (existsSync(join(headers, 'include', 'node'))) env.npm_config_nodedir = headers;
	return env;
}
