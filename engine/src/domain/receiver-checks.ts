/** The checks that follow one request on its way: URL, name, certificate, answer, clock. */
import type { DiagnosisFacts, ReceiverFacts, ReceiverResult } from './diagnosis-facts.ts';
import { SIGNATURE_TOLERANCE_SECONDS } from './signature.ts';
import { instant } from './time-span.ts';
import { error, info, notChecked, ok, UNKNOWN, warning, type Judgement } from './finding.ts';

type Answer = Extract<ReceiverResult, { outcome: 'answered' }>;
type Fault = Extract<ReceiverResult, { outcome: 'failed' }>;

const DAY_MS = 86_400_000;
const SHORT_CERTIFICATE_DAYS = 14;
const SLOW_MS = 5_000;
const NOTABLE_SKEW_SECONDS = 60;

/** What a receiver answers whose check of the signature fails, as well as one that asks for a login. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403]);
const OTHER_SECRET =
	'Does the receiver verify with another secret? It needs that of the endpoint which ' +
	'X-WhatIsUp-Endpoint-Id names.';

/** The one refusal that is about the name and not about where it leads. */
const UNRESOLVED = 'host_not_found';

const REFUSED = notChecked('Nothing is sent to this URL, see url_allowed.');
const NO_ADDRESS = notChecked('The host name has no address, see name_resolves.');
const NO_CONNECTION = notChecked('No connection came up, see answers.');
const NO_ANSWER = notChecked('There was no answer, see answers.');

export function urlAllowed({ receiver }: DiagnosisFacts): Judgement {
	if (!receiver) return UNKNOWN;
	const { refusal, result, advice } = receiver;
	if (refusal && refusal.reason !== UNRESOLVED) {
		const evidence = { reason: refusal.reason };
		return error('Webhooks may not be sent to this URL.', evidence, refusal.hint);
	}
	if (result?.outcome === 'failed' && result.reason === 'blocked') {
		return error(
			'The host name leads to an address that webhooks may not be sent to.',
			{ reason: 'address_not_allowed' },
			advice,
		);
	}
	return ok('Webhooks may be sent to this URL.');
}

export function nameResolves({ receiver }: DiagnosisFacts): Judgement {
	if (!receiver) return UNKNOWN;
	const { refusal, addressCount, result, advice } = receiver;
	if (refusal?.reason === UNRESOLVED || isFault(result, 'dns_failed')) {
		return error('The host name has no address.', {}, refusal?.hint ?? advice);
	}
	if (refusal) return REFUSED;
	return addressCount === null
		? ok('The URL holds an address; there is no name to resolve.')
		: ok('The host name resolves.', { addresses: addressCount });
}

export function tlsValid({ receiver, endpoint, now }: DiagnosisFacts): Judgement {
	if (!receiver) return UNKNOWN;
	const { certificate, result } = receiver;
	if (result === null) return withoutRequest(receiver);
	if (!endpoint.url.toLowerCase().startsWith('https:')) {
		return info(
			'The URL is http: everything on the way can read what is sent.',
			{},
			'Use https unless the receiver stands in your own network.',
		);
	}
	if (result.outcome === 'failed' && result.reason === 'tls_failed') return tlsFault(result);
	if (certificate === null) return NO_CONNECTION;
	const days = Math.floor((certificate.endsAt - now) / DAY_MS);
	const evidence = { ends_at: instant(certificate.endsAt), days_left: days };
	return days < SHORT_CERTIFICATE_DAYS
		? warning(
				`The certificate ends in ${days} days.`,
				evidence,
				'Renew it, and check why that does not happen by itself.',
			)
		: ok('The certificate is valid.', evidence);
}

export function answers({ receiver }: DiagnosisFacts): Judgement {
	if (!receiver) return UNKNOWN;
	const { result, advice } = receiver;
	if (result === null) return withoutRequest(receiver);
	return result.outcome === 'answered' ? judge(result, advice) : noAnswer(result, advice);
}

