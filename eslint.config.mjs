import communityNodes from '@n8n/eslint-plugin-community-nodes';
import prettier from 'eslint-config-prettier';
import nodesBase from 'eslint-plugin-n8n-nodes-base';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What n8n's reviewers see as an error or a warning is an error here. */
const communityRules = Object.fromEntries(
	Object.keys(communityNodes.configs.recommended.rules).map((rule) => [rule, 'error']),
);

/**
 * Rules of the older plugin that contradict the newer one, which n8n's own tool switches off too:
 * inputs and outputs are `NodeConnectionTypes`, documentation URLs are whole URLs, a password
 * field is told by the newer plugin, and a field may have a greatest value.
 */
const contradicted = {
	'n8n-nodes-base/node-class-description-inputs-wrong-regular-node': 'off',
	'n8n-nodes-base/node-class-description-outputs-wrong': 'off',
	'n8n-nodes-base/cred-class-field-documentation-url-miscased': 'off',
	'n8n-nodes-base/cred-class-field-type-options-password-missing': 'off',
	'n8n-nodes-base/node-param-type-options-max-value-present': 'off',
};

const n8nPlugins = { '@n8n/community-nodes': communityNodes, 'n8n-nodes-base': nodesBase };

/** The sizes from which on a file or function should be looked at: a hint, no fault. */
const sizes = {
	'max-lines': ['warn', { max: 400 }],
	'max-lines-per-function': ['warn', { max: 50, skipComments: true, skipBlankLines: true }],
	'max-params': ['warn', 4],
	'max-depth': ['warn', 3],
	complexity: ['warn', 15],
};

export default defineConfig(
	globalIgnores(['**/node_modules/', '**/dist/', '**/data/', '**/coverage/']),
	{ linterOptions: { reportUnusedDisableDirectives: 'error' } },

	{
		name: 'the n8n package: code',
		files: ['nodes/**/*.ts', 'credentials/**/*.ts'],
		extends: [tseslint.configs.recommended],
		plugins: n8nPlugins,
		rules: { ...communityRules, 'no-console': 'error' },
	},
	{
		name: 'the n8n package: nodes',
		files: ['nodes/**/*.ts'],
		plugins: n8nPlugins,
		rules: { ...nodesBase.configs.nodes.rules, ...contradicted },
	},
	{
		name: 'the n8n package: credentials',
		files: ['credentials/**/*.ts'],
		plugins: n8nPlugins,
		rules: { ...nodesBase.configs.credentials.rules, ...contradicted },
	},
	{
		name: 'the n8n package: package.json',
		files: ['package.json'],
		plugins: n8nPlugins,
		languageOptions: {
			parser: tseslint.parser,
			parserOptions: { extraFileExtensions: ['.json'] },
		},
		rules: { ...communityRules, ...nodesBase.configs.community.rules },
	},

	{
		name: 'the engine',
		files: ['engine/src/**/*.ts'],
		extends: [tseslint.configs.strictTypeChecked],
		languageOptions: {
			parserOptions: { project: 'engine/tsconfig.json', tsconfigRootDir: import.meta.dirname },
		},
		rules: {
			...sizes,
			'@typescript-eslint/no-floating-promises': 'error',
			// `() => socket.end()` and `return reject(error)` read well; what they give back is nothing.
			'@typescript-eslint/no-confusing-void-expression': [
				'error',
				{ ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
			],
			// Every index may be out of bounds to the compiler. `!` says that this one cannot be.
			'@typescript-eslint/no-non-null-assertion': 'off',
			// What a port calls asynchronous stays so in an implementation that need not wait: its
			// errors are then rejections like everyone's.
			'@typescript-eslint/require-await': 'off',
			// Numbers, booleans and what may be missing are readable in a template as they are.
			'@typescript-eslint/restrict-template-expressions': [
				'error',
				{ allowNumber: true, allowBoolean: true, allowNullish: true },
			],
		},
	},

	{
		name: 'tests and scripts',
		files: ['test/**/*.{ts,mjs}', 'scripts/**/*.{ts,mjs,js}', '*.mjs', '*.js'],
		extends: [tseslint.configs.recommended],
	},
	{
		name: 'CommonJS',
		files: ['gulpfile.js', 'index.js'],
		rules: { '@typescript-eslint/no-require-imports': 'off' },
	},

	prettier,
);
