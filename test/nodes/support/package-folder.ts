import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ROOT = resolve(__dirname, '../../..');

/** All that the n8n package is made from. */
const SOURCES = [
	'package.json',
	'tsconfig.json',
	'gulpfile.js',
	'index.js',
	'nodes',
	'credentials',
	'icons',
];

/**
 * A copy of the n8n package's sources, built, in a folder of its own: whatever else is being
 * built or edited in the checkout does not matter to it.
 */
export class PackageFolder {
	readonly path: string;

	private constructor(path: string) {
		this.path = path;
	}

	static async build(): Promise<PackageFolder> {
		const folder = new PackageFolder(await mkdtemp(join(tmpdir(), 'whatisup-package-')));
		for (const source of SOURCES) {
			await cp(join(ROOT, source), join(folder.path, source), { recursive: true });
		}
		await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
		await folder.#node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
		await folder.#node('node_modules/gulp/bin/gulp.js', '--silent', 'build:icons');
		return folder;
	}

	/** What a user gets: the tarball of `npm pack`, unpacked beside the sources. */
	async pack(): Promise<string> {
		const options = { cwd: this.path };
		const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], options);
		const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
		await run('tar', ['-xzf', filename], options);
		return join(this.path, 'package');
	}

	async remove(): Promise<void> {
		await rm(this.path, { recursive: true, force: true });
	}

	async #node(...args: string[]): Promise<void> {
		await run(process.execPath, args, { cwd: this.path });
	}
}
