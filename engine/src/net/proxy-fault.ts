import type { ProxyUrlFault } from '../domain/proxy-url.ts';

/** Why a proxy may not be used. */
export type ProxyRefusal =
	ProxyUrlFault | 'host_not_allowed' | 'address_not_allowed' | 'port_not_allowed';

/** Why there is no way through a proxy. */
export type ProxyFailure = keyof typeof FAILURES;

const PRIVATE =
	'A proxy needs a public address. Whoever runs the engine can open a private one, though never ' +
	'a link-local or metadata address, by adding its host and port to WEBHOOK_ALLOW_PRIVATE.';

const REFUSALS: Readonly<Record<Exclude<ProxyRefusal, ProxyUrlFault>, string>> = {
	host_not_allowed: PRIVATE,
	address_not_allowed: PRIVATE,
	port_not_allowed: 'No proxy is used on this port, which belongs to another service.',
};

/**
 * Refusal and silence of a port share one sentence: told apart, they would map the open ports of a
 * network for whoever may set a proxy.
 */
const FAILURES = {
	host_not_found: 'The host name of the proxy cannot be resolved. Check its spelling.',
	connect_failed: 'The proxy cannot be reached. Check its host and port, and that it is running.',
	tls_failed:
		'The TLS handshake with the proxy failed. Check its certificate; use http:// for a proxy ' +
		'that is not spoken to over TLS.',
	no_answer:
		'The proxy took the connection and did not answer in time. Check its scheme and port, and ' +
		'that it can reach WhatsApp.',
	not_a_proxy:
		'What listens there does not answer as a proxy of this kind does. Check scheme and port.',
	credentials_refused:
		'The proxy asks for a user and a password, or refuses these. Check both, and ' +
		'percent-encode their special characters.',
	target_unreachable: 'The proxy works, but cannot or may not connect to WhatsApp.',
} as const;

/**
 * No tunnel through the proxy of an instance. The message is for people, and free of the proxy's
 * URL.
 */
export class ProxyFault extends Error {
	override readonly name = 'ProxyFault';
	/** In the manner of system errors, by which callers know the network's faults from ours. */
	readonly code = 'EPROXY';
	readonly kind: 'proxy_not_allowed' | 'proxy_unreachable';
	readonly reason: ProxyRefusal | ProxyFailure;

	static refused(reason: ProxyRefusal, hint?: string): ProxyFault {
		const sentence = hint ?? REFUSALS[reason as keyof typeof REFUSALS];
		return new ProxyFault('proxy_not_allowed', reason, sentence);
	}

	static failed(reason: ProxyFailure, detail?: string): ProxyFault {
		const sentences = [FAILURES[reason], detail].filter((text) => text !== undefined);
		return new ProxyFault('proxy_unreachable', reason, sentences.join(' '));
	}

	private constructor(
		kind: ProxyFault['kind'],
		reason: ProxyRefusal | ProxyFailure,
		message: string,
	) {
		super(message);
		this.kind = kind;
		this.reason = reason;
	}
}
