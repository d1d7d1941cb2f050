import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DriverSession, Log, OpenSession } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import { WebVersion } from '../../../engine/src/drivers/baileys/web-version.ts';
import { SessionProxies } from '../../../engine/src/net/session-proxy.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import { tameBaileys } from '../../support/baileys-client.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import {
	ConnectProxy,
	Socks5Proxy,
	type TestProxy,
	type TestProxyOptions,
} from '../../support/proxies.ts';
import { eventually, silentLog, systemClock } from '../../support/system.ts';
import { certificateFor } from '../net/receivers.ts';

/** No resolver knows it: who comes to it came through a proxy. */
const WHATSAPP = 'web.whatsapp.test';
const CONTACT = '5511988887777';
const LOGIN = { user: 'ann', password: 'p@ss/word' };
/** The certificate of a proxy over TLS. */
const PROXY_HOST = 'proxy.test';
const PEM = certificateFor(PROXY_HOST);

const CONNECTION_TIMED_OUT = 408;
const CONNECTION_LOST = 428;
const SERVER_ERROR = 500;

let network: SimulatedNetwork;
let store: TestEngineStore;
let driver: BaileysDriver;
let instanceId: InstanceId;
let heard: Heard;
let session: DriverSession | undefined;
let proxy: TestProxy;
/** The ports of every connection that this process has made. */
let dialled: number[];
let restore: () => void;

beforeAll(() => {
	restore = tameBaileys();
});

beforeEach(async () => {
	network = new SimulatedNetwork({ receiptDelayMs: 20 });
	await network.start();
	store = await TestEngineStore.open();
	instanceId = await store.addInstance();
	heard = new Heard();
	driver = driverWith({
		proxies: new SessionProxies({
			guard: new ResolvingUrlGuard({ allowPrivate: [], resolve: async () => ['127.0.0.1'] }),
			socketUrl: () => network.url,
			ca: PEM,
		}),
	});
	dialled = [];
	subscribe('net.client.socket', onDial);
});

afterEach(async () => {
	unsubscribe('net.client.socket', onDial);
	await session?.close();
	session = undefined;
	await proxy.stop();
	expect(network.unhandled).toEqual([]);
	await network.stop();
	await store.close();
});

afterAll(() => restore());

describe.each(['http', 'https', 'socks5'])('a session through a proxy over %s', (scheme) => {
	it('pairs, receives and sends, with every byte inside the tunnel', async () => {
		proxy = await start({ login: LOGIN });

		await pair();
		await network.sendText({ from: CONTACT, to: instanceId, text: 'Olá!' });
		await eventually(() => heard.texts.includes('Olá!'));
		await session!.send({
			waId: driver.newWaId(),
			chat: `${CONTACT}@s.whatsapp.net`,
			body: { type: 'text', text: 'Hi' },
		});
		await eventually(() => network.outbox(instanceId).length);

		expect(proxy.bytes.up).toBeGreaterThan(1_000);
		expect(proxy.bytes.down).toBeGreaterThan(1_000);
		expect(new Set(proxy.targets)).toEqual(new Set([`${WHATSAPP}:${port()}`]));
		expect(dialled.filter((to) => to === port())).toHaveLength(proxy.targets.length);
	});

	it('closes as at any lost connection when the proxy dies, and opens when it is back', async () => {
		proxy = await start();
		await pair();

		await proxy.stop();
		await eventually(() => heard.closes.length);
		session = open();
		await eventually(() => heard.closes.length === 2);
		await proxy.start();
		heard.opened = 0;
		session = open();
		await eventually(() => heard.opened);

		expect(heard.closes).toEqual([CONNECTION_LOST, CONNECTION_TIMED_OUT]);
		expect(dialled.filter((to) => to === port())).toHaveLength(proxy.targets.length);
	});

	it('closes when the proxy refuses its credentials, and logs the reason without them', async () => {
		proxy = await start({ login: LOGIN });

		session = open({ proxyUrl: urlOf(proxy).replace('word', 'guess') });
		await eventually(() => heard.closes.length);

		expect(heard.closes).toEqual([CONNECTION_TIMED_OUT]);
		expect(heard.logged).toContain('refuses these');
		expect(heard.logged).not.toMatch(/ann|p@ss|p%40ss|guess/);
		expect(dialled).not.toContain(port());
	});

	it('leaves a silent proxy at once when it is closed', async () => {
		proxy = await start({ isMute: true });

		session = open();
		await eventually(() => proxy.connections === 1);
		await session.close();

		await eventually(() => proxy.open === 0, { withinMs: 1_000 });
		expect(heard.closes).toEqual([]);
	});

	async function start(options: TestProxyOptions = {}): Promise<TestProxy> {
		if (scheme === 'socks5') return new Socks5Proxy(options).start();
		return new ConnectProxy(scheme === 'https' ? { ...options, pem: PEM } : options).start();
	}
});

