import type { Clock, Log, SettingStore } from './ports.ts';

const SETTING = 'last_alive_at';
const BEAT_MS = 15_000;

/**
 * When the engine was last alive. A crash writes no farewell, and without this the time in which no
 * engine ran would count for the instances as time in which they were connected.
 */
export class Heartbeat {
	readonly #settings: SettingStore;
	readonly #clock: Clock;
	readonly #log: Log;
	#cancel: (() => void) | undefined;

	constructor({ settings, clock, log }: { settings: SettingStore; clock: Clock; log: Log }) {
		this.#settings = settings;
		this.#clock = clock;
		this.#log = log;
	}

	/** Of the last run, when it is asked before `start`; `undefined` before the first one. */
	async lastAliveAt(): Promise<number | undefined> {
		const text = await this.#settings.find(SETTING);
		return text === undefined ? undefined : Number(text);
	}

	async start(): Promise<void> {
		await this.#beat();
		this.#cancel = this.#clock.after(BEAT_MS, () => {
			this.start().catch((error: unknown) => {
				this.#log.error({ error: String(error) }, 'the heartbeat could not be stored');
			});
		});
	}

	async stop(): Promise<void> {
		this.#cancel?.();
		await this.#beat();
	}

	#beat(): Promise<void> {
		return this.#settings.set(SETTING, String(this.#clock.now()));
	}
}
