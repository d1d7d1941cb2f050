import { fileURLToPath } from 'node:url';

/**
 * Tests in a real n8n, run by `npm run test:n8n`, which says where n8n and Chromium are. One at
 * a time: each starts an n8n, and two of them starve each other.
 *
 * @type {import('jest').Config}
 */
export default {
	rootDir: fileURLToPath(new URL('../../..', import.meta.url)),
	displayName: 'n8n',
	testEnvironment: 'node',
	testMatch: ['<rootDir>/test/e2e/n8n/**/*.test.ts'],
	extensionsToTreatAsEsm: ['.ts'],
	transform: {
		'\\.ts$': [
			'@swc/jest',
			{ jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
		],
	},
	modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/engine/dist/'],
	maxWorkers: 1,
	testTimeout: 120_000,
	verbose: true,
};
