/**
 * What a receiver's answer, or its silence, means to the person who looks after it. Most receivers
 * are workflows in n8n, whose owners have never read a status code.
 */
import type { WebhookResult } from './ports.ts';

/** What went wrong; `null` when the receiver took the webhook. */
export function errorOf(result: WebhookResult): string | null {
	if (result.outcome === 'failed') return result.message;
	const { status } = result;
	if (status >= 200 && status < 300) return null;
	if (status >= 300 && status < 400) {
		return `The receiver answered ${status}, a redirect; redirects are not followed.`;
	}
	return `The receiver answered ${status}.`;
}

/** What to do about a webhook that was not taken, by whoever runs the receiver at `url`. */
export function hintFor(result: WebhookResult, url: string): string {
	if (result.outcome === 'failed') return FAILED[result.reason] ?? ANY_FAILURE;
	const { status, responseText } = result;
	if (status === 404) return notFoundHint(responseText, url);
	return ANSWERED[status] ?? rangeHint(status);
}

const ANY_FAILURE = 'Check that the receiver runs and that the URL is right, then try again.';

const FAILED: Readonly<Record<string, string>> = {
	blocked:
		'Use a public https URL. Whoever runs the engine can open another one with WEBHOOK_ALLOW_PRIVATE.',
	dns_failed:
		'The host name leads nowhere. Check its spelling, and that a public DNS server knows it.',
	connect_failed:
		'Check that the receiver runs, that host and port are right, and that no firewall keeps the engine out.',
	tls_failed:
		'The receiver needs a valid certificate for exactly this host name, sent with its intermediate certificates.',
	timeout:
		'The receiver has 15 seconds. Let it answer first and work afterwards; in n8n, set Respond of the Webhook node to Immediately.',
	no_answer:
		'What listens there does not speak HTTP, or closed the connection. Check the port, and http against https.',
	aborted: 'The engine is stopping. Try again in a few seconds.',
};

const ANSWERED: Readonly<Record<number, string>> = {
	401: 'The receiver asks for a login, and webhooks bring none. In n8n, set Authentication of the Webhook node to None and let the signature prove who sends.',
	403: 'The receiver, or a firewall before it, refuses the engine. In n8n, look at Authentication, IP(s) Allowlist and Ignore Bots of the Webhook node.',
	405: 'The receiver does not take POST at this path. In n8n, set HTTP Method of the Webhook node to POST.',
	410: 'The receiver says that it is gone for good. An event answered like this disables the endpoint: change its URL, or delete it.',
	413: 'The body is too large for the receiver, or for a proxy before it. Raise the limit there.',
	429: 'The receiver gets more than it takes. Set max_per_second of the endpoint.',
	502: 'A proxy answered, and the receiver behind it did not. Check that the receiver runs.',
	503: 'The receiver is overloaded or just starting. Try again in a minute.',
	504: 'A proxy answered, and the receiver behind it was too slow. Let it answer first and work afterwards.',
};

function rangeHint(status: number): string {
	if (status >= 500) {
		return 'The receiver failed at its work. Look into its log; in n8n, into the list of executions.';
	}
	if (status >= 400) {
		return 'The receiver does not take what it got. See what it answered, or look into its log.';
	}
	return 'Set the URL of the endpoint to the address that this one redirects to.';
}

/** The words of n8n when the path is right and the method is not. */
const OTHER_METHOD = /not registered for POST requests/;

function notFoundHint(responseText: string, url: string): string {
	if (OTHER_METHOD.test(responseText)) return ANSWERED[405]!;
	if (new URL(url).pathname.includes('/webhook-test/')) {
		return "This is n8n's test URL, which answers only while the editor waits for a test event, and then once. Use the production URL of the Webhook node, and activate (publish) the workflow.";
	}
	return 'Nothing listens at this path. n8n answers 404 when the workflow is not active: activate (publish) it, and compare the URL with the production URL of its Webhook node.';
}
