import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface TestProxyOptions {
	/** Who may use it; anybody when absent. */
	readonly login?: { readonly user: string; readonly password: string };
	/** Certificate and key: the proxy is then spoken to over TLS. */
	readonly pem?: string;
	/** Answers this instead of connecting: an HTTP status or a SOCKS5 reply. */
	readonly refuseWith?: number;
	/** Says nothing to anyone. */
	readonly isMute?: boolean;
}

/**
 * A real proxy on a free loopback port. It knows names that no resolver knows: whatever ends in
 * `.test` is this machine. So a connection to such a name can only have come through here.
 */
export abstract class TestProxy {
	/** `host:port` of everything that it was asked to connect to. */
	readonly targets: string[] = [];
	/** Connections that it took, ever. */
	connections = 0;
	/** Bytes inside tunnels. */
	readonly bytes = { up: 0, down: 0 };
	protected readonly options: TestProxyOptions;
	readonly #sockets = new Set<Duplex>();
	#server: Server | undefined;
	#port = 0;

	protected constructor(options: TestProxyOptions) {
		this.options = options;
	}

	protected abstract readonly scheme: string;

	protected abstract createServer(): Server;

	/** Again after `stop`, it listens on the port that it had. */
	async start(): Promise<this> {
		this.#server = this.createServer();
		this.#server.on('connection', (socket: Socket) => {
			this.connections += 1;
			this.track(socket);
		});
		this.#server.listen(this.#port, '127.0.0.1');
		await once(this.#server, 'listening');
		this.#port = (this.#server.address() as AddressInfo).port;
		return this;
	}

	/** As a machine that loses its power: whoever is connected is cut off. */
	async stop(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		for (const socket of this.#sockets) socket.destroy();
		if (server) await new Promise((resolve) => server.close(resolve));
	}

	close(): Promise<void> {
		return this.stop();
	}

	get port(): number {
		return this.#port;
	}

	/** Connections that are open now, to callers and to targets. */
	get open(): number {
		return this.#sockets.size;
	}

	/** Its URL, with the right credentials if it wants any. */
	get url(): string {
		const { login } = this.options;
		return login ? this.urlWith(login.user, login.password) : this.at('');
	}

	urlWith(user: string, password: string): string {
		return this.at(`${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
	}

	/** Its URL with these credentials, as they stand. */
	at(credentials: string): string {
		return `${this.scheme}://${credentials}127.0.0.1:${this.#port}`;
	}

	protected track(socket: Duplex): void {
		this.#sockets.add(socket);
		socket.on('error', () => undefined);
		socket.on('close', () => this.#sockets.delete(socket));
	}

	/** Undefined when nothing listens at the target. */
	protected async reach(host: string, port: number): Promise<Socket | undefined> {
		this.targets.push(`${host}:${port}`);
		const upstream = connect(port, host.endsWith('.test') ? '127.0.0.1' : host);
		this.track(upstream);
		try {
			await once(upstream, 'connect');
			return upstream;
		} catch {
			return undefined;
		}
	}

	protected join(caller: Duplex, upstream: Socket): void {
		caller.on('data', (chunk: Buffer) => (this.bytes.up += chunk.length));
		upstream.on('data', (chunk: Buffer) => (this.bytes.down += chunk.length));
		caller.pipe(upstream).pipe(caller);
		caller.on('close', () => upstream.destroy());
		upstream.on('close', () => caller.destroy());
	}
}

/** HTTP with CONNECT; any other request is answered as a web server would. */
export class ConnectProxy extends TestProxy {
	protected readonly scheme: string;

	constructor(options: TestProxyOptions = {}) {
		super(options);
		this.scheme = options.pem === undefined ? 'http' : 'https';
	}

	protected createServer(): Server {
		const { pem } = this.options;
		const server = pem ? createHttpsServer({ key: pem, cert: pem }) : createHttpServer();
		server.on('secureConnection', (socket: Socket) => this.track(socket));
		server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
			this.track(socket);
			void this.#serve(request, socket, head);
		});
		return server;
	}

	async #serve(request: IncomingMessage, caller: Duplex, head: Buffer): Promise<void> {
		const { login, refuseWith, isMute } = this.options;
		if (isMute) return void caller.resume().on('end', () => caller.end());
		const pair = login && Buffer.from(`${login.user}:${login.password}`).toString('base64');
		if (pair && request.headers['proxy-authorization'] !== `Basic ${pair}`) {
			return answer(caller, '407 Proxy Authentication Required');
		}
		if (refuseWith !== undefined) return answer(caller, `${refuseWith} Refused`);
		const { hostname, port } = new URL(`http://${request.url}`);
		const upstream = await this.reach(hostname.replace(/^\[|\]$/g, ''), Number(port || 80));
		if (!upstream) return answer(caller, '502 Bad Gateway');
		caller.write('HTTP/1.1 200 Connection Established\r\n\r\n');
		upstream.write(head);
		this.join(caller, upstream);
	}
}

