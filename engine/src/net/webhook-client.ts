import { performance } from 'node:perf_hooks';
import { Agent, Pool } from 'undici';
import type { WebhookClient, WebhookRequest } from '../app/ports.ts';
import type { Mode } from '../domain/scope.ts';
import { whenConnected } from './connected-address.ts';
import { ConnectFault, guardedConnector } from './guarded-connector.ts';
import type { ResolvingUrlGuard, UrlRefusal } from './url-guard.ts';
import {
	CANCELLED,
	LONGEST_EXCHANGE_MS,
	LONGEST_HEADERS_BYTES,
	WebhookExchange,
	type ExchangeOutcome,
} from './webhook-exchange.ts';

export interface UndiciWebhookClientOptions {
	readonly guard: ResolvingUrlGuard;
	/** Name resolution, TCP and TLS together. */
	readonly connectTimeoutMs?: number | undefined;
	/** From `send` to the last byte read of the answer. */
	readonly totalTimeoutMs?: number | undefined;
	/** Requests beyond this wait for a free connection while their time runs. */
	readonly maxConnectionsPerOrigin?: number | undefined;
	/** Certificates to trust instead of the well-known ones. */
	readonly ca?: string | undefined;
}

export interface CancellableWebhookRequest extends WebhookRequest {
	readonly signal?: AbortSignal | undefined;
}

export type WebhookOutcome = ExchangeOutcome & {
	readonly latencyMs: number;
	/** The IP address that was connected; `null` when none was. */
	readonly address: string | null;
};

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS_PER_ORIGIN = 8;
/** Shorter than common servers keep theirs (Node: 5 s), so that we rarely write to a closed one. */
const KEEP_ALIVE_MS = 4_000;
const LONGEST_KEEP_ALIVE_MS = 60_000;
/** Of more endpoints than this, some are inspected again. */
const MOST_PASSED = 1_000;

interface Inspected {
	readonly origin: string;
	readonly path: string;
}

/**
 * Sends webhooks: one POST, no redirect followed, no proxy consulted, no retry of its own.
 *
 * Every connection passes the guard (`guarded-connector.ts`). Live and test mode have pools of
 * their own, since a connection that one may use need not be permitted to the other.
 */
export class UndiciWebhookClient implements WebhookClient {
	readonly #guard: ResolvingUrlGuard;
	readonly #totalTimeoutMs: number;
	readonly #agents: Readonly<Record<Mode, Agent>>;
	/** What passed the inspection: an endpoint's URL is the same for each of its requests. */
	readonly #passed: Readonly<Record<Mode, Map<string, Inspected>>> = {
		live: new Map(),
		test: new Map(),
	};
	#closing: Promise<unknown> | undefined;

	constructor(options: UndiciWebhookClientOptions) {
		this.#guard = options.guard;
		this.#totalTimeoutMs = options.totalTimeoutMs ?? LONGEST_EXCHANGE_MS;
		this.#agents = { live: guardedAgent(options, 'live'), test: guardedAgent(options, 'test') };
	}

	async send(request: CancellableWebhookRequest): Promise<WebhookOutcome> {
		const startedAt = performance.now();
		// A view of its own on the same bytes, for it names this request and no other.
		const body = Buffer.from(request.body.buffer, request.body.byteOffset, request.body.length);
		let address: string | null = null;
		whenConnected(body, (connected) => (address = connected));
		const outcome = await this.#exchange({ ...request, body });
		return { ...outcome, latencyMs: Math.round(performance.now() - startedAt), address };
	}

	/** Lets running requests end, then closes every connection. May be called again. */
	async close(): Promise<void> {
		this.#closing ??= Promise.all([this.#agents.live.close(), this.#agents.test.close()]);
		await this.#closing;
	}

	async #exchange(request: CancellableWebhookRequest): Promise<ExchangeOutcome> {
		const { mode, headers, body, signal } = request;
		if (signal?.aborted === true) return CANCELLED;
		const inspected = this.#inspect(request.url, mode);
		if ('hint' in inspected) {
			return { outcome: 'failed', reason: 'blocked', message: inspected.hint, sent: 'nothing' };
		}

		const exchange = new WebhookExchange();
		const timer = setTimeout(() => {
			exchange.cancel('timeout');
		}, this.#totalTimeoutMs);
		const abort = () => {
			exchange.cancel('aborted');
		};
		signal?.addEventListener('abort', abort);
		this.#agents[mode].dispatch(
			{ method: 'POST', ...inspected, headers: { ...headers }, body },
			exchange,
		);
		try {
			return await exchange.outcome;
		} finally {
			clearTimeout(timer);
			signal?.removeEventListener('abort', abort);
		}
	}

	/** By its text alone: which addresses are behind it is judged when one is connected. */
	#inspect(url: string, mode: Mode): Inspected | UrlRefusal {
		const passed = this.#passed[mode];
		const known = passed.get(url);
		if (known !== undefined) return known;
		const inspection = this.#guard.inspect(url, mode);
		if (!inspection.ok) return inspection;
		const { origin, pathname, search } = inspection.url;
		const inspected = { origin, path: pathname + search };
		if (passed.size >= MOST_PASSED) passed.clear();
		passed.set(url, inspected);
		return inspected;
	}
}

function guardedAgent(options: UndiciWebhookClientOptions, mode: Mode): Agent {
	const { guard, ca, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
	return new Agent({
		connections: options.maxConnectionsPerOrigin ?? MAX_CONNECTIONS_PER_ORIGIN,
		keepAliveTimeout: KEEP_ALIVE_MS,
		keepAliveMaxTimeout: LONGEST_KEEP_ALIVE_MS,
		maxHeaderSize: LONGEST_HEADERS_BYTES,
		// The total time-out covers both.
		headersTimeout: 0,
		bodyTimeout: 0,
		// One connector per origin: the allow-list tells ports apart, and a lookup does not.
		factory: (origin, poolOptions) => {
			const inspection = guard.inspect(String(origin), mode);
			if (!inspection.ok) throw new ConnectFault('blocked', inspection.hint);
			const { target } = inspection;
			const connect = guardedConnector({ guard, target, mode, connectTimeoutMs, ca });
			return new Pool(origin, { ...(poolOptions as Pool.Options), connect });
		},
	});
}
