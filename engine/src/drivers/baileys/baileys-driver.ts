import { generateMessageIDV2 } from '@whiskeysockets/baileys';
import type {
	AuthStateStore,
	Clock,
	DriverSession,
	InboundMessage,
	JournalEntry,
	Log,
	MessageStore,
	OpenSession,
	OutboundMessage,
	WhatsAppDriver,
} from '../../app/ports.ts';
import type { InstanceId } from '../../domain/ids.ts';
import { BaileysAuthState, isPaired } from './auth-state.ts';
import { BaileysSession, type SessionTiming } from './baileys-session.ts';
import { translate } from './inbound-stanza.ts';
import type { ProxyRoutes } from './proxy-agent.ts';
import { quietLibsignal } from './quiet-libsignal.ts';
import { unlink } from './unlink.ts';
import type { WebVersion } from './web-version.ts';

export interface BaileysDriverOptions {
	readonly authState: AuthStateStore;
	readonly messages: Pick<MessageStore, 'findByWaId'>;
	readonly clock: Clock;
	readonly log: Log;
	readonly version: WebVersion;
	/** Without it, instances with a proxy do not connect. */
	readonly proxies?: ProxyRoutes;
	readonly timing?: SessionTiming;
}

const WHATSAPP_HOST = /(^|\.)whatsapp\.(com|net)$/;

const DEFAULT_TIMING: SessionTiming = { keepAliveMs: 25_000, openMs: 30_000 };

/** WhatsApp as a linked device, by Baileys. */
export class BaileysDriver implements WhatsAppDriver {
	readonly #options: BaileysDriverOptions;

	constructor(options: BaileysDriverOptions) {
		this.#options = options;
		quietLibsignal();
	}

	open(options: OpenSession): DriverSession {
		if (WHATSAPP_HOST.test(new URL(options.socketUrl).hostname)) {
			this.#options.version.keepFresh();
		}
		return new OpeningSession(this.#options, options);
	}

	translate(entry: JournalEntry): InboundMessage | undefined {
		return translate(entry);
	}

	newWaId(): string {
		return generateMessageIDV2();
	}

	isPaired(instanceId: InstanceId): Promise<boolean> {
		return isPaired(instanceId, this.#options.authState);
	}

	forget(instanceId: InstanceId): Promise<void> {
		return this.#options.authState.wipe(instanceId);
	}

	async unlink(options: Omit<OpenSession, 'listener'>): Promise<boolean> {
		const { authState, clock, log, version, proxies } = this.#options;
		const { instanceId } = options;
		const isPaired = await this.isPaired(instanceId);
		try {
			return isPaired && (await unlink({ ...options, authState, clock, log, version, proxies }));
		} finally {
			await this.forget(instanceId);
		}
	}
}

/** Loads the keys, then connects; a `close` in between is honoured as soon as they are loaded. */
class OpeningSession implements DriverSession {
	readonly #session: Promise<BaileysSession | undefined>;
	#auth: BaileysAuthState | undefined;
	#closed = false;

	constructor(driver: BaileysDriverOptions, options: OpenSession) {
		this.#session = this.#open(driver, options).catch((error: unknown) => {
			driver.log.error({ instance_id: options.instanceId, error: String(error) }, 'cannot connect');
			if (!this.#closed) options.listener.closed(500);
			return undefined;
		});
	}

	async send(message: OutboundMessage): Promise<void> {
		await (await this.#live()).send(message);
	}

	async requestPairingCode(phoneNumber: string): Promise<string> {
		return (await this.#live()).requestPairingCode(phoneNumber);
	}

	async close(): Promise<void> {
		this.#closed = true;
		await (await this.#session)?.close();
		this.#auth?.abandon();
	}

	async #live(): Promise<BaileysSession> {
		const session = await this.#session;
		if (!session) throw new Error('the session is closed');
		return session;
	}

	async #open(
		driver: BaileysDriverOptions,
		options: OpenSession,
	): Promise<BaileysSession | undefined> {
		const { listener } = options;
		this.#auth = await BaileysAuthState.load(options.instanceId, driver.authState, (entries) =>
			listener.journaled(entries),
		);
		if (this.#closed) return undefined;
		return new BaileysSession({
			...options,
			auth: this.#auth,
			messages: driver.messages,
			clock: driver.clock,
			log: driver.log,
			proxies: driver.proxies,
			version: driver.version.current,
			timing: driver.timing ?? DEFAULT_TIMING,
			listener: {
				...listener,
				closed: (code) => {
					this.#auth?.abandon();
					listener.closed(code);
				},
			},
		});
	}
}
