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

export type IdPrefix =
	'cust' | 'key' | 'inst' | 'msg' | 'evt' | 'wh' | 'dlv' | 'req' | 'trn' | 'aud';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

/** The shape of one noun's ids; for validation at the edge. */
export function idPattern(prefix: IdPrefix): RegExp {
	return new RegExp(`^${prefix}_${UUID}$`);
}
