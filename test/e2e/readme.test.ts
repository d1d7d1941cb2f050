import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineProcess, temporaryDir, TEST_KEY } from '../support/engine-process.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('the README', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;

	beforeEach(async () => {
		dir = await temporaryDir();
		engine = await EngineProcess.start({ dataDir: dir.path });
	});

	afterEach(async () => {
		await engine.stop();
		await dir.dispose();
	});

	it('is short', () => {
		expect(README.split('\n').length).toBeLessThan(150);
	});

	it('shows ten lines that end with a received webhook and a delivered answer', async () => {
		const lines = /<!-- first-message -->\s+```sh\n([\s\S]*?)```/.exec(README)![1]!;
		expect(lines.trim().split('\n')).toHaveLength(10);
		const pasted = lines
			.replace('zpk_test_PASTE_YOURS_HERE', TEST_KEY)
			.replace('http://127.0.0.1:3000', engine.url)
			.replaceAll('4000', String(await freePort()));

		const output = await bash(pasted);

		expect(output).toMatch(/webhook: \{"event":"message\.received".*Are you open\?/);
		expect(output).toMatch(/webhook: \{"event":"message\.sent"/);
		expect(output.trim().split('\n').at(-1)).toMatch(/"to":"5511988887777".*Yes, until six!/);
	});
});

function bash(script: string): Promise<string> {
	return new Promise((resolve) => {
		const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
		let output = '';
		for (const stream of [shell.stdout, shell.stderr]) {
			stream.setEncoding('utf8').on('data', (text: string) => (output += text));
		}
		shell.on('close', () => resolve(output));
	});
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}
