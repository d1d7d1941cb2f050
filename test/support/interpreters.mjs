import { findOnPath } from './debian-package.mjs';

/** For `requireProgram`: what runs the documentation's snippets beside Node. */
export const python = {
	name: 'Python 3',
	packages: ['python3'],
	find: () => findOnPath('python3'),
};

export const php = {
	name: 'PHP',
	packages: ['php-cli'],
	find: () => findOnPath('php'),
};
