import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findOnPath } from './debian-package.mjs';

const DEBIAN_VERSIONS = '/usr/lib/postgresql';

/** PostgreSQL, for `requireProgram`: answers with the folder that holds `initdb` and `postgres`. */
export const postgres = { name: 'PostgreSQL', packages: ['postgresql'], find: findPostgres };

/** Debian keeps the server's programs off the PATH, one folder per version. */
function findPostgres() {
	const versions = existsSync(DEBIAN_VERSIONS) ? readdirSync(DEBIAN_VERSIONS) : [];
	const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
	const folders = newestFirst.map((version) => join(DEBIAN_VERSIONS, version, 'bin'));
	const onPath = findOnPath('postgres');
	if (onPath !== undefined) folders.push(dirname(realpathSync(onPath)));
	return folders.find((folder) =>
		['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
	);
}
