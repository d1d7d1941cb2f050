import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The engine's version; package.json is its one owner. */
export const VERSION = version;
