import { afterEach, describe, expect, it } from '@jest/globals';
import {
	ConnectProxy,
	Socks5Proxy,
	type TestProxy,
	type TestProxyOptions,
} from '../../support/proxies.ts';
import { eventually } from '../../support/system.ts';
import { PEM, proxies, startSocks, WHATSAPP } from './proxying.ts';
import { certificateFor, closedPort, startRawReceiver, startTlsReceiver } from './receivers.ts';
import { closeAll, closing, receive } from './sending.ts';

const LOGIN = { user: 'ann@shop', password: 'p@ss:w%rd/ü ' };
const PUBLIC = '93.184.216.34';

afterEach(closeAll);

describe.each(['http', 'https', 'socks5'])('the check of a proxy over %s', (scheme) => {
	it('passes when the proxy reaches WhatsApp, whose name it resolves itself', async () => {
		const proxy = await start();
		const whatsapp = await receive();

		const verdict = await proxies(whatsapp.port).check(urlOf(proxy), 'test');

		expect(verdict).toEqual({ ok: true });
		expect(proxy.targets).toEqual([`${WHATSAPP}:${whatsapp.port}`]);
		expect(whatsapp.sockets).toHaveLength(1);
		expect(proxy.connections).toBe(1);
	});

	it('passes with the right user and password, whatever characters these have', async () => {
		const proxy = await start({ login: LOGIN });
		const whatsapp = await receive();

		expect(await proxies(whatsapp.port).check(urlOf(proxy), 'test')).toEqual({ ok: true });
	});

	it.each([
		['a wrong password', 'ann%40shop:guess@'],
		['another user', 'bob:p%40ss@'],
		['no credentials', ''],
	])('is told that the proxy refuses %s', async (_, credentials) => {
		const proxy = await start({ login: LOGIN });
		const whatsapp = await receive();

		const verdict = await proxies(whatsapp.port).check(urlOf(proxy, credentials), 'test');

		expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'credentials_refused' });
		expect(whatsapp.sockets).toEqual([]);
	});

	it('is told that the proxy is not there', async () => {
		const proxy = await start();
		const whatsapp = await receive();
		await proxy.stop();

		const verdict = await proxies(whatsapp.port).check(urlOf(proxy), 'test');

		expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'connect_failed' });
	});

	it('is told that the proxy cannot connect to WhatsApp, and why in test mode', async () => {
		const proxy = await start();

		const verdict = await proxies(await closedPort()).check(urlOf(proxy), 'test');

		expect(verdict).toMatchObject({
			code: 'proxy_unreachable',
			reason: 'target_unreachable',
			hint: expect.stringContaining('simulated inside the engine'),
		});
	});

	it('is told that the proxy may not connect to WhatsApp', async () => {
		const proxy = await start({ refuseWith: scheme === 'socks5' ? 2 : 403 });
		const whatsapp = await receive();

		const verdict = await proxies(whatsapp.port).check(urlOf(proxy), 'test');

		expect(verdict).toMatchObject({ reason: 'target_unreachable' });
	});

	it('gives up on a proxy that says nothing, and leaves no connection behind', async () => {
		const proxy = await start({ isMute: true });
		const startedAt = performance.now();

		const verdict = await proxies(443, { timeoutMs: 300 }).check(urlOf(proxy), 'test');

		expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'no_answer' });
		expect(performance.now() - startedAt).toBeLessThan(3_000);
		await eventually(() => proxy.open === 0);
	});

	it('leaves no connection behind when it passes', async () => {
		const proxy = await start();
		const whatsapp = await receive();

		await proxies(whatsapp.port).check(urlOf(proxy), 'test');

		await eventually(() => proxy.open === 0);
	});

	it('has WhatsApp prove who it is where the session would', async () => {
		const proxy = await start();
		const whatsapp = closing(await startTlsReceiver(PEM));
		const impostor = closing(await startTlsReceiver(certificateFor('impostor.test')));

		const passed = await proxies(whatsapp.port, { scheme: 'wss' }).check(urlOf(proxy), 'test');
		const refused = await proxies(impostor.port, { scheme: 'wss' }).check(urlOf(proxy), 'test');

		expect(passed).toEqual({ ok: true });
		expect(refused).toMatchObject({ ok: false, reason: 'target_unreachable' });
		await eventually(() => proxy.open === 0);
	});

	it('never repeats a user or a password', async () => {
		const secrets = ['user-of-mine', 'word-of-mine'];
		const proxy = await start({ login: LOGIN });
		const url = urlOf(proxy, `${secrets.join(':')}@`);
		const dead = `http://${secrets.join(':')}@127.0.0.1:${await closedPort()}`;
		const urls = [url, `${url}/path`, `${url}#x`, url.replace('127', '%zz'), dead];

		const verdicts = await Promise.all(
			urls.flatMap((each) => [
				proxies(443).check(each, 'live'),
				proxies(443).check(each, 'test'),
				proxies(443).open({ url: each, mode: 'test' }, { host: WHATSAPP, port: 443 }).catch(String),
			]),
		);

		expect(verdicts).toHaveLength(15);
		for (const secret of secrets) expect(JSON.stringify(verdicts)).not.toContain(secret);
	});

	async function start(options: TestProxyOptions = {}): Promise<TestProxy> {
		if (scheme === 'socks5') return closing(await new Socks5Proxy(options).start());
		const tls = scheme === 'https' ? { pem: PEM } : {};
		return closing(await new ConnectProxy({ ...options, ...tls }).start());
	}

	/** The certificate of the `https` proxy is for a name, which the guard resolves to loopback. */
	function urlOf(proxy: TestProxy, credentials?: string): string {
		const url = credentials === undefined ? proxy.url : proxy.at(credentials);
		return scheme === 'https' ? url.replace('127.0.0.1', WHATSAPP) : url;
	}
});

