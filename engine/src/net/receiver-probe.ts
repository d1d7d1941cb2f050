/**
 * One webhook request under a magnifying glass: what a delivery goes through, step by step, with
 * the certificate, the clock and the redirect of the receiver, which deliveries do not look at.
 *
 * It connects through the same guarded connector as every delivery, on a connection of its own, so
 * that the handshake is made now and not remembered.
 */
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { TLSSocket } from 'node:tls';
import { Client, type Dispatcher } from 'undici';
import type { ReceiverProbe, WebhookRequest } from '../app/ports.ts';
import type { ReceiverReport, ReceiverResult } from '../domain/diagnosis-facts.ts';
import { ConnectFault, guardedConnector } from './guarded-connector.ts';
import type { Inspection, ResolvingUrlGuard, UrlRefusal } from './url-guard.ts';
import { LONGEST_EXCHANGE_MS, LONGEST_HEADERS_BYTES, WebhookExchange } from './webhook-exchange.ts';

export interface GuardedReceiverProbeOptions {
	readonly guard: ResolvingUrlGuard;
	/** Name resolution, TCP and TLS together. */
	readonly connectTimeoutMs?: number | undefined;
	/** From the connection to the last byte of the answer. */
	readonly totalTimeoutMs?: number | undefined;
	/** Certificates to trust instead of the well-known ones. */
	readonly ca?: string | undefined;
}

type Destination = Extract<Inspection, { ok: true }>;
type Certificate = ReceiverReport['certificate'];

const CONNECT_TIMEOUT_MS = 5_000;

export class GuardedReceiverProbe implements ReceiverProbe {
	readonly #options: GuardedReceiverProbeOptions;

	constructor(options: GuardedReceiverProbeOptions) {
		this.#options = options;
	}

	async probe(request: WebhookRequest): Promise<ReceiverReport> {
		const { guard } = this.#options;
		const inspection = guard.inspect(request.url, request.mode);
		if (!inspection.ok) return refused(inspection);
		const { target } = inspection;
		let addressCount: number | null = null;
		if (isIP(target.host) === 0) {
			const resolution = await guard.resolve(target, request.mode);
			if (!resolution.ok) return refused(resolution);
			addressCount = resolution.addresses.length;
		}
		return { refusal: null, addressCount, ...(await this.#send(request, inspection)) };
	}

	async #send(
		request: WebhookRequest,
		{ url, target }: Destination,
	): Promise<Pick<ReceiverReport, 'certificate' | 'result'>> {
		const { guard, ca, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
		const { headers, body, mode } = request;
		const exchange = new ProbeExchange();
		const connect = guardedConnector({ guard, target, mode, connectTimeoutMs, ca });
		let certificate: Certificate = null;
		const client = new Client(url.origin, {
			maxHeaderSize: LONGEST_HEADERS_BYTES,
			headersTimeout: 0,
			bodyTimeout: 0,
			connect: (options, callback) => {
				connect(options, (...[error, socket]) => {
					if (error !== null) {
						callback(error, null);
						return;
					}
					certificate = certificateOf(socket);
					callback(null, socket);
				});
			},
		});
		const timer = setTimeout(() => {
			exchange.cancel('timeout');
		}, this.#options.totalTimeoutMs ?? LONGEST_EXCHANGE_MS);
		const path = url.pathname + url.search;
		client.dispatch({ method: 'POST', path, headers: { ...headers }, body }, exchange);
		try {
			const result = await exchange.result(url);
			return { certificate, result };
		} finally {
			clearTimeout(timer);
			await client.destroy();
		}
	}
}

/** An exchange that also remembers when the answer began, its headers, and what TLS objected to. */
class ProbeExchange extends WebhookExchange {
	readonly #startedAt = performance.now();
	#latencyMs = 0;
	#receivedAt = 0;
	#headers: Headers = {};
	#tlsCode: string | null = null;

	async result(url: URL): Promise<ReceiverResult> {
		const outcome = await this.outcome;
		if (outcome.outcome === 'failed') {
			return { outcome: 'failed', reason: outcome.reason, tlsCode: this.#tlsCode };
		}
		return {
			outcome: 'answered',
			status: outcome.status,
			responseText: outcome.responseText,
			latencyMs: Math.round(this.#latencyMs),
			receivedAt: this.#receivedAt,
			date: instantOf(this.#headers['date']),
			location: locationOf(this.#headers['location'], url),
		};
	}

	override onResponseStart(
		controller: Dispatcher.DispatchController,
		status: number,
		headers: Headers,
	): void {
		if (status >= 200) {
			this.#latencyMs = performance.now() - this.#startedAt;
			this.#receivedAt = Date.now();
			this.#headers = headers;
		}
		super.onResponseStart(controller, status, headers);
	}

	override onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
		if (error instanceof ConnectFault && error.reason === 'tls_failed') {
			this.#tlsCode = codeOf(error.cause);
		}
		super.onResponseError(controller, error);
	}
}

type Headers = Record<string, string | string[] | undefined>;

function refused({ reason, hint }: UrlRefusal): ReceiverReport {
	return { refusal: { reason, hint }, addressCount: null, certificate: null, result: null };
}

function certificateOf(socket: unknown): Certificate {
	if (!(socket instanceof TLSSocket)) return null;
	const endsAt = Date.parse(socket.getPeerCertificate().valid_to);
	return Number.isNaN(endsAt) ? null : { endsAt };
}

function codeOf(cause: unknown): string | null {
	const isCoded = typeof cause === 'object' && cause !== null && 'code' in cause;
	return isCoded ? String(cause.code) : null;
}

function instantOf(header: Headers[string]): number | null {
	const at = Date.parse(String([header].flat()[0]));
	return Number.isNaN(at) ? null : at;
}

/** Origin and path: what follows them may hold a secret. */
function locationOf(header: Headers[string], base: URL): string | null {
	const [text] = [header].flat();
	const location = text === undefined ? null : URL.parse(text, base.href);
	if (location === null || !['http:', 'https:'].includes(location.protocol)) return null;
	return location.origin + location.pathname;
}
