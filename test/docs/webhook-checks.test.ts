import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { CHECK_NAMES } from '../../engine/src/domain/diagnosis.ts';

it('docs/webhooks.md lists the checks of a diagnosis in their order', () => {
	const [, section = ''] = readFileSync('docs/webhooks.md', 'utf8').split('\n## Diagnose\n');
	const rows = section.split('\n## ')[0]!.matchAll(/^\| `(\w+)`/gm);

	expect([...rows].map(([, name]) => name)).toEqual(CHECK_NAMES);
});
