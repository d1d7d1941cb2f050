import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { stanza } from './stanza.ts';

/**
 * What can go wrong with a connection, and the status code that Baileys makes of it:
 *
 * - `logged_out` the phone has unlinked the device (401); it is forgotten and must pair again
 * - `replaced` the same device has connected elsewhere (440)
 * - `connection_lost` the socket is cut without a word (428)
 * - `stream_ended` the server says good-bye (428)
 * - `restart_required` the client has to come back (515)
 * - `server_error` (500) · `service_unavailable` (503)
 * - `banned` the account is banned (403), now and at each later login
 * - `client_outdated` the client's version is too old (405)
 * - `multidevice_mismatch` (411)
 * - `silent` the socket stays open and nothing is answered any more (408, once the client's
 *   keep-alive notices)
 * - `upgrade_refused` the socket is cut, and the next upgrades are answered by HTTP 503
 */
export type FaultKind =
	| 'logged_out'
	| 'replaced'
	| 'connection_lost'
	| 'stream_ended'
	| 'restart_required'
	| 'server_error'
	| 'service_unavailable'
	| 'banned'
	| 'client_outdated'
	| 'multidevice_mismatch'
	| 'silent'
	| 'upgrade_refused';

const LAST_WORDS: Readonly<Partial<Record<FaultKind, () => BinaryNode>>> = {
	logged_out: () =>
		stanza('stream:error', { code: 401 }, [stanza('conflict', { type: 'device_removed' })]),
	replaced: () => stanza('stream:error', {}, [stanza('conflict', { type: 'replaced' })]),
	stream_ended: () => stanza('xmlstreamend'),
	restart_required: () => stanza('stream:error', { code: 515 }),
	server_error: () => stanza('stream:error', { code: 500 }),
	service_unavailable: () => stanza('stream:error', { code: 503 }),
	banned: () => failure(403),
	client_outdated: () => failure(405),
	multidevice_mismatch: () => stanza('ib', {}, [stanza('downgrade_webclient')]),
};

/** Lets a fault happen to a connection. */
export function inflict(connection: Connection, kind: FaultKind): void {
	const words = LAST_WORDS[kind];
	if (words !== undefined) connection.closeWith(words());
	else if (kind === 'silent') connection.fallSilent();
	else connection.drop();
}

/** How a login is refused. 401 is for a device that nobody knows (any more). */
export function failure(reason: number): BinaryNode {
	return stanza('failure', { reason, location: 'simulated' });
}
