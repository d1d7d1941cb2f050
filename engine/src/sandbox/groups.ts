import { randomInt } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { jidOf, type Directory, type LinkedDevice } from './directory.ts';
import { SimulationError } from './simulation-error.ts';
import type { StateFile, StoredMap } from './state-file.ts';
import { nowInSeconds, stanza } from './stanza.ts';

export interface Group {
	readonly jid: string;
	readonly subject: string;
	/** Phone numbers; the first one has made the group. */
	readonly members: readonly string[];
	readonly createdAt: number;
}

/** The groups and who is in them. They do not change once they are made. */
export class Groups {
	readonly #directory: Directory;
	readonly #stored: StoredMap<Group>;

	constructor(state: StateFile, directory: Directory) {
		this.#directory = directory;
		this.#stored = state.map('group');
	}

	create(subject: string, members: readonly string[]): Group {
		const numbers = [...new Set(members)].map((member) => this.#directory.phone(member).number);
		const jid = `120363${randomInt(10 ** 11, 10 ** 12)}@g.us`;
		const group = { jid, subject, members: numbers, createdAt: nowInSeconds() };
		this.#stored.set(jid, group);
		return group;
	}

	find(jid: string): Group | undefined {
		return this.#stored.get(jid);
	}

	/** The group, if this person is in it. Throws otherwise. */
	get(jid: string, member: string): Group {
		const group = this.find(jid);
		if (!group?.members.includes(member)) throw new SimulationError('unknown_group');
		return group;
	}

	/** The groups of a person. */
	of(member: string): Group[] {
		return [...this.#stored.values()].filter(({ members }) => members.includes(member));
	}

	/** The linked devices of all members. */
	devicesOf(group: Group): LinkedDevice[] {
		return group.members.flatMap((member) => [...this.#directory.devicesOf(member)]);
	}

	describe({ jid, subject, members, createdAt }: Group): BinaryNode {
		const [creator = ''] = members;
		const participants = members.map((member) => {
			const phone = this.#directory.phone(member);
			return stanza('participant', {
				jid: jidOf(phone, 'lid'),
				phone_number: jidOf(phone, 'pn'),
				type: member === creator ? 'superadmin' : undefined,
			});
		});
		const creatorJid = jidOf(this.#directory.phone(creator), 'lid');
		const attributes = {
			id: jid.split('@')[0],
			subject,
			s_t: createdAt,
			s_o: creatorJid,
			creation: createdAt,
			creator: creatorJid,
			size: members.length,
			addressing_mode: 'lid',
		};
		return stanza('group', attributes, participants);
	}
}
