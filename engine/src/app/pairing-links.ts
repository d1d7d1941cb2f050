import { createHash, randomBytes } from 'node:crypto';
import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { ChangeSignal } from './change-signal.ts';
import type { Instances } from './instances.ts';
import type { Clock, IdSource, Instance, PairingLink, Storage } from './ports.ts';

export interface PairingLinksOptions {
	readonly storage: Storage;
	readonly instances: Instances;
	readonly changes: ChangeSignal;
	readonly ids: IdSource;
	readonly clock: Clock;
	/** Where people reach the engine, without a slash at the end. */
	readonly baseUrl: () => string;
}

export interface NewPairingLink {
	readonly url: string;
	readonly expiresAt: number;
}

/** What a token leads to while it is good. */
export interface OpenLink {
	readonly link: PairingLink;
	readonly instance: Instance;
	/** It has done its work, and shows for a moment that it did. */
	readonly isUsed: boolean;
}

/** The request that asked for it, in the audit log. */
export interface Cause {
	readonly correlationId?: string;
}

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;
const LINK_MS = 30 * 60_000;

/** A page that is loaded again right after the pairing still says that it worked. */
const GRACE_MS = 60_000;

/**
 * Links for a person who has no API key and is to pair an instance. The token in the link is all
 * that protects it, so it is long, short-lived and good for one pairing, and only its hash is kept:
 * finding a link takes no comparison whose time could tell how much of a token is right.
 */
export class PairingLinks {
	readonly #options: PairingLinksOptions;

	constructor(options: PairingLinksOptions) {
		this.#options = options;
	}

	/** Makes a link; the one before it, if there is one, ends. */
	async create(scope: Scope, id: InstanceId, cause: Cause = {}): Promise<NewPairingLink> {
		const { storage, instances, clock, baseUrl } = this.#options;
		const { state } = (await instances.get(scope, id)).status;
		if (state === 'connected' || state === 'reconnecting') {
			throw new EngineError('invalid_transition', { state }, { hint: PAIRED_HINT });
		}
		const token = randomBytes(TOKEN_BYTES).toString('base64url');
		const expiresAt = clock.now() + LINK_MS;
		await storage.transaction(async (stores) => {
			await stores.pairingLinks.put({ instanceId: id, tokenHash: hash(token), expiresAt });
			await stores.audit.add(this.#auditRow(scope, id, 'pairing_link.created', cause));
		});
		this.#options.changes.tell(id);
		return { url: `${baseUrl()}/pair/${token}`, expiresAt };
	}

	/** The instance's link, while it can still be used. */
	async find(scope: Scope, id: InstanceId): Promise<PairingLink | undefined> {
		const instance = await this.#options.instances.get(scope, id);
		const link = await this.#options.storage.pairingLinks.find(id);
		const open = link && (await this.#open(link, instance));
		return open?.isUsed === false ? open.link : undefined;
	}

	async revoke(scope: Scope, id: InstanceId, cause: Cause = {}): Promise<void> {
		await this.#options.instances.get(scope, id);
		await this.#options.storage.transaction(async (stores) => {
			if (!(await stores.pairingLinks.find(id))) return;
			await stores.pairingLinks.remove(id);
			await stores.audit.add(this.#auditRow(scope, id, 'pairing_link.revoked', cause));
		});
		this.#options.changes.tell(id);
	}

	/** Where a token leads; one that never was is no different from one that no longer is. */
	async findByToken(token: string): Promise<OpenLink | undefined> {
		if (!TOKEN.test(token)) return undefined;
		const { pairingLinks, instances } = this.#options.storage;
		const link = await pairingLinks.findByHash(hash(token));
		const instance = link && (await instances.findAny(link.instanceId));
		return instance && this.#open(link, instance);
	}

	/** A link is used by the first connection after it was made, whichever way that came. */
	async #open(link: PairingLink, instance: Instance): Promise<OpenLink | undefined> {
		const { storage, clock } = this.#options;
		const now = clock.now();
		if (link.expiresAt <= now) return undefined;
		const from = link.expiresAt - LINK_MS;
		const lately = await storage.transitions.listBetween([instance.id], { from, to: now + 1 });
		const connection = lately.find(({ to, at }) => to === 'connected' && at >= from);
		if (connection && connection.at + GRACE_MS <= now) return undefined;
		return { link, instance, isUsed: connection !== undefined };
	}

	#auditRow(
		{ customerId }: Scope,
		instanceId: InstanceId,
		action: string,
		{ correlationId = null }: { readonly correlationId?: string | null },
	) {
		const { ids, clock } = this.#options;
		const at = clock.now();
		return { id: ids.next('aud'), customerId, instanceId, action, details: {}, at, correlationId };
	}
}

const PAIRED_HINT = 'A phone is linked already. Log the instance out first to link another one.';

function hash(token: string): string {
	return createHash('sha256').update(token).digest('hex');
}
