import { randomBytes } from 'node:crypto';
import { access, constants, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The data directory cannot be used. One sentence for the operator, and what to do about it. */
export class DataDirFault extends Error {
	override readonly name = 'DataDirFault';
	readonly hint: string;

	constructor(message: string, hint: string, options?: ErrorOptions) {
		super(message, options);
		this.hint = hint;
	}
}

const SECRET_BYTES = 32;
const OWNER_ONLY = { file: 0o600, folder: 0o700 } as const;

/** Where the engine keeps what must outlive it. */
export class DataDir {
	readonly path: string;

	/** Makes the directory when it is missing and proves that this process may write to it. */
	static async open(path: string): Promise<DataDir> {
		const absolute = resolve(path);
		try {
			await mkdir(absolute, { recursive: true, mode: OWNER_ONLY.folder });
			await access(absolute, constants.R_OK | constants.W_OK | constants.X_OK);
		} catch (error) {
			throw await faultOf(absolute, error);
		}
		return new DataDir(absolute);
	}

	private constructor(path: string) {
		this.path = path;
	}

	file(name: string): string {
		return join(this.path, name);
	}

	/**
	 * A secret that this installation made for itself, in a file that only its owner may read. It
	 * must be kept with the database: what is sealed with it opens with nothing else.
	 */
	async ownSecret(name: string): Promise<string> {
		const path = this.file(name);
		try {
			const existing = await readIfThere(path);
			if (existing !== undefined) return checked(path, existing);
			// Written aside and linked into place, so that a crash leaves a whole secret or none.
			const draft = `${path}.new`;
			await rm(draft, { force: true });
			await writeFile(draft, `${randomBytes(SECRET_BYTES).toString('base64')}\n`, {
				mode: OWNER_ONLY.file,
				flush: true,
			});
			await link(draft, path).catch(ignoreExisting);
			await rm(draft, { force: true });
			return checked(path, await readFile(path, 'utf8'));
		} catch (error) {
			throw error instanceof DataDirFault ? error : await faultOf(path, error);
		}
	}
}

async function readIfThere(path: string): Promise<string | undefined> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
	if (error.code !== 'EEXIST') throw error;
}

function checked(path: string, text: string): string {
	const secret = text.trim();
	if (secret.length < SECRET_BYTES) {
		throw new DataDirFault(
			`The file ${path} does not hold a secret.`,
			'Restore it from a backup; without it the stored sessions cannot be opened.',
		);
	}
	return secret;
}

async function faultOf(path: string, error: unknown): Promise<DataDirFault> {
	const { code = 'unknown error' } = error as NodeJS.ErrnoException;
	const options = { cause: error };
	switch (code) {
		case 'EACCES':
		case 'EPERM':
			return new DataDirFault(
				`This process may not read and write ${path}${await ownerOf(path)}.`,
				'Give it to the user that runs the engine (chown), or set WHATISUP_DATA_DIR to another directory.',
				options,
			);
		case 'EROFS':
			return new DataDirFault(
				`${path} is on a read-only file system.`,
				'Mount it writable, or set WHATISUP_DATA_DIR to another directory.',
				options,
			);
		case 'ENOTDIR':
		case 'EEXIST':
			return new DataDirFault(
				`${path} is not a directory.`,
				'Move the file that is in the way, or set WHATISUP_DATA_DIR to another directory.',
				options,
			);
		case 'ENOSPC':
			return new DataDirFault(`There is no space left for ${path}.`, 'Free some space.', options);
		default:
			return new DataDirFault(
				`${path} cannot be used (${code}).`,
				'Set WHATISUP_DATA_DIR to a directory that can be made and written to.',
				options,
			);
	}
}

async function ownerOf(path: string): Promise<string> {
	try {
		const { uid } = await stat(path);
		const own = process.getuid?.();
		return own === undefined || uid === own ? '' : `: it belongs to user ${uid}, not to ${own}`;
	} catch {
		return '';
	}
}
