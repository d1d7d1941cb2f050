import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/system.ts';

export type Language = 'javascript' | 'standardwebhooks' | 'python' | 'php';

/** A receiver made of a snippet of docs/webhooks.md, in a process of its own. */
export interface SnippetReceiver {
	readonly url: string;
	/** Whether it still runs. */
	readonly running: boolean;
	stop(): Promise<void>;
}

const TEXT = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** The code block after `<!-- name -->`, without the indentation of a list. */
export function snippet(name: string): string {
	const block = new RegExp(`^( *)<!-- ${name} -->\\s+\`\`\`\\w+\\n(.*?)^ *\`\`\``, 'ms').exec(TEXT);
	if (block === null) throw new Error(`docs/webhooks.md has no block ${name}.`);
	const [, indentation = '', code = ''] = block;
	return code.replaceAll(new RegExp(`^${indentation}`, 'gm'), '');
}

/** Starts one and returns once it listens or has ended. */
export async function startReceiver(
	language: Language,
	secret: string | undefined,
): Promise<SnippetReceiver> {
	const folder = await mkdtemp(join(tmpdir(), 'whatisup-snippet-'));
	await symlink(NODE_MODULES, join(folder, 'node_modules'));
	const port = await freePort();
	const [program, ...args] = await prepare(language, folder, port);
	const child = spawn(program, args, {
		cwd: folder,
		stdio: ['ignore', 'ignore', 'pipe'],
		env: {
			...process.env,
			...(secret === undefined ? {} : { WHATISUP_SIGNING_SECRET: secret }),
		},
	});
	let output = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
	await eventually(() => hasEnded(child) || listens(port), {
		withinMs: 20_000,
		what: `the receiver in ${language} (${output})`,
	});
	return {
		url: `http://127.0.0.1:${port}/`,
		get running() {
			return !hasEnded(child);
		},
		stop: async () => {
			if (!hasEnded(child)) {
				child.kill('SIGKILL');
				await once(child, 'exit');
			}
			await rm(folder, { recursive: true });
		},
	};
}

type Command = readonly [program: string, ...args: string[]];

async function prepare(language: Language, folder: string, port: number): Promise<Command> {
	const write = (name: string, code: string) => writeFile(join(folder, name), code);
	const onPort = snippet(`verify-${language}`).replaceAll('4000', String(port));
	switch (language) {
		case 'javascript':
			await write('receiver.mjs', onPort);
			return [process.execPath, 'receiver.mjs'];
		case 'standardwebhooks':
			await write('receive.mjs', onPort);
			await write('receiver.mjs', serverAround(port));
			return [process.execPath, 'receiver.mjs'];
		case 'python':
			await write('receiver.py', onPort);
			return [await interpreter('python'), 'receiver.py'];
		case 'php':
			await write('receiver.php', onPort);
			return [await interpreter('php'), '-S', `127.0.0.1:${port}`, 'receiver.php'];
	}
}

/** That snippet is a function only. */
function serverAround(port: number): string {
	return `
		import { createServer } from 'node:http';
		import { receive } from './receive.mjs';

		createServer(async (request, response) => {
			const rawBody = Buffer.concat(await request.toArray());
			try {
				receive(rawBody, request.headers);
				response.writeHead(204).end();
			} catch {
				response.writeHead(401).end();
			}
		}).listen(${port}, '127.0.0.1');
	`;
}

/** Found, or installed where that is possible. */
export async function interpreter(name: 'python' | 'php'): Promise<string> {
	const [{ requireProgram }, programs] = await Promise.all([
		load<{ requireProgram: (program: unknown, say: (text: string) => void) => Promise<string> }>(
			'../support/debian-package.mjs',
		),
		load<Record<string, unknown>>('../support/interpreters.mjs'),
	]);
	return requireProgram(programs[name], (text) => process.stderr.write(`${text}\n`));
}

/** These modules are JavaScript, for they run before the pinned Node is there: no types. */
async function load<T>(path: string): Promise<T> {
	return (await import(path)) as T;
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
	return exitCode !== null || signalCode !== null;
}

function listens(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}
