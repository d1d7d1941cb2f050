/**
 * Decides where webhooks may go. A URL comes from whoever holds an API key, and the request is
 * made from inside our network, so the default is no (server-side request forgery).
 *
 * The same rules are asked three times:
 *
 *   check    when an endpoint is created: the URL, and every address behind its name
 *   inspect  before each attempt: the URL alone
 *   permits  on each connection: the very address that is about to be connected
 *   resolve
 *
 * The last one is what protects. A name that pointed elsewhere at creation is caught there,
 * because what is judged is what is connected: no second resolution lies between.
 *
 * All addresses of a name must pass, not one of them. A name with one public and one private
 * address is either a mistake or an attempt to win by chance.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { UrlGuard } from '../app/ports.ts';
import type { Mode } from '../domain/scope.ts';
import { canonicalAddress, classifyAddress, type AddressKind } from './address-rules.ts';
import { allowsAddress, allowsHost, type AllowEntry, type Target } from './allow-list.ts';
import { isBadPort } from './bad-ports.ts';
import { canonicalHost, isLocalName, isLoopbackName } from './host-names.ts';

export type UrlFault =
	| 'invalid_url'
	| 'scheme_not_allowed'
	| 'credentials_not_allowed'
	| 'port_not_allowed'
	| 'host_not_allowed'
	| 'address_not_allowed'
	| 'https_required'
	| 'host_not_found';

export interface UrlRefusal {
	readonly ok: false;
	readonly reason: UrlFault;
	/** What to do about it. Names no address that the caller has not named. */
	readonly hint: string;
}

export type Inspection =
	{ readonly ok: true; readonly url: URL; readonly target: Target } | UrlRefusal;
export type Resolution = { readonly ok: true; readonly addresses: readonly string[] } | UrlRefusal;

/** All addresses of a host name, IPv4 and IPv6. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface UrlGuardOptions {
	readonly allowPrivate: readonly AllowEntry[];
	/** The engine's own port: no webhook may be sent back to the engine. */
	readonly ownPort?: number | undefined;
	readonly resolve?: Resolve | undefined;
	readonly resolveTimeoutMs?: number | undefined;
}

/** Shorter than the time to connect, so that a silent resolver is named as such. */
const RESOLVE_TIMEOUT_MS = 4_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

export class ResolvingUrlGuard implements UrlGuard {
	readonly #allowPrivate: readonly AllowEntry[];
	readonly #ownPort: number | undefined;
	readonly #resolve: Resolve;
	readonly #resolveTimeoutMs: number;
	/** What is being asked for, also after those who asked have given up. */
	readonly #asking = new Map<string, Promise<readonly string[]>>();

	constructor(options: UrlGuardOptions) {
		this.#allowPrivate = options.allowPrivate;
		this.#ownPort = options.ownPort;
		this.#resolve = options.resolve ?? resolveWithSystem;
		this.#resolveTimeoutMs = options.resolveTimeoutMs ?? RESOLVE_TIMEOUT_MS;
	}

	async check(url: string, mode: Mode): Promise<{ readonly ok: true } | UrlRefusal> {
		const inspection = this.inspect(url, mode);
		if (!inspection.ok) return inspection;
		if (isIP(inspection.target.host) !== 0) return { ok: true };
		const resolution = await this.resolve(inspection.target, mode);
		return resolution.ok ? { ok: true } : resolution;
	}

	/**
	 * All that can be said without asking the network. The URL of the answer is the one to
	 * connect to: another parser may read the same text differently.
	 */
	inspect(text: string, mode: Mode): Inspection {
		const url = URL.parse(text);
		if (url === null) return refuse('invalid_url', 'This is no absolute URL.');
		const defaultPort = DEFAULT_PORTS[url.protocol];
		if (defaultPort === undefined) return refuse('scheme_not_allowed', 'Use an https URL.');
		if (url.username !== '' || url.password !== '') {
			return refuse('credentials_not_allowed', 'Leave user and password out of the URL.');
		}
		const port = url.port === '' ? defaultPort : Number(url.port);
		if (isBadPort(port)) {
			return refuse('port_not_allowed', `No webhook is sent to port ${port}. Use another port.`);
		}
		const host = canonicalHost(url.hostname);
		if (host === undefined) return refuse('invalid_url', 'The host name has an empty part.');

		const target = { host, port };
		const refusal = this.#refuseHost(target, mode) ?? this.#refuseScheme(url, target, mode);
		if (refusal !== undefined) return refusal;
		if (isIP(host) === 0) url.hostname = host;
		url.hash = '';
		return { ok: true, url, target };
	}

