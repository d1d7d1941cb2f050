/**
 * Two module systems live here: the engine is ESM (Baileys is), n8n loads nodes as CommonJS.
 * The real-n8n suite has a configuration of its own, test/e2e/n8n/jest.config.mjs.
 */
const swc = (type) => [
	'@swc/jest',
	{ jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type } },
];

/** @type {import('jest').Config} */
export default {
	maxWorkers: 2,
	// Five seconds, jest's default, are short for a whole pairing on a busy machine.
	testTimeout: 30_000,
	projects: [
		{
			displayName: 'engine',
			testEnvironment: 'node',
			testMatch: [
				'<rootDir>/test/*.test.ts',
				'<rootDir>/test/{engine,docs,support}/**/*.test.ts',
				'<rootDir>/test/e2e/*.test.ts',
			],
			globalSetup: '<rootDir>/test/support/postgres-setup.mjs',
			globalTeardown: '<rootDir>/test/support/postgres-teardown.mjs',
			// Looked up in a test's own context, these make the curve arithmetic twelve times slower.
			sandboxInjectedGlobals: ['Math', 'Float64Array', 'Uint8Array'],
			extensionsToTreatAsEsm: ['.ts'],
			transform: { '\\.ts$': swc('es6') },
			modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/engine/dist/'],
		},
		{
			displayName: 'nodes',
			testEnvironment: 'node',
			testMatch: ['<rootDir>/test/nodes/**/*.test.ts'],
			transform: { '\\.ts$': swc('commonjs') },
			modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/engine/dist/'],
		},
	],
};
