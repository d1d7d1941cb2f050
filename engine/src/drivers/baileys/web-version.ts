import { fetchLatestWaWebVersion, type WAVersion } from '@whiskeysockets/baileys';
import type { Clock, Log } from '../../app/ports.ts';

const REFRESH_MS = 24 * 60 * 60_000;
const FETCH_TIMEOUT_MS = 10_000;

/**
 * Which version of WhatsApp Web to present. WhatsApp turns away versions that are too old, so the
 * one that Baileys was released with is refreshed once a day, in the background, from the first
 * live session on. Nothing waits for it, and when it fails the version at hand stays.
 */
export class WebVersion {
	readonly #clock: Clock;
	readonly #log: Log;
	readonly #pinned: WAVersion | undefined;
	#latest: WAVersion | undefined;
	#cancel: (() => void) | undefined;

	constructor(options: { clock: Clock; log: Log; pinned: WAVersion | undefined }) {
		this.#clock = options.clock;
		this.#log = options.log;
		this.#pinned = options.pinned;
	}

	get current(): WAVersion | undefined {
		return this.#pinned ?? this.#latest;
	}

	/** Begins to refresh; calling it again changes nothing. */
	keepFresh(): void {
		if (this.#pinned || this.#cancel) return;
		void this.#refresh();
	}

	stop(): void {
		this.#cancel?.();
		this.#cancel = () => undefined;
	}

	async #refresh(): Promise<void> {
		this.#cancel = this.#clock.after(REFRESH_MS, () => void this.#refresh());
		const { version, isLatest } = await fetchLatestWaWebVersion({
			signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
		});
		if (isLatest) this.#latest = version;
		else this.#log.debug({}, 'the version of WhatsApp Web could not be looked up; keeping ours');
	}
}