	/** The addresses of a name, when every one of them may be connected. */
	async resolve(target: Target, mode: Mode): Promise<Resolution> {
		const addresses = await this.#lookUp(target.host);
		if (addresses.length === 0) {
			return refuse('host_not_found', 'The host name cannot be resolved. Check its spelling.');
		}
		const refusals = addresses.map((address) => this.#refuseAddress(address, target, mode));
		return refusals.find((refusal) => refusal !== undefined) ?? { ok: true, addresses };
	}

	/** Whether this address may be connected on behalf of the target. */
	permits(address: string, target: Target, mode: Mode): boolean {
		return this.#refuseAddress(address, target, mode) === undefined;
	}

	#refuseHost(target: Target, mode: Mode): UrlRefusal | undefined {
		if (isIP(target.host) !== 0) return this.#refuseAddress(target.host, target, mode);
		if (!isLocalName(target.host) || allowsHost(this.#allowPrivate, target)) return undefined;
		if (mode === 'test' && isLoopbackName(target.host)) return undefined;
		return refuse('host_not_allowed', allowHint(target));
	}

	#refuseAddress(address: string, target: Target, mode: Mode): UrlRefusal | undefined {
		const kind = classifyAddress(address);
		if (kind === 'forbidden') {
			return refuse('address_not_allowed', 'No webhook is sent to this kind of address.');
		}
		if (target.port === this.#ownPort && isOwnAddress(address, kind)) {
			return refuse('address_not_allowed', 'This is the engine itself, not a receiver.');
		}
		if (kind === 'public' || (kind === 'loopback' && mode === 'test')) return undefined;
		const allowed =
			allowsHost(this.#allowPrivate, target) ||
			allowsAddress(this.#allowPrivate, address, target.port);
		return allowed ? undefined : refuse('address_not_allowed', allowHint(target));
	}

	/** Only those who run the engine can say that a path in clear text is theirs. */
	#refuseScheme(url: URL, target: Target, mode: Mode): UrlRefusal | undefined {
		if (url.protocol === 'https:' || mode === 'test') return undefined;
		const allowed =
			allowsHost(this.#allowPrivate, target) ||
			(isIP(target.host) !== 0 && allowsAddress(this.#allowPrivate, target.host, target.port));
		return allowed ? undefined : refuse('https_required', allowHint(target));
	}

	/** Empty for a name that does not exist and for one that takes too long. */
	async #lookUp(host: string): Promise<readonly string[]> {
		let timer: NodeJS.Timeout | undefined;
		const timeout = new Promise<readonly string[]>((giveUp) => {
			timer = setTimeout(giveUp, this.#resolveTimeoutMs, []);
		});
		try {
			return await Promise.race([this.#ask(host), timeout]);
		} finally {
			clearTimeout(timer);
		}
	}

	/**
	 * The system's resolver takes a thread for each question until it is answered, which may be
	 * long after our time-out: a name whose server is silent takes one, however often it is wanted.
	 */
	#ask(host: string): Promise<readonly string[]> {
		const known = this.#asking.get(host);
		if (known) return known;
		// Why a resolver fails is between it and the name's owner; there is no address either way.
		const asking = this.#resolve(host)
			.catch(() => [])
			.finally(() => this.#asking.delete(host));
		this.#asking.set(host, asking);
		return asking;
	}
}

function refuse(reason: UrlFault, hint: string): UrlRefusal {
	return { ok: false, reason, hint };
}

function allowHint({ host, port }: Target): string {
	const entry = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
	return (
		'Webhooks go to public https URLs. Whoever runs the engine can open this one ' +
		`by adding ${entry} to WEBHOOK_ALLOW_PRIVATE.`
	);
}

function isOwnAddress(address: string, kind: AddressKind): boolean {
	if (kind === 'loopback') return true;
	const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
	// Connecting to ::ffff:10.0.0.5 reaches 10.0.0.5.
	const own = canonicalAddress(address);
	return interfaces.some((entry) => entry.address === own);
}

/** As other programs on this machine see it: the hosts file and the container's own names count. */
async function resolveWithSystem(host: string): Promise<readonly string[]> {
	const entries = await lookup(host, { all: true });
	return entries.map((entry) => entry.address);
}
