import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineProcess, LIVE_KEY, temporaryDir, TEST_KEY } from '../support/engine-process.ts';
import { Socks5Proxy } from '../support/proxies.ts';
import { eventually } from '../support/system.ts';

const LOGIN = { user: 'ann-of-the-shop', password: 'word of mine' };

/** The built engine, and instances behind a proxy. */
describe('the proxy of an instance', () => {
	let dir: Awaited<ReturnType<typeof temporaryDir>>;
	let engine: EngineProcess;
	let proxy: Socks5Proxy;

	beforeEach(async () => {
		dir = await temporaryDir();
		proxy = await new Socks5Proxy({ login: LOGIN }).start();
		engine = await EngineProcess.start({ dataDir: dir.path });
	});

	afterEach(async () => {
		engine.kill('SIGKILL');
		await engine.exited;
		await proxy.stop();
		await dir.dispose();
	});

	it('carries the session, which comes back by itself after the proxy was away', async () => {
		const { id } = await create(proxy.url);
		await engine.call('POST', `/v1/instances/${id}/start`);
		await engine.call('GET', `/v1/instances/${id}/qr`);
		await engine.call('POST', `/v1/sandbox/instances/${id}/scan`, {});
		await reach(id, 'connected');

		await proxy.stop();
		await reach(id, 'reconnecting');
		await proxy.start();
		await reach(id, 'connected');

		const upstream = new Set(proxy.targets);
		expect(upstream.size).toBe(1);
		expect(proxy.bytes.down).toBeGreaterThan(1_000);
	});

	it('is shown without its credentials, and kept when something else is changed', async () => {
		const shown = { url: `socks5://127.0.0.1:${proxy.port}`, has_credentials: true };

		const created = await create(proxy.url);
		const renamed = await engine.call('PATCH', `/v1/instances/${created.id}`, { name: 'new' });
		const removed = await engine.call('PATCH', `/v1/instances/${created.id}`, { proxy: null });

		expect(created).toMatchObject({ proxy: shown });
		expect(renamed).toMatchObject({ proxy: shown });
		expect(removed).toMatchObject({ proxy: null });
	});

	it('is tried before it is saved', async () => {
		const wrong = await refusal(proxy.urlWith(LOGIN.user, 'guess'), TEST_KEY);
		const inside = await refusal(proxy.url, LIVE_KEY);
		const metadata = await refusal('http://169.254.169.254', TEST_KEY);

		expect(wrong).toMatchObject({
			status: 422,
			code: 'proxy_unreachable',
			details: { reason: 'credentials_refused' },
		});
		expect(inside).toMatchObject({ status: 422, code: 'proxy_not_allowed' });
		expect(metadata).toMatchObject({ status: 422, code: 'proxy_not_allowed' });
		for (const secret of [LOGIN.user, LOGIN.password, encodeURIComponent(LOGIN.password)]) {
			expect(JSON.stringify([wrong, inside])).not.toContain(secret);
			expect(engine.output).not.toContain(secret);
		}
	});

	function create(url: string): Promise<{ id: string }> {
		return engine.call('POST', '/v1/instances', { name: 'shop', proxy: { url } });
	}

	async function reach(id: string, state: string): Promise<void> {
		const isReached = async () => (await engine.call('GET', `/v1/instances/${id}`)).state === state;
		await eventually(isReached, { withinMs: 20_000, what: state });
	}

	async function refusal(url: string, key: string): Promise<object> {
		const response = await fetch(`${engine.url}/v1/instances`, {
			method: 'POST',
			headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
			body: JSON.stringify({ name: 'shop', proxy: { url } }),
		});
		const { error } = (await response.json()) as { error: object };
		return { status: response.status, ...error };
	}
});
