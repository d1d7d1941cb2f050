import type { CustomerId } from './ids.ts';

/** Live instances connect to WhatsApp, test instances to the simulated network. */
export type Mode = 'live' | 'test';

/**
 * What one API key may see: its customer's objects, of its own mode. Every query takes one, so
 * that another customer's object, or a live one asked for with a test key, is simply not found.
 */
export interface Scope {
	readonly customerId: CustomerId;
	readonly mode: Mode;
}
