/**
 * A process of its own that opens the storage in a file, to be killed, or to be another user's.
 * Prints `open` and stays until its standard input closes, or prints the fault and ends.
 */
import { openStorage } from '../../../engine/src/storage/storage.ts';
import { SECRETS_KEY } from '../../support/databases.ts';
import { ids, silentLog } from '../../support/system.ts';

const [file] = process.argv.slice(2);

try {
	const storage = await openStorage({ file, secretsKey: SECRETS_KEY, ids, log: silentLog });
	process.stdout.write('open\n');
	await new Promise((resolve) => process.stdin.resume().once('close', resolve));
	await storage.close();
} catch (error) {
	const { code, message, hint } = error as Error & { code?: string; hint?: string };
	process.stdout.write(`${JSON.stringify({ code, message, hint })}\n`);
}
