/**
 * `npm run bench:webhooks`: how fast events become webhooks, beside a bare undici loop and bare
 * Baileys sockets in the same run on the same machine, and what a long log costs those who read it.
 *
 * Options: `-- --only deliveries`, `listing` or `arrivals` for one part. All takes about twelve
 * minutes. The exit code is 1 when a target was missed.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DialectName } from '../../engine/src/storage/schema.ts';
import { temporaryDir } from '../support/engine-process.ts';
import { freshDatabase } from '../support/postgres.ts';
import { benchArrivals } from './arrivals.ts';
import { benchDeliveries } from './deliveries.ts';
import type { Location } from './delivery-engine.ts';
import { benchListing } from './listing.ts';

const { values } = parseArgs({ options: { only: { type: 'string' } } });

const PARTS: Readonly<Record<string, () => Promise<boolean>>> = {
	deliveries: () => withDatabases(benchDeliveries),
	listing: () => withDatabases(benchListing),
	arrivals: () => benchArrivals(),
};

let met = true;
for (const [name, bench] of Object.entries(PARTS)) {
	if (values.only === undefined || values.only === name) met = (await bench()) && met;
}
process.exitCode = met ? 0 : 1;

/** Answers with an empty database each time it is asked; they go when the work is done. */
async function withDatabases(
	work: (locate: (dialect: DialectName) => Promise<Location>) => Promise<boolean>,
): Promise<boolean> {
	const folder = await temporaryDir();
	const [start, stop] = await Promise.all([
		load('../support/postgres-setup.mjs'),
		load('../support/postgres-teardown.mjs'),
	]);
	await start();
	try {
		let files = 0;
		return await work(async (dialect) =>
			dialect === 'postgres'
				? { url: await freshDatabase('bench') }
				: { file: join(folder.path, `${files++}.sqlite`) },
		);
	} finally {
		await stop();
		await folder.dispose();
	}
}

/** Scripts have no types. */
async function load(script: string): Promise<() => Promise<void>> {
	const module = (await import(script)) as { readonly default: () => Promise<void> };
	return module.default;
}
