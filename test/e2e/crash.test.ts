import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SimulatedNetwork } from '../../engine/src/sandbox/simulated-network.ts';
import { quietLibsignal } from '../../engine/src/drivers/baileys/quiet-libsignal.ts';
import { EngineProcess, LIVE_KEY, temporaryDir } from '../support/engine-process.ts';
import { Receiver } from '../support/receiver.ts';
import { eventually } from '../support/system.ts';

/** Each step of an inbound message, from the socket to the settled delivery. */
const STEPS = [
	'stanza_read',
	'decrypted',
	'receipt_sent',
	'event_committed',
	'delivery_sent',
	'before_settling',
] as const;

const BURST = 500;
const KILL_AT = new URL('./kill-at.mjs', import.meta.url).pathname;

/**
 * The network lives in this process and outlives the engine, as WhatsApp does: it delivers again
 * what was not acknowledged, and nothing else.
 */
describe('an engine that is killed with SIGKILL', () => {
	let network: SimulatedNetwork;
	let receiver: Receiver;
	let dataDir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;
	let phoneNumber: string;
	let round = 0;

	beforeAll(async () => {
		quietLibsignal();
		network = new SimulatedNetwork({ receiptDelayMs: 20 });
		await network.start();
		receiver = await new Receiver().start();
		dataDir = await temporaryDir();
		engine = await startEngine();
		const { id } = await call<{ id: string }>('POST', '/v1/instances', { name: 'shop' });
		await call('POST', '/v1/webhook-endpoints', {
			url: receiver.url,
			events: ['message.received'],
		});
		const { code } = await call<{ code: string }>('GET', `/v1/instances/${id}/qr`);
		({ phoneNumber } = await network.scanQr(code));
		await eventually(
			async () =>
				(await call<{ state: string }>('GET', `/v1/instances/${id}`)).state === 'connected',
			{ what: 'the connection' },
		);
		await engine.stop();
	}, 60_000);

	afterAll(async () => {
		engine?.kill('SIGKILL');
		await receiver?.stop();
		await network?.stop();
		await dataDir?.dispose();
	});

	describe.each(STEPS)('at the step %s', (step) => {
		it.each([
			['a single message', 1],
			[`a burst of ${BURST}`, BURST],
		])(
			'loses nothing of %s, invents nothing, and repeats with the same event_id',
			async (_, count) => {
				const texts = await sendAndKill(step, count);

				engine = await startEngine();

				await eventually(() => texts.every((text) => heard().has(text)), {
					withinMs: 60_000,
					what: 'every event',
				});
				await eventually(() => network.devices()[0]?.undelivered === 0, {
					what: 'every acknowledgement',
				});
				await eventually(() => settled(), { withinMs: 60_000, what: 'every settled delivery' });
				const events = [...heard()];
				expect(events.map(([text]) => text).sort()).toEqual([...texts].sort());
				for (const [, webhooks] of events) {
					expect(new Set(webhooks.map(({ json }) => json.event_id)).size).toBe(1);
					expect(new Set(webhooks.map(({ body }) => body)).size).toBe(1);
				}
				expect(network.unhandled).toEqual([]);
				await engine.stop();
			},
			120_000,
		);
	});

	async function sendAndKill(step: (typeof STEPS)[number], count: number): Promise<string[]> {
		receiver.received.length = 0;
		receiver.answer = () => 200;
		engine = await startEngine({
			KILL_AT: step,
			// Half-way through a burst; the two steps that this process watches count here.
			KILL_AFTER: String(Math.floor(count / 2)),
		});
		await eventually(() => network.devices()[0]?.connected, { what: 'the login' });
		const kill = () => engine.kill('SIGKILL');
		if (step === 'receipt_sent') network.once('delivered', kill);
		if (step === 'delivery_sent') {
			receiver.answer = () => {
				if (receiver.received.length <= count / 2) return 200;
				kill();
				return undefined;
			};
		}
		round++;
		const texts = Array.from({ length: count }, (_, i) => `round ${round}, message ${i}`);
		for (const [i, text] of texts.entries()) {
			await network.sendText({ from: `55119888877${i % 10}0`, to: phoneNumber, text });
		}
		expect(await engine.exited).toMatchObject({ signal: 'SIGKILL' });
		network.removeListener('delivered', kill);
		receiver.answer = () => 200;
		return texts;
	}

	/** What arrived in this round, by text: more than one where a delivery was repeated. */
	function heard() {
		const byText = new Map<string, typeof receiver.received>();
		for (const webhook of receiver.received) {
			const { text } = webhook.json.data['body'] as { text: string };
			byText.set(text, [...(byText.get(text) ?? []), webhook]);
		}
		return byText;
	}

	async function settled(): Promise<boolean> {
		for (const status of ['pending', 'retrying']) {
			const path = `/v1/webhook-deliveries?status=${status}&limit=1`;
			const { data } = await call<{ data: unknown[] }>('GET', path);
			if (data.length > 0) return false;
		}
		return true;
	}

	function startEngine(env: Record<string, string> = {}): Promise<EngineProcess> {
		return EngineProcess.start({
			dataDir: dataDir.path,
			env: {
				WHATSAPP_SOCKET_URL: network.url,
				WEBHOOK_ALLOW_PRIVATE: `127.0.0.1:${receiver.port}`,
				...env,
			},
			preload: 'KILL_AT' in env ? [KILL_AT] : [],
		});
	}

	function call<T>(method: string, path: string, body?: unknown): Promise<T> {
		return engine.call<T>(method, path, body, LIVE_KEY);
	}
});
