/**
 * What the checks of an endpoint are told. Instants are Unix milliseconds.
 *
 * A fact that is `undefined` could not be found out. Its checks say so and conclude nothing.
 */
import type { DisabledReason } from './events.ts';
import type { EndpointId, InstanceId } from './ids.ts';
import type { LeftOut } from './left-out.ts';
import type { Subscription } from './subscription.ts';

export interface DiagnosisFacts {
	readonly now: number;
	readonly endpoint: EndpointFacts;
	readonly circuit: CircuitFacts;
	readonly receiver: ReceiverFacts | undefined;
	readonly deliveries: DeliveryFacts | undefined;
	readonly instances: InstanceFacts | undefined;
	readonly events: EventFacts | undefined;
	/** Other endpoints with the same URL whose signing secret is another one. */
	readonly rivals: readonly EndpointId[] | undefined;
}

export interface EndpointFacts extends Subscription {
	readonly url: string;
	readonly enabled: boolean;
	readonly disabledReason: DisabledReason | null;
	readonly disabledAt: number | null;
	readonly failingSince: number | null;
	readonly workedUntil: number | null;
	readonly maxAgeSeconds: number | null;
	readonly maxPerSecond: number | null;
	readonly secretRotatedAt: number | null;
	readonly previousSecretUntil: number | null;
}

export interface CircuitFacts {
	readonly state: 'closed' | 'open' | 'half_open';
	readonly consecutiveFailures: number;
	readonly nextProbeAt: number | null;
}

export interface ReceiverFacts extends ReceiverReport {
	/** What to do about the result, unless it is a good one; `null` when there is none. */
	readonly advice: string | null;
}

/** What became of one signed request to the receiver, and of the steps before it. */
export interface ReceiverReport {
	/** Why nothing is sent there at all; `null` when something may be. */
	readonly refusal: { readonly reason: string; readonly hint: string } | null;
	/** How many addresses the name has; `null` when the URL holds an address, or was refused. */
	readonly addressCount: number | null;
	/** Of a connection over TLS that came up. */
	readonly certificate: { readonly endsAt: number } | null;
	/** `null` when nothing was sent. */
	readonly result: ReceiverResult | null;
}

export type ReceiverResult =
	| {
			readonly outcome: 'answered';
			readonly status: number;
			/** The beginning of its body, which no finding shows. */
			readonly responseText: string;
			readonly latencyMs: number;
			readonly receivedAt: number;
			/** The receiver's own clock at that moment, to the second; `null` when it did not tell. */
			readonly date: number | null;
			/** Where a redirect leads, without its query string. */
			readonly location: string | null;
	  }
	| {
			readonly outcome: 'failed';
			/** A stable word such as `timeout` or `tls_failed`. */
			readonly reason: string;
			/** The code of the TLS library; `null` for every other reason. */
			readonly tlsCode: string | null;
	  };

/** A number that was counted no further than a bound. */
export interface BoundedCount {
	readonly count: number;
	readonly isExact: boolean;
}

export interface DeliveryFacts {
	/** Failed for good within the last `FAILED_DAYS`. */
	readonly failed: BoundedCount;
	/** Of these, looking at the newest only: dropped because they were too old to be of use. */
	readonly tooOld: BoundedCount;
	/** Not settled yet. */
	readonly waiting: BoundedCount;
	/** When the oldest of these was made, or of the newest of them when they are many. */
	readonly waitingSince: number | null;
	readonly lastFailure: {
		readonly at: number;
		readonly error: string | null;
		readonly status: number | null;
	} | null;
}

export interface InstanceFacts {
	/** Of the endpoint's own list. */
	readonly deleted: readonly InstanceId[];
	readonly present: number;
}

/** What happened to the customer's instances in the last day, and what the endpoint makes of it. */
export interface EventFacts extends LeftOut {
	readonly seen: BoundedCount;
}

export const FAILED_DAYS = 30;
