import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = new URL('../../../..', import.meta.url).pathname;
const run = promisify(execFile);

/** Puts the n8n package where n8n keeps community packages, made of nothing but what is published. */
export async function installPackage(userFolder: string): Promise<void> {
	const target = join(userFolder, '.n8n', 'nodes', 'node_modules', 'n8n-nodes-whatisup');
	await mkdir(target, { recursive: true });
	await run('npm', ['pack', '--silent', '--pack-destination', userFolder], { cwd: ROOT });
	const archive = (await readdir(userFolder)).find((name) => name.endsWith('.tgz'));
	if (archive === undefined) throw new Error('npm pack made no archive');
	await run('tar', ['-xzf', join(userFolder, archive), '-C', target, '--strip-components=1']);
	await rm(join(userFolder, archive));
}
