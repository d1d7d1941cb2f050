import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runQuietly } from '../../../scripts/command.mjs';
import { pinnedEnvironment, pinnedNode } from '../../../scripts/pinned-node.mjs';
import { installToolFolder } from '../../support/tool-folder.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * The n8n of the committed lock file, installed: answers with the folder that holds it.
 *
 * n8n wants its optional packages for integrations that no test touches, and one of them does
 * not build everywhere. The only native part it needs is SQLite.
 */
export function installN8n(say) {
	return installToolFolder(here, {
		rebuild: ['sqlite3'],
		npmFlags: ['--omit=optional'],
		check: proveItRuns,
		say,
	});
}

/** Starting is the proof. `--version` alone never opens a database, so SQLite is loaded as well. */
async function proveItRuns(installed) {
	const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
	const userFolder = mkdtempSync(join(tmpdir(), 'whatisup-n8n-'));
	const env = { ...pinnedEnvironment(), N8N_USER_FOLDER: userFolder };
	try {
		await runQuietly(pinnedNode, ['-e', "require('sqlite3')"], { cwd: installed, env });
		const n8n = join(installed, 'node_modules', 'n8n', 'bin', 'n8n');
		const printed = await runQuietly(pinnedNode, [n8n, '--version'], { cwd: installed, env });
		if (!printed.includes(dependencies.n8n)) throw new Error(`This is not n8n: ${printed}`);
	} finally {
		rmSync(userFolder, { recursive: true });
	}
}
