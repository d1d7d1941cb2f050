import type { Socket } from 'node:net';
import { Agent, buildConnector, Dispatcher1Wrapper, type Dispatcher } from 'undici';
import type { ProxyGuard, ProxyVerdict } from '../app/ports.ts';
import { parseProxyUrl, type ProxyAddress } from '../domain/proxy-url.ts';
import type { Mode } from '../domain/scope.ts';
import type { Target } from './allow-list.ts';
import { ProxyFault } from './proxy-fault.ts';
import { openTunnel, overTls } from './proxy-tunnel.ts';
import type { ResolvingUrlGuard } from './url-guard.ts';

export interface SessionProxiesOptions {
	readonly guard: ResolvingUrlGuard;
	/** Where sessions connect: what a proxy must be able to reach. */
	readonly socketUrl: (mode: Mode) => string;
	/** From the first look at the URL to the end of the last handshake. */
	readonly timeoutMs?: number | undefined;
	/** Certificates to trust instead of the well-known ones. */
	readonly ca?: string | undefined;
}

/** The proxy of an instance. Which addresses it may have depends on the instance's mode. */
export interface InstanceProxy {
	/** With its credentials. */
	readonly url: string;
	readonly mode: Mode;
}

const TIMEOUT_MS = 10_000;

const IN_TEST_MODE =
	'In test mode WhatsApp is simulated inside the engine, so only a proxy that runs on the same ' +
	'machine can reach it.';

/** The ways to the network through the proxy of an instance, and whether they lead anywhere. */
export class SessionProxies implements ProxyGuard {
	readonly #options: SessionProxiesOptions;

	constructor(options: SessionProxiesOptions) {
		this.#options = options;
	}

	/**
	 * Opens a tunnel as a session would. With TLS on the way, the other end must prove that it is
	 * WhatsApp: some proxies say yes to everything and connect later, or never.
	 */
	async check(url: string, mode: Mode): Promise<ProxyVerdict> {
		try {
			await this.#inTime(undefined, (signal) => this.#prove({ url, mode }, signal));
			return { ok: true };
		} catch (error) {
			if (!(error instanceof ProxyFault)) throw error;
			const { kind, reason, message } = error;
			const isFarAway = mode === 'test' && reason === 'target_unreachable';
			const hint = isFarAway ? `${message} ${IN_TEST_MODE}` : message;
			return { ok: false, code: kind, reason, hint };
		}
	}

	/** A connection to the target. Rejects with a `ProxyFault` when there is none within 10 s. */
	open(proxy: InstanceProxy, target: Target, signal?: AbortSignal): Promise<Socket> {
		return this.#inTime(signal, (inTime) => this.#open(proxy, target, inTime));
	}

	/** For the `fetch` of this Node. When the signal aborts, every connection is closed. */
	dispatcher(proxy: InstanceProxy, signal: AbortSignal): Dispatcher {
		const { ca } = this.#options;
		const secure = buildConnector({ allowH2: false, ...(ca === undefined ? {} : { ca }) });
		const agent = new Agent({
			connect: (request, callback) => {
				const { protocol, hostname } = request;
				this.open(proxy, targetOf(protocol, hostname, request.port), signal).then(
					(tunnel) => {
						if (protocol === 'https:') secure({ ...request, httpSocket: tunnel }, callback);
						else callback(null, tunnel);
					},
					(error: unknown) => callback(error as Error, null),
				);
			},
		});
		signal.addEventListener('abort', () => void agent.destroy());
		return new Dispatcher1Wrapper(agent);
	}

	async #prove(proxy: InstanceProxy, signal: AbortSignal): Promise<void> {
		const { protocol, hostname, port } = new URL(this.#options.socketUrl(proxy.mode));
		const target = targetOf(protocol, hostname, port);
		const tunnel = await this.#open(proxy, target, signal);
		const abort = (): unknown => tunnel.destroy();
		signal.addEventListener('abort', abort);
		try {
			if (protocol === 'wss:') await overTls(tunnel, target.host, this.#options.ca);
		} catch {
			throw ProxyFault.failed('target_unreachable');
		} finally {
			tunnel.destroy();
		}
	}

	#open({ url, mode }: InstanceProxy, target: Target, signal: AbortSignal): Promise<Socket> {
		const { guard, ca } = this.#options;
		return openTunnel({ guard, proxy: addressOf(url), mode, target, signal, ca });
	}

	async #inTime<T>(
		outer: AbortSignal | undefined,
		work: (signal: AbortSignal) => Promise<T>,
	): Promise<T> {
		const controller = new AbortController();
		const abort = (): void => controller.abort();
		const timer = setTimeout(abort, this.#options.timeoutMs ?? TIMEOUT_MS);
		outer?.addEventListener('abort', abort);
		if (outer?.aborted === true) abort();
		try {
			return await work(controller.signal);
		} finally {
			clearTimeout(timer);
			outer?.removeEventListener('abort', abort);
		}
	}
}

function addressOf(url: string): ProxyAddress {
	const parsed = parseProxyUrl(url);
	if (!parsed.ok) throw ProxyFault.refused(parsed.reason, parsed.hint);
	return parsed.proxy;
}

function targetOf(protocol: string, hostname: string, port: string): Target {
	const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
	const isSecure = protocol === 'wss:' || protocol === 'https:';
	return { host, port: port === '' ? (isSecure ? 443 : 80) : Number(port) };
}
