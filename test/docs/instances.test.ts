import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
	closeReason,
	CONTRACT_STATUS,
	SESSION_STATUS,
	type InstanceState,
} from '../../engine/src/domain/instance.ts';

const text = readFileSync(new URL('../../docs/instances.md', import.meta.url), 'utf8');

describe('docs/instances.md', () => {
	it.each(Object.keys(CONTRACT_STATUS) as InstanceState[])('gives the words for %s', (state) => {
		const row = new RegExp(`^\\| \`${state}\` .*$`, 'm').exec(text)?.[0] ?? '';

		expect(row).toContain(`\`${CONTRACT_STATUS[state]}\``);
		expect(row).toContain(`\`${SESSION_STATUS[state]}\``);
	});

	it.each([401, 403, 405, 408, 411, 428, 429, 440, 463, 500, 503, 515])(
		'gives the reason of close code %d',
		(code) => {
			const row = text
				.split('\n')
				.find((line) => new RegExp(`^\\|[ 0-9,]*\\b${code}\\b`).test(line));

			expect(row).toContain(`\`${closeReason(code)}\``);
		},
	);
});
