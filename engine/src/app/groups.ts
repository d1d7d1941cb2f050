import { EngineError } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import type { NewMessage, Outbound } from './outbound.ts';
import type { Clock, Instance, InstanceStore, Message } from './ports.ts';

export interface GroupsOptions {
	readonly instances: InstanceStore;
	readonly outbound: Outbound;
	readonly clock: Clock;
}

/** Instances that stand in for each other: the first one that can send does. */
export class Groups {
	readonly #options: GroupsOptions;

	constructor(options: GroupsOptions) {
		this.#options = options;
	}

	/** Its members, in the order in which they stand in for each other. */
	async members(scope: Scope, name: string): Promise<Instance[]> {
		const members = await this.#options.instances.listByGroup(scope, name);
		if (members.length === 0) throw new EngineError('group_not_found');
		return members;
	}

	/**
	 * Sends through the first member that is connected and not restricted. Unlike a single instance a
	 * group does not let a message wait: which member would send it could not be said.
	 */
	async send(scope: Scope, name: string, message: NewMessage): Promise<Message> {
		const members = await this.members(scope, name);
		for (const { id, status, restrictedUntil } of members) {
			const isFree = (restrictedUntil ?? 0) <= this.#options.clock.now();
			if (status.state === 'connected' && isFree) {
				return this.#options.outbound.accept(scope, id, message);
			}
		}
		throw new EngineError('group_unavailable', {
			instances: members.map(({ id, name: label, status, restrictedUntil }) => ({
				id,
				name: label,
				state: status.state,
				restricted: (restrictedUntil ?? 0) > this.#options.clock.now(),
			})),
		});
	}
}