/** RFC 1928 and RFC 1929. Its answers come byte by byte, as a network may deliver them. */
export class Socks5Proxy extends TestProxy {
	protected readonly scheme = 'socks5';

	constructor(options: TestProxyOptions = {}) {
		super(options);
	}

	protected createServer(): Server {
		return createServer((socket) => {
			if (this.options.isMute) return void socket.resume();
			// Whoever hangs up in the middle of the handshake ends it.
			this.#serve(socket).catch(() => socket.destroy());
		});
	}

	async #serve(caller: Socket): Promise<void> {
		const { login, refuseWith } = this.options;
		const [version, count = 0] = await take(caller, 2);
		if (version !== 5) return void caller.end('what?');
		const wanted = login ? 2 : 0;
		const offered = await take(caller, count);
		await send(caller, [5, offered.includes(wanted) ? wanted : 0xff]);
		if (!offered.includes(wanted)) return void caller.end();
		if (login) {
			await take(caller, 1);
			const user = await takeText(caller);
			const password = await takeText(caller);
			const isRight = user === login.user && password === login.password;
			await send(caller, [1, isRight ? 0 : 1]);
			if (!isRight) return void caller.end();
		}

		const [, , , type] = await take(caller, 4);
		const host = await takeHost(caller, type);
		const port = (await take(caller, 2)).readUInt16BE();
		const upstream = refuseWith === undefined ? await this.reach(host, port) : undefined;
		const bound = [0, 3, 5, ...Buffer.from('bound'), 0, 0];
		await send(caller, [5, upstream ? 0 : (refuseWith ?? 5), ...bound]);
		if (upstream) this.join(caller, upstream);
		else caller.end();
	}
}

function answer(caller: Duplex, status: string): void {
	caller.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
}

function take(socket: Socket, size: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		const events = ['readable', 'end', 'close'];
		const look = () => {
			const bytes = size === 0 ? Buffer.alloc(0) : (socket.read(size) as Buffer | null);
			const isWhole = bytes?.length === size;
			if (!isWhole && socket.readable) return;
			for (const event of events) socket.off(event, look);
			if (isWhole) resolve(bytes);
			else reject(new Error('the caller has gone'));
		};
		for (const event of events) socket.on(event, look);
		look();
	});
}

async function takeText(socket: Socket): Promise<string> {
	const [length = 0] = await take(socket, 1);
	return (await take(socket, length)).toString();
}

async function takeHost(socket: Socket, type: number | undefined): Promise<string> {
	if (type === 3) return takeText(socket);
	if (type === 1) return [...(await take(socket, 4))].join('.');
	const words = (await take(socket, 16)).toString('hex').match(/.{4}/g) ?? [];
	return words.join(':');
}

async function send(socket: Socket, bytes: readonly number[]): Promise<void> {
	socket.setNoDelay();
	for (const byte of bytes) {
		socket.write(Buffer.from([byte]));
		await new Promise((resolve) => setImmediate(resolve));
	}
}
