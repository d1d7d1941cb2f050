import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Instances } from './instances.ts';
import { PairingLinks, type OpenLink } from './pairing-links.ts';
import { canStart, pairingView, type PairingCode, type PairingView } from './pairing-view.ts';
import type { Clock, IdSource, Instance, PairingLink, Storage } from './ports.ts';
import type { Sessions } from './sessions.ts';

export interface PairingOptions {
	readonly storage: Storage;
	readonly instances: Instances;
	readonly sessions: Sessions;
	readonly ids: IdSource;
	readonly clock: Clock;
	/** Where people reach the engine, without a slash at the end. */
	readonly baseUrl: () => string;
}

/** How long a page waits for a change before it asks again; shorter than proxies are patient. */
const WATCH_MS = 10_000;

/** Each code makes WhatsApp show a notice on the phone with the number, whosever it is. */
const MOST_CODES = 3;
const CODES_WINDOW_MS = 10 * 60_000;

/** Linking a phone by a code to type, and by a page that needs no API key but a pairing link. */
export class Pairing {
	readonly links: PairingLinks;
	readonly #options: PairingOptions;
	/** The code that an instance's page shows, and the link by which it was asked for. */
	readonly #codes = new Map<InstanceId, PairingCode & { readonly tokenHash: string }>();
	/** When each link asked for codes. */
	readonly #asked = new Map<string, readonly number[]>();

	constructor(options: PairingOptions) {
		this.#options = options;
		this.links = new PairingLinks({ ...options, changes: options.sessions.changes });
	}

	/** A code for the phone with this number, of an instance that is started where need be. */
	async pairCode(scope: Scope, id: InstanceId, phoneNumber: string): Promise<PairingCode> {
		const { instances, sessions } = this.#options;
		const { expectedPhoneNumber } = await instances.get(scope, id);
		if (expectedPhoneNumber !== null && expectedPhoneNumber !== phoneNumber) {
			throw new EngineError(
				'pair_code_unavailable',
				{ reason: 'identity_mismatch' },
				{ hint: 'The instance expects another phone number.' },
			);
		}
		await instances.qr(scope, id).catch((error: unknown) => {
			if (!(error instanceof EngineError) || error.code !== 'no_qr') throw error;
			throw new EngineError('pair_code_unavailable', error.details, { hint: error.hint });
		});
		// A connection has one code: this one takes the place of the one that the page shows.
		this.#codes.delete(id);
		return sessions.pairCode(id, phoneNumber);
	}

	/** What the page shows: as soon as it differs from `since`, or after a while as it is. */
	async view(token: string, since?: string): Promise<PairingView> {
		const { sessions, clock } = this.#options;
		const until = clock.now() + WATCH_MS;
		for (;;) {
			const { count } = sessions.changes;
			const { link, instance, isUsed } = await this.#get(token);
			const view = pairingView({
				instance,
				qr: sessions.qrOf(instance.id),
				pairingCode: this.#codeOf(link),
				linkExpiresAt: link.expiresAt,
				isUsed,
				at: clock.now(),
			});
			const remainingMs = until - view.at;
			if (view.version !== since || remainingMs <= 0) return view;
			sessions.refuseWhenStopping();
			await sessions.changes.next(instance.id, count, remainingMs);
		}
	}

	/** Gets codes for the page: the first ones, or new ones when nobody used the last in time. */
	async start(token: string): Promise<PairingView> {
		const { instance } = await this.#getUnused(token);
		if (canStart(instance.status)) {
			this.#codes.delete(instance.id);
			await this.#options.sessions.start(instance.id);
		} else {
			refuseToWake(instance);
		}
		return this.view(token);
	}

	/** A code that the page then shows. */
	async requestCode(token: string, phoneNumber: string): Promise<PairingCode> {
		const { link, instance } = await this.#getUnused(token);
		if (!canStart(instance.status)) refuseToWake(instance);
		this.#countCode(link);
		const code = await this.pairCode(instance, instance.id, phoneNumber);
		this.#codes.set(instance.id, { ...code, tokenHash: link.tokenHash });
		this.#options.sessions.changes.tell(instance.id);
		return code;
	}

	async #get(token: string): Promise<OpenLink> {
		const open = await this.links.findByToken(token);
		if (!open) throw new EngineError('pairing_link_not_found');
		return open;
	}

	async #getUnused(token: string): Promise<OpenLink> {
		const open = await this.#get(token);
		if (open.isUsed) throw new EngineError('pairing_link_not_found');
		return open;
	}

	#codeOf({ instanceId, tokenHash }: PairingLink): PairingCode | undefined {
		const kept = this.#codes.get(instanceId);
		if (kept?.tokenHash !== tokenHash || kept.expiresAt <= this.#options.clock.now()) {
			return undefined;
		}
		return { code: kept.code, expiresAt: kept.expiresAt };
	}

	#countCode({ tokenHash }: PairingLink): void {
		const now = this.#options.clock.now();
		for (const [key, times] of this.#asked) {
			const recent = times.filter((at) => at > now - CODES_WINDOW_MS);
			if (recent.length > 0) this.#asked.set(key, recent);
			else this.#asked.delete(key);
		}
		const recent = this.#asked.get(tokenHash) ?? [];
		if (recent.length >= MOST_CODES) {
			const waitMs = recent[0]! + CODES_WINDOW_MS - now;
			throw new EngineError(
				'pair_code_unavailable',
				{ reason: 'too_many_codes', retry_after_seconds: Math.ceil(waitMs / 1_000) },
				{ hint: 'Scan the QR code, or wait for the seconds in details.' },
			);
		}
		this.#asked.set(tokenHash, [...recent, now]);
	}
}

/** A link may wake what sleeps, but neither what was stopped nor what WhatsApp refuses. */
function refuseToWake({ status: { state, reason } }: Instance): void {
	if (state !== 'stopped' && state !== 'failed') return;
	throw new EngineError(
		'invalid_transition',
		{ state, reason },
		{ hint: 'Whoever made the link has to start the instance.' },
	);
}
