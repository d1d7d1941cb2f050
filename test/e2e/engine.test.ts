import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EVENT_NAMES } from '../../engine/src/domain/events.ts';
import { EngineProcess, LIVE_KEY, temporaryDir } from '../support/engine-process.ts';
import { freshDatabase } from '../support/postgres.ts';
import { Receiver } from '../support/receiver.ts';
import { eventually } from '../support/system.ts';

const SECRET = 'k'.repeat(40);

/** The built engine as its operator runs it: embedded, and on Postgres. */
describe.each(['SQLite', 'Postgres'])('the engine on %s', (database) => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let receiver: Receiver;
	let env: Record<string, string>;
	let engine: EngineProcess;

	beforeEach(async () => {
		dir = await temporaryDir();
		receiver = await new Receiver().start();
		env = { SANDBOX_RECEIPT_DELAY_MS: '20' };
		if (database === 'Postgres') {
			env = {
				...env,
				DATABASE_URL: await freshDatabase(),
				SECRETS_KEY: SECRET,
				API_KEY_PEPPER: SECRET,
			};
		}
		engine = await start();
	});

	afterEach(async () => {
		engine.kill('SIGKILL');
		await engine.exited;
		await receiver.stop();
		await dir.dispose();
	});

	it('pairs, receives, answers, and reports both by webhook', async () => {
		await subscribe();
		const id = await pair();

		await write(id, 'Are you open?');
		const webhook = await eventually(() => receiver.of('message.received')[0]);
		const { message_id } = await engine.call<{ message_id: string }>(
			'POST',
			`/v1/instances/${id}/messages`,
			{ to: webhook.json.data['from'], body: { type: 'text', text: 'Yes!' } },
		);
		await eventually(() => receiver.of('message.sent').length);

		await eventually(async () => {
			const { status } = await engine.call('GET', `/v1/instances/${id}/messages/${message_id}`);
			return status === 'read';
		});
		const { data } = await engine.call('GET', `/v1/sandbox/instances/${id}/outbox`);
		expect(data).toMatchObject([{ to: '5511988887777', body: { type: 'text', text: 'Yes!' } }]);
		const sequences = receiver.received.map(({ json }) => json.sequence);
		expect([...sequences].sort((a, b) => a - b)).toEqual(sequences.map((_, i) => i + 1));
	});

	it('stops cleanly on SIGTERM, and its instances come back without a scan', async () => {
		const id = await pair();

		expect(await engine.stop()).toEqual({ code: 0, signal: null });
		engine = await start();

		await connected(id);
	});

	it('comes back after SIGKILL: sessions reconnect and pending deliveries go out', async () => {
		await subscribe();
		const id = await pair();
		receiver.answer = () => undefined;
		await write(id, 'into the void');
		await eventually(() => receiver.of('message.received').length);

		engine.kill('SIGKILL');
		await engine.exited;
		receiver.answer = () => 200;
		engine = await start();

		await connected(id);
		const repeats = await eventually(
			() => {
				const webhooks = receiver.of('message.received');
				return webhooks.length > 1 ? webhooks : undefined;
			},
			{ what: 'the second attempt' },
		);
		expect(new Set(repeats.map(({ json }) => json.event_id)).size).toBe(1);
	});

	it('shows nobody but its owner what it keeps', async () => {
		if (database === 'Postgres')
			return expect(await readdir(dir.path)).not.toContain('secrets.key');

		for (const name of ['secrets.key', 'api-key.pepper']) {
			expect((await stat(join(dir.path, name))).mode & 0o777).toBe(0o600);
		}
	});

	it('answers health and readiness without a key', async () => {
		const health = await fetch(`${engine.url}/healthz`);
		const ready = await eventually(async () => {
			const answer = await fetch(`${engine.url}/readyz`);
			return answer.ok ? answer : undefined;
		});

		expect(await health.json()).toMatchObject({ status: 'ok' });
		expect(ready.status).toBe(200);
		expect(await ready.json()).toMatchObject({
			checks: { database: 'ok', sessions_resumed: 'ok' },
			sessions: { open: 0, connected: 0, capacity: 50 },
		});
	});

	it('starts, serves and keeps trying when WhatsApp cannot be reached', async () => {
		engine.kill('SIGKILL');
		await engine.exited;
		env = { ...env, WHATSAPP_SOCKET_URL: 'ws://127.0.0.1:1/ws/chat' };
		engine = await start();

		const create = { name: 'real' };
		const { id } = await engine.call<{ id: string }>('POST', '/v1/instances', create, LIVE_KEY);
		await engine.call('POST', `/v1/instances/${id}/start`, undefined, LIVE_KEY);

		const instance = await eventually(async () => {
			const now = await engine.call('GET', `/v1/instances/${id}`, undefined, LIVE_KEY);
			return now['status_reason'] === null ? undefined : now;
		});
		expect(instance).toMatchObject({ state: 'starting', status_reason: 'connection_timed_out' });
		expect((await fetch(`${engine.url}/healthz`)).status).toBe(200);
		await eventually(async () => (await fetch(`${engine.url}/readyz`)).ok);
	});

	it('writes no text, key or phone number to its log', async () => {
		engine.kill('SIGKILL');
		await engine.exited;
		env = { ...env, LOG_LEVEL: 'debug' };
		engine = await start();
		await subscribe();
		const id = await pair();
		const { phone_number } = await engine.call('GET', `/v1/instances/${id}`);
		await write(id, 'a text that stays private');
		await eventually(() => receiver.of('message.received').length);

		expect(engine.output).toMatch(/delivery attempted/);
		expect(engine.output).not.toMatch(/stays private/);
		expect(engine.output).not.toContain(String(phone_number));
		expect(engine.output).not.toContain('5511988887777');
		expect(engine.output).not.toMatch(/zpk_(live|test)_[A-Za-z0-9_-]{20}|whsec_|privKey/);
	});

	function start(): Promise<EngineProcess> {
		return EngineProcess.start({ dataDir: dir.path, env });
	}

	async function subscribe(): Promise<void> {
		const events = EVENT_NAMES;
		await engine.call('POST', '/v1/webhook-endpoints', { url: receiver.url, events });
	}

	async function pair(): Promise<string> {
		const { id } = await engine.call<{ id: string }>('POST', '/v1/instances', { name: 'shop' });
		await engine.call('POST', `/v1/sandbox/instances/${id}/scan`, {});
		await connected(id);
		return id;
	}

	async function connected(id: string): Promise<void> {
		await eventually(
			async () => (await engine.call('GET', `/v1/instances/${id}`))['state'] === 'connected',
			{ what: 'the connection', withinMs: 25_000 },
		);
	}

	async function write(id: string, text: string): Promise<void> {
		await engine.call('POST', `/v1/sandbox/instances/${id}/messages`, {
			from: '5511988887777',
			body: { type: 'text', text },
		});
	}
});

it('prints the keys that it makes, once, and takes those that it is given', async () => {
	const dir = await temporaryDir();
	const noKeys = { WHATISUP_LIVE_KEY: '', WHATISUP_TEST_KEY: '' };

	const first = await EngineProcess.start({ dataDir: dir.path, env: noKeys });
	const printed = [...first.output.matchAll(/zpk_(live|test)_[A-Za-z0-9_-]{43}/g)].map(([k]) => k);
	const list = await first.call('GET', '/v1/instances', undefined, printed[1]!);
	await first.stop();
	const second = await EngineProcess.start({ dataDir: dir.path, env: noKeys });
	await second.stop();
	await dir.dispose();

	expect(printed.map((key) => key.slice(0, 9))).toEqual(['zpk_live_', 'zpk_test_']);
	expect(list).toMatchObject({ data: [] });
	expect(second.output).not.toMatch(/zpk_/);
});
