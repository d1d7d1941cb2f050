import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { SETTINGS } from '../../engine/src/config.ts';

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

/** Name and default of each row in the table of settings. */
const documented = [...text.matchAll(/^\| `([A-Z_]+)` *\| *(?:`([^`]*)`)? *\|/gm)].map(
	([, name, fallback]) => ({ name, fallback }),
);

describe('docs/configuration.md', () => {
	it('lists every setting, and no other', () => {
		expect(documented.map(({ name }) => name)).toEqual(Object.keys(SETTINGS));
	});

	it.each(documented)('gives the default of $name as it is', ({ name, fallback }) => {
		const defaults: Record<string, { readonly default?: string; readonly schema: unknown }> =
			SETTINGS;

		expect(fallback ?? '').toBe(defaults[name!]!.default ?? '');
	});
});