describe('a session with a proxy', () => {
	it('unlinks through the proxy', async () => {
		proxy = await new Socks5Proxy().start();
		await pair();
		await session?.close();
		const before = proxy.targets.length;

		const confirmed = await driver.unlink(sessionAt());

		expect(confirmed).toBe(true);
		expect(proxy.targets).toHaveLength(before + 1);
		await eventually(() => proxy.open === 0);
	});

	it('does not connect through a private address in live mode, nor directly', async () => {
		proxy = await new Socks5Proxy().start();

		session = open({ mode: 'live', socketUrl: network.urlFor(instanceId) });
		await eventually(() => heard.closes.length);

		expect(heard.closes).toEqual([CONNECTION_TIMED_OUT]);
		expect(heard.logged).toContain('public address');
		expect(dialled).toEqual([]);
	});

	it('does not connect at all where no way through a proxy is known', async () => {
		proxy = await new Socks5Proxy().start();
		driver = driverWith({});

		session = open({ socketUrl: network.urlFor(instanceId) });
		await eventually(() => heard.closes.length);

		expect(heard.closes).toEqual([SERVER_ERROR]);
		expect(dialled).toEqual([]);
	});
});

function driverWith(options: { proxies?: SessionProxies }): BaileysDriver {
	return new BaileysDriver({
		...store.storage,
		...options,
		clock: systemClock,
		log: heard.log,
		version: new WebVersion({ clock: systemClock, log: silentLog, pinned: undefined }),
	});
}

async function pair(): Promise<void> {
	session = open();
	await network.scanQr(await eventually(() => heard.qrs[0]));
	await eventually(() => heard.closes.includes(515));
	heard.closes.length = 0;
	session = open();
	await eventually(() => heard.opened);
}

function open(changes: Partial<OpenSession> = {}): DriverSession {
	return driver.open({ ...sessionAt(), listener: heard.listener, ...changes });
}

function sessionAt(): Omit<OpenSession, 'listener'> {
	const socketUrl = network.urlFor(instanceId).replace('127.0.0.1', WHATSAPP);
	return { instanceId, socketUrl, proxyUrl: urlOf(proxy), mode: 'test' };
}

/** A certificate names hosts, not addresses. */
function urlOf({ url }: TestProxy): string {
	return url.startsWith('https:') ? url.replace('127.0.0.1', PROXY_HOST) : url;
}

function port(): number {
	return Number(new URL(network.url).port);
}

function onDial(message: unknown): void {
	const { socket } = message as { socket: Socket };
	socket.once('connect', () => dialled.push(socket.remotePort ?? 0));
}

class Heard {
	readonly qrs: string[] = [];
	readonly closes: number[] = [];
	readonly texts: string[] = [];
	opened = 0;
	logged = '';

	readonly log: Log = {
		...silentLog,
		warn: (fields, message) => (this.logged += JSON.stringify({ ...fields, message })),
		error: (fields, message) => (this.logged += JSON.stringify({ ...fields, message })),
	};

	get listener(): OpenSession['listener'] {
		return {
			qr: (code) => void this.qrs.push(code),
			linked: () => undefined,
			deadEnd: () => undefined,
			opened: () => void (this.opened += 1),
			accountChanged: () => undefined,
			closed: (code) => void this.closes.push(code),
			journaled: (entries) => {
				for (const entry of entries) {
					const body = driver.translate(entry)?.body;
					if (body?.type === 'text') this.texts.push(body.text);
				}
			},
			acknowledged: () => undefined,
			receipt: () => undefined,
		};
	}
}
