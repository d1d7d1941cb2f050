import { createHmac, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../domain/errors.ts';
import type { CustomerId } from '../domain/ids.ts';
import type { Mode, Scope } from '../domain/scope.ts';
import type { Clock } from './ports.ts';

export interface StreamToken {
	readonly token: string;
	readonly expiresAt: number;
}

/** To connect with; a stream that is open lives on. */
const LIFE_MS = 60_000;
const PREFIX = 'zst_';
const TOKEN = /^zst_([\w-]{1,400})\.([\w-]{43})$/;
const API_KEY = /^(Bearer )?zpk_/i;

const GET_ANOTHER = 'Get a token with POST /v1/events/token and connect within a minute.';
const NOT_IN_A_URL =
	'An API key does not belong in a URL, where logs and histories keep it. Send it in the ' +
	'Authorization header, or use a token of POST /v1/events/token instead.';

/** What a token says; the customer and the mode of the key that asked for it. */
interface Claims {
	readonly customer: CustomerId;
	readonly mode: Mode;
	readonly expires: number;
}

/**
 * Tokens for programs that cannot send a header, as a browser's EventSource, and must not have the
 * API key. They open the event stream and nothing else, and only for a minute, since a URL is kept
 * by logs and histories. Nothing is stored: a token carries what it allows, signed.
 */
export class StreamTokens {
	readonly #clock: Clock;
	readonly #key: Buffer;

	constructor({ clock, pepper }: { readonly clock: Clock; readonly pepper: string }) {
		this.#clock = clock;
		this.#key = createHmac('sha256', pepper).update('whatisup: event stream tokens').digest();
	}

	issue({ customerId, mode }: Scope): StreamToken {
		const expiresAt = this.#clock.now() + LIFE_MS;
		const claims: Claims = { customer: customerId, mode, expires: expiresAt };
		const text = Buffer.from(JSON.stringify(claims)).toString('base64url');
		return { token: `${PREFIX}${text}.${this.#sign(text)}`, expiresAt };
	}

	/** Answers what the token may see; refuses one that is not ours or no longer counts. */
	check(token: string): Scope {
		if (API_KEY.test(token)) throw refusal(NOT_IN_A_URL);
		const [, text = '', signature = ''] = TOKEN.exec(token) ?? [];
		const isOurs = timingSafeEqual(digest(signature), digest(this.#sign(text)));
		if (!isOurs) throw refusal(`This stream token is not valid. ${GET_ANOTHER}`);
		const claims = JSON.parse(Buffer.from(text, 'base64url').toString()) as Claims;
		if (claims.expires <= this.#clock.now()) {
			throw refusal(`This stream token has expired. ${GET_ANOTHER}`);
		}
		return { customerId: claims.customer, mode: claims.mode };
	}

	#sign(text: string): string {
		return createHmac('sha256', this.#key).update(text).digest('base64url');
	}
}

function refusal(hint: string): EngineError {
	return new EngineError('auth_invalid', {}, { hint });
}

/** Of one length, whatever was sent. */
function digest(signature: string): Buffer {
	return Buffer.from(signature.padEnd(43).slice(0, 43));
}
