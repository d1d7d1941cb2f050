import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConnectProxy, Socks5Proxy } from '../../support/proxies.ts';
import { eventually } from '../../support/system.ts';
import { PEM, proxies, startSocks, WHATSAPP } from './proxying.ts';
import { startRawReceiver, startTlsReceiver } from './receivers.ts';
import { closeAll, closing, receive } from './sending.ts';

afterEach(closeAll);

describe('a tunnel', () => {
	it('is given up with the session that wanted it', async () => {
		const proxy = closing(await new Socks5Proxy({ isMute: true }).start());
		const session = new AbortController();

		const tunnel = proxies(443).open(
			{ url: proxy.url, mode: 'test' },
			{ host: WHATSAPP, port: 443 },
			session.signal,
		);
		await eventually(() => proxy.connections === 1);
		session.abort();

		await expect(tunnel).rejects.toMatchObject({ name: 'ProxyFault' });
		await eventually(() => proxy.open === 0);
	});

	it('outlives the time in which it had to be opened', async () => {
		const proxy = await startSocks();
		const echo = closing(await startRawReceiver((socket) => socket.pipe(socket)));

		const tunnel = await proxies(443, { timeoutMs: 200 }).open(
			{ url: proxy.url, mode: 'test' },
			{ host: WHATSAPP, port: echo.port },
		);
		await sleep(300);
		tunnel.write('hello');

		expect(String((await once(tunnel, 'data'))[0])).toBe('hello');
		tunnel.destroy();
	});

	it('keeps what the other end says first', async () => {
		const greeter = closing(await startRawReceiver((socket) => socket.write('welcome')));
		for (const proxy of [await startSocks(), closing(await new ConnectProxy().start())]) {
			const tunnel = await proxies(443).open(
				{ url: proxy.url, mode: 'test' },
				{ host: WHATSAPP, port: greeter.port },
			);
			await sleep(50);

			expect(String((await once(tunnel, 'data'))[0])).toBe('welcome');
			tunnel.destroy();
		}
	});

	it.each(['127.0.0.1', '::1'])('leads to the literal address %s as well', async (host) => {
		const server = createServer((_, response) => response.end('here')).listen(0, host);
		await once(server, 'listening');
		const { port } = server.address() as AddressInfo;
		for (const proxy of [await startSocks(), closing(await new ConnectProxy().start())]) {
			const tunnel = await proxies(443).open({ url: proxy.url, mode: 'test' }, { host, port });

			tunnel.write('GET / HTTP/1.0\r\n\r\n');

			expect(String((await once(tunnel, 'data'))[0])).toContain('200 OK');
			tunnel.destroy();
		}
		await new Promise((resolve) => server.close(resolve));
	});

	it('carries TLS through a proxy that is spoken to over TLS itself', async () => {
		const proxy = closing(await new ConnectProxy({ pem: PEM }).start());
		const whatsapp = closing(await startTlsReceiver(PEM));
		const url = `https://${WHATSAPP}:${proxy.port}`;

		const tunnel = await proxies(443).open(
			{ url, mode: 'test' },
			{ host: WHATSAPP, port: whatsapp.port },
		);
		const inner = connect({ socket: tunnel, servername: WHATSAPP, ca: PEM });
		inner.write(`GET / HTTP/1.1\r\nHost: ${WHATSAPP}\r\n\r\n`);

		expect(String((await once(inner, 'data'))[0])).toContain('200 OK');
		inner.destroy();
		await eventually(() => proxy.open === 0);
	});
});

describe('a download by fetch', () => {
	it.each(['http', 'https'])('over %s goes through the proxy', async (scheme) => {
		const proxy = await startSocks();
		const media = scheme === 'https' ? closing(await startTlsReceiver(PEM)) : await receive();
		const session = new AbortController();

		const answer = await download(
			`${scheme}://${WHATSAPP}:${media.port}/x`,
			proxy.url,
			session.signal,
		);

		expect(answer).toHaveProperty('ok', true);
		expect(proxy.targets).toEqual([`${WHATSAPP}:${media.port}`]);
		session.abort();
		await eventually(() => proxy.open === 0);
	});

	it('fails when the proxy does, instead of going directly', async () => {
		const media = await receive();
		const proxy = await startSocks();
		await proxy.stop();

		const answer = await download(`http://127.0.0.1:${media.port}/`, proxy.url);

		expect(String((answer as Error).cause)).toContain('The proxy cannot be reached.');
		expect(media.sockets).toEqual([]);
	});

	/** As Baileys does it: with the `fetch` of Node. */
	async function download(url: string, proxyUrl: string, signal = new AbortController().signal) {
		const dispatcher = proxies(443).dispatcher({ url: proxyUrl, mode: 'test' }, signal);
		const init: object = { dispatcher };
		return fetch(url, init).catch((error: unknown) => error);
	}
});
