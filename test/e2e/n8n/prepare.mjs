import { chromium } from '../../support/chromium-program.mjs';
import { requireProgram, findOnPath } from '../../support/debian-package.mjs';
import { installN8n } from './install.mjs';

/** What building n8n's copy of SQLite takes. */
const compiler = {
	name: 'a C++ compiler',
	packages: ['g++', 'make', 'python3'],
	find: () => (findOnPath('make') && findOnPath('python3') ? findOnPath('g++', 'c++') : undefined),
};

/** Brings what the tests need that is not a dependency, and says where it is. */
export async function prepareN8n(say) {
	await requireProgram(compiler, say);
	return {
		WHATISUP_TEST_CHROMIUM: await requireProgram(chromium, say),
		WHATISUP_TEST_N8N: await installN8n(say),
	};
}