export function clockSkew({ receiver }: DiagnosisFacts): Judgement {
	if (!receiver) return UNKNOWN;
	const { result } = receiver;
	if (result === null) return withoutRequest(receiver);
	if (result.outcome === 'failed') return NO_ANSWER;
	if (result.date === null) {
		return notChecked('The receiver sends no Date header; compare its clock with real time.');
	}
	const skew = Math.round((result.date - result.receivedAt) / 1_000);
	const evidence = {
		skew_seconds: skew,
		receiver_date: instant(result.date),
		tolerance_seconds: SIGNATURE_TOLERANCE_SECONDS,
	};
	const size = Math.abs(skew);
	if (size <= NOTABLE_SKEW_SECONDS) return ok("The receiver's clock agrees with ours.", evidence);
	const message = `The receiver's clock is ${size} seconds ${skew > 0 ? 'ahead' : 'behind'}.`;
	const fix = 'Let the receiver (or this machine, if its own clock is off) set its clock by NTP.';
	return size > SIGNATURE_TOLERANCE_SECONDS
		? error(`${message} There, every signature is too old or too new to verify.`, evidence, fix)
		: warning(message, evidence, fix);
}

function withoutRequest({ refusal }: ReceiverFacts): Judgement {
	return refusal?.reason === UNRESOLVED ? NO_ADDRESS : REFUSED;
}

function isFault(result: ReceiverResult | null, reason: string): boolean {
	return result?.outcome === 'failed' && result.reason === reason;
}

function judge(answer: Answer, advice: string | null): Judgement {
	const { status, latencyMs, location } = answer;
	const evidence = { status, latency_ms: latencyMs };
	if (status >= 200 && status < 300) {
		return latencyMs > SLOW_MS
			? warning(
					`The receiver takes ${(latencyMs / 1_000).toFixed(1)} seconds to answer.`,
					evidence,
					'Let it answer first and work afterwards; in n8n, set Respond of the Webhook node to ' +
						'Immediately.',
				)
			: ok(`The receiver answered ${status} to a signed test event.`, evidence);
	}
	const fix = REFUSALS.has(status) ? `${OTHER_SECRET} ${advice}` : advice;
	if (status >= 300 && status < 400 && location !== null) {
		return error(
			`The receiver answered ${status}, a redirect to ${location}.`,
			{ ...evidence, location },
			fix,
		);
	}
	return error(`The receiver answered ${status} to a signed test event.`, evidence, fix);
}

function noAnswer({ reason }: Fault, advice: string | null): Judgement {
	if (reason === 'blocked') return REFUSED;
	if (reason === 'dns_failed') return NO_ADDRESS;
	const message = FAULTS[reason];
	if (message === undefined) return UNKNOWN;
	return error(message, { reason }, advice);
}

/** By the words of the prober. One for all that goes wrong below TLS: see `guarded-connector.ts`. */
const FAULTS: Readonly<Record<string, string>> = {
	connect_failed: 'The receiver cannot be reached.',
	tls_failed: 'The receiver cannot be reached over TLS, see tls_valid.',
	timeout: 'The receiver did not answer in time.',
	no_answer: 'The receiver closed the connection without a valid HTTP answer.',
};

function tlsFault({ tlsCode }: Fault): Judgement {
	const [message, fix] = TLS_FAULTS[tlsCode ?? ''] ?? OTHER_TLS_FAULT;
	return error(message, { code: tlsCode }, fix);
}

const UNKNOWN_ISSUER = [
	'The certificate was issued by nobody whom programs trust.',
	'Get one of a public authority, such as Let’s Encrypt.',
] as const;

const INCOMPLETE_CHAIN = [
	'The certificate cannot be followed to an authority.',
	'Let the receiver send all intermediate certificates: in most servers, the "full chain" file.',
] as const;

const NO_TLS = [
	'What answers on this port speaks no TLS.',
	'Check the port, or use http if the receiver really has no certificate and you may.',
] as const;

const OTHER_TLS_FAULT = [
	'The certificate or the TLS handshake was refused.',
	'Check the receiver with a TLS test, such as openssl s_client -connect host:443.',
] as const;

const TLS_FAULTS: Readonly<Record<string, readonly [message: string, fix: string]>> = {
	CERT_HAS_EXPIRED: [
		'The certificate has expired.',
		'Renew it, and check why that did not happen by itself.',
	],
	CERT_NOT_YET_VALID: [
		'The certificate is not valid yet.',
		'Check the clock of the machine that made it, and that of this one.',
	],
	ERR_TLS_CERT_ALTNAME_INVALID: [
		'The certificate is for another host name.',
		'Use a name in the URL that the certificate holds, or get one for this name.',
	],
	DEPTH_ZERO_SELF_SIGNED_CERT: ['The certificate is self-signed.', UNKNOWN_ISSUER[1]],
	SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_ISSUER,
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: INCOMPLETE_CHAIN,
	UNABLE_TO_GET_ISSUER_CERT: INCOMPLETE_CHAIN,
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: INCOMPLETE_CHAIN,
	ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
	ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};
