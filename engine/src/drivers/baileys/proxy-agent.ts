/**
 * What Baileys needs so that a session goes through the proxy of its instance and no other way. It
 * has three ways out, and each takes a thing of its own kind:
 *
 *   agent                the WebSocket
 *   fetchAgent           uploads of media, by `node:https`
 *   options.dispatcher   downloads (history, app state, media), by `fetch`
 *
 * How a tunnel is opened is not known here; TLS with WhatsApp is, for it ends in this process.
 */
import type { ClientRequestArgs } from 'node:http';
import { Agent } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { SocketConfig } from '@whiskeysockets/baileys';
import type { Log, OpenSession } from '../../app/ports.ts';
import type { Mode } from '../../domain/scope.ts';

export interface InstanceProxy {
	/** With its credentials. */
	readonly url: string;
	readonly mode: Mode;
}

export interface TunnelTarget {
	readonly host: string;
	readonly port: number;
}

/** Both ways fail when the proxy does; neither ever connects directly. */
export interface ProxyRoutes {
	open(proxy: InstanceProxy, target: TunnelTarget, signal: AbortSignal): Promise<Socket>;
	/** For the `fetch` of this Node, until the signal aborts. */
	dispatcher(proxy: InstanceProxy, signal: AbortSignal): object;
}

export interface ProxyRouteOptions extends Omit<OpenSession, 'listener'> {
	/** Without it, an instance with a proxy does not connect at all. */
	readonly proxies?: ProxyRoutes | undefined;
	readonly log: Log;
}

type OpenTunnel = (target: TunnelTarget) => Promise<Socket>;

/** The way of one session to the network: direct without a proxy, else through it alone. */
export class ProxyRoute {
	/** To be spread into the configuration of the Baileys socket. */
	readonly config: Partial<Pick<SocketConfig, 'agent' | 'fetchAgent' | 'options'>>;
	readonly #closing = new AbortController();

	constructor({ instanceId, socketUrl, proxyUrl, mode, proxies, log }: ProxyRouteOptions) {
		this.config = {};
		if (proxyUrl === null) return;
		if (!proxies) throw new Error('this engine knows no way through a proxy');
		const proxy = { url: proxyUrl, mode };
		const { signal } = this.#closing;
		const open: OpenTunnel = async (target) => {
			try {
				return await proxies.open(proxy, target, signal);
			} catch (error) {
				const said = { instance_id: instanceId, error: (error as Error).message };
				if (!signal.aborted) log.warn(said, 'no way through the proxy of the instance');
				throw error;
			}
		};
		const { protocol } = new URL(socketUrl);
		this.config = {
			agent: new TunnelAgent(protocol === 'wss:' ? 'https:' : 'http:', open),
			fetchAgent: new TunnelAgent('https:', open),
			options: { dispatcher: proxies.dispatcher(proxy, signal) } as SocketConfig['options'],
		};
	}

	/** When the session has ended: no tunnel is opened any more, and no download goes on. */
	close(): void {
		this.#closing.abort();
	}
}

/** An agent of Node whose every connection is a tunnel; for `https:`, with TLS inside it. */
class TunnelAgent extends Agent {
	readonly #open: OpenTunnel;
	readonly #isSecure: boolean;

	constructor(protocol: 'http:' | 'https:', open: OpenTunnel) {
		super({ protocol });
		this.#open = open;
		this.#isSecure = protocol === 'https:';
	}

	override createConnection(
		request: ClientRequestArgs,
		callback?: (error: Error | null, stream: Duplex) => void,
	): undefined {
		const host = request.host ?? '';
		this.#open({ host, port: Number(request.port) }).then(
			(tunnel) => callback?.(null, this.#isSecure ? secured(tunnel, host, request) : tunnel),
			// Node reads no stream beside an error.
			(error: unknown) => callback?.(error as Error, undefined as never),
		);
	}
}

/** The request's own TLS options count. Its path is one of HTTP; TLS would take it for a file. */
function secured(socket: Socket, host: string, request: object): Duplex {
	const servername = isIP(host) === 0 ? host : '';
	return connectTls({ servername, ...request, path: undefined, socket });
}
