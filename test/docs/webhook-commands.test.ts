import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineProcess, temporaryDir, TEST_KEY } from '../support/engine-process.ts';
import { Receiver } from '../support/receiver.ts';
import { eventually } from '../support/system.ts';

const START_PATIENCE_MS = 60_000;

const text = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/^```sh\n([^]*?)```/gm)].map(([, block]) => block!);
const [setup = '', create = '', ...others] = blocks;

/** Where a reader pastes an id, it is taken from what the engine has. */
const PASTED: Readonly<Record<string, string>> = {
	wh_PASTE_YOURS_HERE: firstOf('wh', '$API/webhook-endpoints'),
	dlv_PASTE_YOURS_HERE: firstOf('dlv', '$API/webhook-deliveries'),
	evt_PASTE_YOURS_HERE: `$(api $API/webhook-deliveries | grep -o 'evt_[0-9a-f-]*' | tail -1)`,
	rpl_PASTE_YOURS_HERE: firstOf('rpl', '$API/webhook-endpoints/$ENDPOINT/replays'),
	zst_PASTE_YOURS_HERE: `$(api -X POST $API/events/token | grep -o 'zst_[^"]*')`,
};

/** Beyond the comments at its beginning a stream that is resumed shows an event. */
const STREAM_SECONDS = 3;

describe('the commands in docs/webhooks.md', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;
	let receiver: Receiver;
	let created: Ran;

	beforeAll(async () => {
		dir = await temporaryDir();
		receiver = await new Receiver().start();
		engine = await EngineProcess.start({ dataDir: dir.path });
		const instanceId = await pairedInstance();
		created = await bash(ready(create));
		await write(instanceId, 'Are you open?');
		await write(instanceId, 'Hello?');
		await eventually(() => receiver.of('message.received').length === 2, {
			what: 'two messages to be delivered',
		});
	}, START_PATIENCE_MS);

	afterAll(async () => {
		await engine.stop();
		await receiver.stop();
		await dir.dispose();
	});

	it('make an endpoint and give its secret', () => {
		const { answers } = created;

		expect(answers).toEqual([expect.objectContaining({ signing_secret: expect.any(String) })]);
	});

	it.each(withoutStreams(others))('work: %s', async (_line, block) => {
		const { answers, code } = await bash(ready(block));

		const wanted = block.match(/^api /gm)?.length;
		expect({ code, answers: answers.length }).toEqual({ code: 0, answers: wanted });
		expect(answers.filter((answer) => 'error' in answer && 'request_id' in answer)).toEqual([]);
	});

	it.each(withStreams(others))('open a stream: %s', async (_line, block) => {
		const { output } = await bash(ready(block));

		expect(output).toContain(': events follow as they happen');
		if (block.includes('Last-Event-ID')) expect(output).toContain('data: {"event":');
	});

	/** As a reader pastes it, with the engine, the receiver and the ids of this test. */
	function ready(block: string): string {
		const script = `${setup}\n${block.includes('$ENDPOINT') ? 'ENDPOINT=wh_PASTE_YOURS_HERE\n' : ''}`;
		const ids = block.includes('$DELIVERY') ? 'DELIVERY=dlv_PASTE_YOURS_HERE\n' : '';
		const known = Object.entries(PASTED).reduce(
			(whole, [placeholder, command]) => whole.replaceAll(placeholder, command),
			script + ids + block,
		);
		return known
			.replace('zpk_test_PASTE_YOURS_HERE', TEST_KEY)
			.replace('http://127.0.0.1:3000', engine.url)
			.replace('http://127.0.0.1:4000/', receiver.url)
			.replaceAll('curl -N', `curl -sN --max-time ${STREAM_SECONDS}`);
	}

	async function pairedInstance(): Promise<string> {
		const { id } = await engine.call<{ id: string }>('POST', '/v1/instances', { name: 'shop' });
		await engine.call('POST', `/v1/sandbox/instances/${id}/scan`, {});
		await eventually(
			async () => {
				const { state } = await engine.call<{ state: string }>('GET', `/v1/instances/${id}`);
				return state === 'connected';
			},
			{ what: 'a connection' },
		);
		return id;
	}

	async function write(instanceId: string, words: string): Promise<void> {
		const message = { from: '5511988887777', body: { type: 'text', text: words } };
		await engine.call('POST', `/v1/sandbox/instances/${instanceId}/messages`, message);
	}
});

function withStreams(all: readonly string[]): [string, string][] {
	return titled(all.filter((block) => block.includes('curl -N')));
}

function withoutStreams(all: readonly string[]): [string, string][] {
	return titled(all.filter((block) => !block.includes('curl -N')));
}

/** With the first line as its title. */
function titled(all: readonly string[]): [string, string][] {
	return all.map((block) => [block.split('\n')[0]!, block]);
}

function firstOf(prefix: string, list: string): string {
	return `$(api ${list} | grep -o '${prefix}_[0-9a-f-]*' | head -1)`;
}

interface Ran {
	readonly output: string;
	/** What was JSON among the lines. */
	readonly answers: readonly object[];
	readonly code: number | null;
}

function bash(script: string): Promise<Ran> {
	return new Promise((resolve) => {
		const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
		let output = '';
		shell.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
		shell.on('close', (code) => {
			const lines = output.split('\n').filter((line) => line.startsWith('{'));
			resolve({ output, code, answers: lines.map((line) => JSON.parse(line) as object) });
		});
	});
}
