/**
 * Identifiers as the API shows them: a prefix that names the noun, then a UUIDv7, so that ids sort
 * by the time they were made. The types keep an instance's id out of a delivery's place.
 */
export type Id<Prefix extends string> = `${Prefix}_${string}`;

export type CustomerId = Id<'cust'>;
export type KeyId = Id<'key'>;
export type InstanceId = Id<'inst'>;
export type MessageId = Id<'msg'>;
export type EventId = Id<'evt'>;
export type EndpointId = Id<'wh'>;
export type DeliveryId = Id<'dlv'>;
export type RequestId = Id<'req'>;
export type TransitionId = Id<'trn'>;
export type AuditId = Id<'aud'>;
export type ReplayId = Id<'rpl'>;

export type IdPrefix =
	'cust' | 'key' | 'inst' | 'msg' | 'evt' | 'wh' | 'dlv' | 'req' | 'trn' | 'aud' | 'rpl';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

/** The shape of one noun's ids; for validation at the edge. */
export function idPattern(prefix: IdPrefix): RegExp {
	return new RegExp(`^${prefix}_${UUID}$`);
}

/** No id of this noun that was made at or after this instant (Unix milliseconds) is less than it. */
export function firstIdAt<Prefix extends IdPrefix>(prefix: Prefix, at: number): Id<Prefix> {
	const time = Math.max(0, Math.min(at, LAST_INSTANT)).toString(16).padStart(12, '0');
	return `${prefix}_${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

/** UUIDv7 has 48 bits for the time. */
const LAST_INSTANT = 2 ** 48 - 1;
