import { join } from 'node:path';
import { CommandError, runVisibly } from './command.mjs';
import { buildStale } from './build.mjs';
import { installPackages } from './install.mjs';
import { pinnedNode, root } from './pinned-node.mjs';

/**
 * The commands of this repository: `npm run <name>`.
 *
 * Each works on a fresh clone with nothing but Node 20 and npm, installs and builds what it
 * needs, and does everything else on the pinned Node. So these scripts use no package, and no
 * Node newer than 20.
 */
const COMMANDS = {
	start: { builds: true, run: start },
	build: { builds: true, run: async () => 0 },
	test: { builds: true, run: (args) => jest(...args) },
	'test:n8n': { builds: true, run: testInN8n },
	'bench:sessions': { builds: true, run: (args) => runNode('test/bench/sessions.ts', ...args) },
	'bench:webhooks': { builds: true, run: (args) => runNode('test/bench/webhooks.ts', ...args) },
	'bench:soak': { builds: true, run: (args) => runNode('test/bench/soak.ts', ...args) },
	lint: { run: lint },
	typecheck: { run: typecheck },
	format: { run: () => tool('prettier/bin/prettier.cjs', '--write', '.') },
};

const OLDEST_NODE = 20;

const [name, ...args] = process.argv.slice(2);
try {
	process.exitCode = await run(name, args);
} catch (error) {
	if (error instanceof CommandError) say(error.output.trimEnd());
	say(error.message);
	process.exitCode = 1;
}

async function run(name, args) {
	const command = COMMANDS[name];
	if (command === undefined) throw new Error(`Commands: ${Object.keys(COMMANDS).join(', ')}`);
	if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
		throw new Error(`This needs Node ${OLDEST_NODE} or newer. Yours is ${process.version}.`);
	}
	await installPackages(say);
	if (command.builds) await buildStale(say);
	return command.run(args);
}

/**
 * The engine works where its user stands: that is where its data folder goes. It has a process
 * group of its own, so that Ctrl-C reaches it through this process only, and once.
 */
function start(args) {
	const main = join(root, 'engine', 'dist', 'main.js');
	return runVisibly(pinnedNode, [main, ...args], { detached: true });
}

function jest(...args) {
	return runNode(
		// Jest loads ES modules through an API of Node that is still experimental, as Node says
		// once per worker.
		'--experimental-vm-modules',
		'--disable-warning=ExperimentalWarning',
		'node_modules/jest/bin/jest.js',
		...args,
	);
}

async function testInN8n(args) {
	const { prepareN8n } = await import('../test/e2e/n8n/prepare.mjs');
	Object.assign(process.env, await prepareN8n(say));
	return jest('--config', 'test/e2e/n8n/jest.config.mjs', ...args);
}

async function lint() {
	const findings = await tool('eslint/bin/eslint.js', '.');
	const format = await tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.');
	return findings || format;
}

async function typecheck() {
	let code = 0;
	for (const project of ['tsconfig.json', 'engine', 'test', 'test/nodes']) {
		code = (await tool('typescript/bin/tsc', '-p', project, '--noEmit')) || code;
	}
	return code;
}

function tool(script, ...args) {
	return runNode(`node_modules/${script}`, ...args);
}

function runNode(...args) {
	return runVisibly(pinnedNode, args, { cwd: root });
}

/** Kept off standard output, which belongs to what is being run. */
function say(text) {
	process.stderr.write(`${text}\n`);
}