describe('the check of something that is no proxy', () => {
	it.each(['http', 'socks5'])('says so of a web server, over %s', async (scheme) => {
		const web = await receive();

		const verdict = await proxies(443).check(`${scheme}://127.0.0.1:${web.port}`, 'test');

		expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'not_a_proxy' });
	});

	it.each(['http', 'socks5'])('says so of one that hangs up, over %s', async (scheme) => {
		const rude = closing(await startRawReceiver((socket) => socket.end()));

		const verdict = await proxies(443).check(`${scheme}://127.0.0.1:${rude.port}`, 'test');

		expect(verdict).toMatchObject({ reason: 'not_a_proxy' });
	});

	it('tells that a proxy over https shows a wrong certificate, or none', async () => {
		const plain = closing(await new ConnectProxy().start());
		const other = closing(await new ConnectProxy({ pem: certificateFor('other.test') }).start());

		for (const { port } of [plain, other]) {
			const verdict = await proxies(443).check(`https://${WHATSAPP}:${port}`, 'test');
			expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'tls_failed' });
		}
	});

	it('tells that a name cannot be resolved', async () => {
		const resolve = () => Promise.resolve([]);

		const verdict = await proxies(443, { resolve }).check('http://nowhere.example:3128', 'live');

		expect(verdict).toMatchObject({ code: 'proxy_unreachable', reason: 'host_not_found' });
	});
});

describe('the address of a proxy', () => {
	it.each([
		['http://169.254.169.254', 'address_not_allowed'],
		['http://169.254.169.254:3128', 'address_not_allowed'],
		['socks5://0xa9fea9fe:1080', 'address_not_allowed'],
		['socks5://[fd00:ec2::254]:1080', 'address_not_allowed'],
		['http://168.63.129.16', 'address_not_allowed'],
		['http://100.100.100.200', 'address_not_allowed'],
		['https://metadata.google.internal', 'host_not_allowed'],
		['socks5://10.0.0.1', 'address_not_allowed'],
		['socks5://192.168.1.1:1080', 'address_not_allowed'],
		['http://172.17.0.1:3128', 'address_not_allowed'],
		['http://redis:6379', 'host_not_allowed'],
		['socks5://host.docker.internal', 'host_not_allowed'],
		['http://0.0.0.0:3128', 'address_not_allowed'],
		['http://[::ffff:10.0.0.1]:3128', 'address_not_allowed'],
		[`http://${PUBLIC}:25`, 'port_not_allowed'],
		[`socks5://${PUBLIC}:22`, 'port_not_allowed'],
	])('%s is refused in both modes', async (url, reason) => {
		for (const mode of ['live', 'test'] as const) {
			const verdict = await proxies(443).check(url, mode);
			expect(verdict).toMatchObject({ code: 'proxy_not_allowed', reason });
		}
	});

	it.each([
		['http://127.0.0.1'],
		['socks5://[::1]'],
		['http://localhost'],
		['socks5://2130706433'],
	])('%s is refused in live mode', async (origin) => {
		const proxy = closing(await new ConnectProxy().start());

		const verdict = await proxies(443).check(`${origin}:${proxy.port}`, 'live');

		expect(verdict).toMatchObject({ code: 'proxy_not_allowed' });
		expect(proxy.connections).toBe(0);
	});

	it('may be private where WEBHOOK_ALLOW_PRIVATE lists it, for that port alone', async () => {
		const [listed, other] = [await startSocks(), await startSocks()];
		const whatsapp = await receive();
		const allow = `127.0.0.1:${listed.port}`;

		const passed = await proxies(whatsapp.port, { allow }).check(listed.url, 'live');
		const refused = await proxies(whatsapp.port, { allow }).check(other.url, 'live');

		expect(passed).toEqual({ ok: true });
		expect(refused).toMatchObject({ reason: 'address_not_allowed' });
	});

	it('is refused when its name has a private address among public ones', async () => {
		const proxy = await startSocks();
		const resolve = () => Promise.resolve([PUBLIC, '127.0.0.1']);

		const verdict = await proxies(443, { resolve }).check(
			`socks5://proxy.example:${proxy.port}`,
			'live',
		);

		expect(verdict).toMatchObject({ code: 'proxy_not_allowed', reason: 'address_not_allowed' });
		expect(proxy.connections).toBe(0);
	});

	it('is judged anew at each connection, so a name that moves inwards gains nothing', async () => {
		const proxy = await startSocks();
		const whatsapp = await receive();
		const answers = [PUBLIC, '127.0.0.1'];
		const resolve = () => Promise.resolve([answers.shift() ?? '127.0.0.1']);
		const moving = proxies(whatsapp.port, { resolve, timeoutMs: 200 });
		const url = `socks5://proxy.example:${proxy.port}`;

		const saved = await moving.check(url, 'live');
		const connected = moving.open({ url, mode: 'live' }, { host: WHATSAPP, port: 443 });

		// What answers there, if anything does, is for the network around this machine to say.
		expect(saved).not.toMatchObject({ reason: 'address_not_allowed' });
		await expect(connected).rejects.toMatchObject({ reason: 'address_not_allowed' });
		expect(proxy.connections).toBe(0);
	});
});
