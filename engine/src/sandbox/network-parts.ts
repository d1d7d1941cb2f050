import { createServerIdentity, type ServerIdentity } from './certificate-chain.ts';
import { Connection } from './connection.ts';
import { Contacts } from './contacts.ts';
import { Delivery } from './delivery.ts';
import { Directory, type LinkedDevice } from './directory.ts';
import { Groups } from './groups.ts';
import { KeyServer } from './key-server.ts';
import { Listener } from './listener.ts';
import { MessageRouting } from './message-routing.ts';
import { Newsletters } from './newsletters.ts';
import { Outbox } from './outbox.ts';
import { Pairing } from './pairing.ts';
import { Reception, type ReceptionParts, type ReceptionSettings } from './reception.ts';
import { SenderKeys } from './sender-keys.ts';
import { SignalSessions } from './signal-sessions.ts';
import type { StateFile } from './state-file.ts';
import { Switchboard, type SwitchboardParts } from './switchboard.ts';
import { Turns } from './turns.ts';
import { UndeliveredStanzas } from './undelivered.ts';

export interface NetworkParts {
	readonly state: StateFile;
	readonly identity: ServerIdentity;
	readonly directory: Directory;
	readonly undelivered: UndeliveredStanzas;
	readonly outbox: Outbox;
	readonly groups: Groups;
	readonly newsletters: Newsletters;
	readonly reception: Reception;
	readonly contacts: Contacts;
	readonly routing: MessageRouting;
	readonly pairing: Pairing;
	readonly switchboard: Switchboard;
	readonly listener: Listener;
	readonly turns: Turns;
}

/** What happens in the network, for whoever wants to know. */
export type NetworkNotices = SwitchboardParts['notify'] & {
	readonly shown: ReceptionParts['shown'];
	readonly paired: (device: LinkedDevice) => void;
};

/** Puts the network together on what its file holds; nothing listens or waits yet. */
export function composeNetwork(
	state: StateFile,
	settings: ReceptionSettings,
	notify: NetworkNotices,
): NetworkParts {
	const identity = loadIdentity(state);
	const turns = new Turns();
	const sessions = new SignalSessions(state);
	const senderKeys = new SenderKeys(state);
	const directory = new Directory(state, sessions);
	const groups = new Groups(state, directory);
	const undelivered = new UndeliveredStanzas(state);
	const outbox = new Outbox(state);
	const delivery = new Delivery(state, undelivered);
	const newsletters = new Newsletters(state, delivery);
	const keys = new KeyServer(directory, delivery);
	const { shown } = notify;
	const reception = new Reception(settings, { directory, delivery, outbox, shown });
	const people = { directory, delivery, keys, sessions, senderKeys, reception, turns };
	const contacts = new Contacts(people);
	const routing = new MessageRouting({ directory, delivery, contacts, undelivered, groups });
	const pairing = new Pairing(directory, notify.paired);
	const iq = { directory, keys, groups };
	const servers = { directory, undelivered, delivery, contacts, routing, pairing, iq };
	const switchboard = new Switchboard({ ...servers, notify });
	const listener = new Listener((socket, label) => {
		new Connection(socket, label, identity, {
			opened: (connection, payload) => {
				switchboard.opened(connection, payload);
			},
			received: (connection, node) => switchboard.received(connection, node),
			closed: (connection, reason) => {
				switchboard.closed(connection, reason);
			},
		});
	});
	return {
		...{ state, identity, directory, undelivered, outbox, groups, newsletters, reception },
		...{ contacts, routing, pairing, switchboard, listener, turns },
	};
}

/** The server is the same after a restart. */
function loadIdentity(state: StateFile): ServerIdentity {
	const stored = state.map<ServerIdentity>('server-identity');
	const known = stored.get('');
	if (known !== undefined) return known;
	const identity = createServerIdentity();
	stored.set('', identity);
	return identity;
}
