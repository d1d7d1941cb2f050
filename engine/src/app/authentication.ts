import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { EngineError } from '../domain/errors.ts';
import type { CustomerId } from '../domain/ids.ts';
import type { Mode, Scope } from '../domain/scope.ts';
import type { ApiKeyStore, Clock, CustomerStore, IdSource, Log, SettingStore } from './ports.ts';

export interface AuthenticationOptions {
	readonly apiKeys: ApiKeyStore;
	readonly customers: CustomerStore;
	readonly settings: SettingStore;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	readonly pepper: string;
}

/** A key that this start made: the only moment at which it can be shown. */
export interface NewKey {
	readonly mode: Mode;
	readonly key: string;
}

const KEY = /^zpk_(live|test)_[A-Za-z0-9_-]{32,128}$/;
const KEY_BYTES = 32;
const CLEAR_PREFIX_LENGTH = 'zpk_live_'.length + 4;
const BOOTSTRAP = 'bootstrap';
const PEPPER_PROOF = 'pepper_proof';

/** API keys: who is asking, and the first two keys of an installation. */
export class Authentication {
	readonly #options: AuthenticationOptions;

	constructor(options: AuthenticationOptions) {
		this.#options = options;
	}

	/** Answers what the key in an Authorization header may see. */
	async authenticate(header: string | undefined): Promise<Scope> {
		if (header === undefined || header === '') throw new EngineError('auth_missing');
		const key = /^Bearer +(\S+) *$/i.exec(header)?.[1];
		if (!key || !KEY.test(key)) throw new EngineError('auth_malformed');
		const hash = this.#hash(key);
		const found = await this.#options.apiKeys.findByHash(hash);
		if (!found || !timingSafeEqual(Buffer.from(found.hash), Buffer.from(hash))) {
			throw new EngineError('auth_invalid');
		}
		return { customerId: found.customerId, mode: found.mode };
	}

	/** Whether the pepper is the one that the stored keys were hashed with. */
	async provePepper(): Promise<boolean> {
		const proof = this.#hash(PEPPER_PROOF);
		const stored = await this.#options.settings.find(PEPPER_PROOF);
		if (stored === undefined) await this.#options.settings.set(PEPPER_PROOF, proof);
		return stored === undefined || stored === proof;
	}

	/**
	 * Makes sure that there is a live and a test key. A key from the environment replaces the
	 * bootstrap key of its mode; without one, the first start makes a key and answers it.
	 */
	async bootstrap(given: Readonly<Partial<Record<Mode, string>>>): Promise<NewKey[]> {
		const { customers, ids, clock } = this.#options;
		const customerId = await customers.ensureDefault(ids.next('cust'), clock.now());
		const made: NewKey[] = [];
		for (const mode of ['live', 'test'] as const) {
			const existing = await this.#options.apiKeys.findByName(mode, BOOTSTRAP);
			const wanted = given[mode];
			if (wanted === undefined && existing) continue;
			if (wanted !== undefined && existing?.hash === this.#hash(wanted)) continue;
			if (existing) await this.#options.apiKeys.revoke(existing.id, clock.now());
			const key = wanted ?? newKey(mode);
			await this.#add(customerId, mode, key);
			if (wanted === undefined) made.push({ mode, key });
		}
		return made;
	}

	async #add(customerId: CustomerId, mode: Mode, key: string): Promise<void> {
		const { apiKeys, ids, clock } = this.#options;
		await apiKeys.add({
			id: ids.next('key'),
			customerId,
			mode,
			name: BOOTSTRAP,
			prefix: key.slice(0, CLEAR_PREFIX_LENGTH),
			hash: this.#hash(key),
			createdAt: clock.now(),
		});
	}

	#hash(key: string): string {
		return createHmac('sha256', this.#options.pepper).update(key).digest('hex');
	}
}

export function isApiKey(mode: Mode, key: string): boolean {
	return KEY.exec(key)?.[1] === mode;
}

function newKey(mode: Mode): string {
	return `zpk_${mode}_${randomBytes(KEY_BYTES).toString('base64url')}`;
}
