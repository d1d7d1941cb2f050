/**
 * One request on the wire and what came of it, told apart three ways because each is retried
 * differently: nothing was sent, something may have been, the receiver answered.
 *
 * The status line settles the matter. A body that never ends, breaks off or is larger than we
 * care to read changes nothing about it; we only stop reading.
 */
import { errors, type Dispatcher } from 'undici';
import { ConnectFault, type ConnectFaultReason } from './guarded-connector.ts';
import { parseRetryAfter } from './retry-after.ts';

export type WebhookFault = ConnectFaultReason | 'timeout' | 'no_answer' | 'aborted';

export type ExchangeOutcome =
	| {
			readonly outcome: 'answered';
			readonly status: number;
			/** What the receiver asked for, with whatever status; undefined when it did not ask. */
			readonly retryAfterMs: number | undefined;
			/** The first kilobyte of the body, for people to read. */
			readonly responseText: string;
	  }
	| {
			readonly outcome: 'failed';
			readonly reason: WebhookFault;
			readonly message: string;
			/** Whether the receiver can have seen any of the request. */
			readonly sent: 'nothing' | 'maybe';
	  };

const LONGEST_BODY_BYTES = 64 * 1024;

/** Of a delivery and of a test alike, so that a diagnosis judges as deliveries fare. */
export const LONGEST_EXCHANGE_MS = 15_000;

/** Long cookies and security policies pass; undici's own limit is a quarter of it. */
export const LONGEST_HEADERS_BYTES = 64 * 1024;
const KEPT_BODY_BYTES = 1024;

const MESSAGES = {
	timeout: 'The receiver did not answer in time.',
	no_answer: 'The receiver closed the connection without a valid HTTP answer.',
	aborted: 'The request was cancelled.',
} as const;

/** What comes of a request that is cancelled before it has begun. */
export const CANCELLED: ExchangeOutcome = {
	outcome: 'failed',
	reason: 'aborted',
	message: MESSAGES.aborted,
	sent: 'nothing',
};

export class WebhookExchange implements Dispatcher.DispatchHandler {
	readonly outcome: Promise<ExchangeOutcome>;
	readonly #settle: (outcome: ExchangeOutcome) => void;
	readonly #reject: (error: Error) => void;
	readonly #kept: Buffer[] = [];
	#receivedBytes = 0;
	#controller: Dispatcher.DispatchController | undefined;
	#answer: { readonly status: number; readonly retryAfterMs: number | undefined } | undefined;
	#cancelled = false;

	constructor() {
		let settle!: (outcome: ExchangeOutcome) => void;
		let reject!: (error: Error) => void;
		this.outcome = new Promise((...callbacks) => ([settle, reject] = callbacks));
		this.#settle = settle;
		this.#reject = reject;
	}

	/** Ends the exchange now. What is still waiting for a connection will not be sent. */
	cancel(reason: 'timeout' | 'aborted'): void {
		this.#cancelled = true;
		this.#end(reason, MESSAGES[reason]);
		this.#controller?.abort(new Error(MESSAGES[reason]));
	}

	/** A connection is there; the next thing to happen is the first byte. */
	onRequestStart(controller: Dispatcher.DispatchController): void {
		if (this.#cancelled) controller.abort(new Error(MESSAGES.aborted));
		else this.#controller = controller;
	}

	onResponseStart(
		_controller: Dispatcher.DispatchController,
		status: number,
		headers: Record<string, string | string[] | undefined>,
	): void {
		// 1xx announces the answer and is none itself.
		if (status < 200) return;
		const asked = [headers['retry-after']].flat()[0];
		const retryAfterMs = asked === undefined ? undefined : parseRetryAfter(asked, Date.now());
		this.#answer = { status, retryAfterMs };
	}

	onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
		const room = KEPT_BODY_BYTES - this.#receivedBytes;
		// A copy: the chunk is a window on the parser's memory.
		if (room > 0) this.#kept.push(Buffer.from(chunk.subarray(0, room)));
		this.#receivedBytes += chunk.length;
		if (this.#receivedBytes <= LONGEST_BODY_BYTES) return;
		this.#end('no_answer', MESSAGES.no_answer);
		controller.abort(new Error('The response body is too large.'));
	}

	onResponseEnd(): void {
		this.#end('no_answer', MESSAGES.no_answer);
	}

	onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
		if (error instanceof ConnectFault) this.#end(error.reason, error.message);
		else if (isClosing(error)) this.#end('aborted', MESSAGES.aborted);
		else if (this.#controller !== undefined) this.#end('no_answer', MESSAGES.no_answer);
		// Neither the network nor the receiver had a part in it: a bug, such as a broken header.
		else this.#reject(error);
	}

	/** Settles with the answer if there is one, else with the fault. The first call counts. */
	#end(reason: WebhookFault, message: string): void {
		if (this.#answer !== undefined) {
			this.#settle({ outcome: 'answered', ...this.#answer, responseText: this.#text() });
			return;
		}
		const sent = this.#controller === undefined ? 'nothing' : 'maybe';
		this.#settle({ outcome: 'failed', reason, message, sent });
	}

	#text(): string {
		if (this.#kept.length === 0) return '';
		// Streaming leaves out a character that the cut has split. Databases refuse U+0000 in text.
		const decoded = new TextDecoder().decode(Buffer.concat(this.#kept), { stream: true });
		return decoded.replaceAll('\0', '\uFFFD');
	}
}

function isClosing(error: Error): boolean {
	return error instanceof errors.ClientClosedError || error instanceof errors.ClientDestroyedError;
}
