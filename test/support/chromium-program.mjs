import { findOnPath } from './debian-package.mjs';

/** Chromium, for `requireProgram`. */
export const chromium = {
	name: 'Chromium',
	packages: ['chromium'],
	find: () => findOnPath('chromium', 'chromium-browser', 'google-chrome'),
};
