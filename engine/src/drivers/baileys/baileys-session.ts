import {
	jidNormalizedUser,
	makeWASocket,
	type BinaryNode,
	type ConnectionState,
	type WASocket,
	type WAVersion,
} from '@whiskeysockets/baileys';
import type {
	Account,
	Clock,
	DriverSession,
	Log,
	MessageStore,
	OpenSession,
	OutboundMessage,
} from '../../app/ports.ts';
import { phoneOf } from '../../domain/address.ts';
import type { BaileysAuthState } from './auth-state.ts';
import { isJournaled, toJournal } from './inbound-stanza.ts';
import { ciphertexts, interceptMessages } from './intake.ts';
import { OutputGate } from './output-gate.ts';
import { currentQr, requestPairingCode, watchPairing } from './pairing-notices.ts';
import { ProxyRoute, type ProxyRoutes } from './proxy-agent.ts';
import { durableSignalRepository } from './signal-repository.ts';
import { socketLogger } from './socket-log.ts';

export interface BaileysSessionOptions extends OpenSession {
	readonly auth: BaileysAuthState;
	readonly messages: Pick<MessageStore, 'findByWaId'>;
	readonly clock: Clock;
	readonly log: Log;
	readonly proxies: ProxyRoutes | undefined;
	readonly version: WAVersion | undefined;
	readonly timing: SessionTiming;
}

export interface SessionTiming {
	/** A ping after this much silence; no answer for another such while closes the session. */
	readonly keepAliveMs: number;
	/** From the first byte to a QR code or a login. */
	readonly openMs: number;
}

/** Baileys shows the first QR code for a minute and each later one for 20 seconds. */
const FIRST_QR_MS = 60_000;
const NEXT_QR_MS = 20_000;

/** How long a peer may take to close its side; a silent one never would. */
const CLOSE_GRACE_MS = 2_000;

const CLOSE_CODE = {
	timedOut: 408,
	connectionLost: 428,
	serverError: 500,
	unavailable: 503,
} as const;

/** How long a session that is closed may go on to send what is still being written to the disk. */
const LAST_WORDS_MS = 1_000;

/** One live connection of an instance: from `open` to exactly one `closed`, or to `close`. */
export class BaileysSession implements DriverSession {
	readonly #options: BaileysSessionOptions;
	readonly #route: ProxyRoute;
	readonly #sock: WASocket;
	readonly #gate: OutputGate;
	readonly #stanzas = new WeakMap<Uint8Array, BinaryNode>();
	#cancelWatchdog: () => void;
	#qrCodes = 0;
	#qr: { readonly code: string; readonly expiresAt: number } | undefined;
	/** The QR code's timer runs on for a moment after the scan. */
	#isLinked = false;
	#isOpen = false;
	#isClosed = false;
	/** Never resolves; throws when nothing will leave any more. */
	readonly #over = Promise.withResolvers<never>();

	constructor(options: BaileysSessionOptions) {
		this.#options = options;
		this.#route = new ProxyRoute(options);
		this.#sock = makeWASocket({
			...(options.version ? { version: options.version } : {}),
			auth: { creds: options.auth.creds, keys: options.auth.keys },
			waWebSocketUrl: options.socketUrl,
			...this.#route.config,
			logger: socketLogger(options.log, { instance_id: options.instanceId }),
			keepAliveIntervalMs: options.timing.keepAliveMs,
			// Baileys sets this time for every frame that it sends. A login has our own watchdog.
			connectTimeoutMs: 0,
			markOnlineOnConnect: false,
			syncFullHistory: false,
			makeSignalRepository: durableSignalRepository({
				store: options.auth,
				journalEntry: (ciphertext, plaintext, repository) =>
					this.#journalEntry(ciphertext, plaintext, repository.lidMapping),
			}),
			getMessage: async ({ id }) => {
				const message = id
					? await options.messages.findByWaId(options.instanceId, 'out', id)
					: undefined;
				return message?.body.type === 'text' ? { conversation: message.body.text } : undefined;
			},
		});
		this.#over.promise.catch(() => undefined);
		this.#gate = new OutputGate(this.#sock, () => options.auth.durable());
		options.auth.failed = (error) => this.#onStorageFailure(error);
		this.#cancelWatchdog = options.clock.after(options.timing.openMs, () =>
			this.#fail(CLOSE_CODE.timedOut),
		);
		this.#listen();
	}

	async send({ waId, chat, body }: OutboundMessage): Promise<void> {
		if (body.type !== 'text') throw new Error(`cannot send a body of type ${body.type}`);
		const relay = this.#sock.relayMessage(chat, { conversation: body.text }, { messageId: waId });
		// Baileys waits a minute for an answer to what it believes to have asked.
		await Promise.race([relay.then(() => this.#gate.drained()), this.#over.promise]);
	}

	requestPairingCode(phoneNumber: string): Promise<string> {
		return requestPairingCode(this.#sock, phoneNumber);
	}

	async close(): Promise<void> {
		if (this.#isClosed) return;
		this.#end();
		// Baileys believes these frames to have left, such as the last word of a pairing.
		await this.#drained();
		await this.#sock.end(undefined);
		await this.#written();
	}

	#listen(): void {
		const { ws, ev } = this.#sock;
		boundClose(this.#sock, this.#options.clock);
		interceptMessages(this.#sock, {
			isKnown: (node) => this.#isKnown(node),
			expect: (node) => {
				for (const ciphertext of ciphertexts(node)) this.#stanzas.set(ciphertext, node);
			},
			keepPlaintext: (node, plaintext) => this.#keepPlaintext(node, plaintext),
			isClosed: () => this.#isClosed,
			failed: (error) =>
				this.#options.log.warn(
					{ instance_id: this.#options.instanceId, error: messageOf(error) },
					'an inbound stanza could not be handled',
				),
		});
		// A refused upgrade (HTTP 503, say) leaves the socket connecting for ever, unless someone acts.
		ws.on('unexpected-response', () => this.#fail(CLOSE_CODE.unavailable));
		ws.on('CB:ack,class:message', (node: BinaryNode) => this.#onAck(node));
		ws.on('CB:receipt', (node: BinaryNode) => this.#onReceipt(node));
		watchPairing(this.#sock, this.#options.auth.creds, {
			secretChanged: () => {
				if (this.#qr && !this.#isClosed) this.#showQr(this.#qr.code, this.#qr.expiresAt);
			},
			passkeyRequired: () => {
				if (!this.#isClosed) this.#options.listener.deadEnd('passkey_required');
			},
		});
		ev.on('creds.update', (update) => {
			if (this.#isClosed) return;
			this.#options.auth.saveCreds();
			if (this.#isOpen && update.me) this.#options.listener.accountChanged(this.#account());
		});
		ev.on('connection.update', (update) => this.#onConnection(update));
	}

	#onConnection({ qr, isNewLogin, connection, lastDisconnect }: Partial<ConnectionState>): void {
		if (this.#isClosed) return;
		if (isNewLogin) {
			this.#isLinked = true;
			this.#options.listener.linked(this.#account());
		}
		if (qr && !this.#isLinked) {
			this.#cancelWatchdog();
			const livesMs = this.#qrCodes++ === 0 ? FIRST_QR_MS : NEXT_QR_MS;
			this.#showQr(qr, this.#options.clock.now() + livesMs);
		}
		if (connection === 'open') {
			this.#cancelWatchdog();
			this.#isOpen = true;
			this.#options.listener.opened(this.#account());
		}
		if (connection === 'close') {
			this.#end();
			const code = codeOf(lastDisconnect?.error);
			void this.#written().then(() => this.#options.listener.closed(code));
		}
	}

	#showQr(code: string, expiresAt: number): void {
		this.#qr = { code: currentQr(code, this.#options.auth.creds), expiresAt };
		this.#options.listener.qr(this.#qr.code, expiresAt);
	}

	#onAck({ attrs }: BinaryNode): void {
		if (this.#isClosed || !attrs['id']) return;
		this.#options.listener.acknowledged(attrs['id'], this.#options.clock.now(), attrs['error']);
	}

	#onReceipt({ attrs, content }: BinaryNode): void {
		if (this.#isClosed || !attrs['id']) return;
		const status = RECEIPTS[attrs['type'] ?? 'delivery'];
		if (!status || this.#isMe(attrs['participant'] ?? attrs['from'])) return;
		const list = Array.isArray(content) ? content.find((child) => child.tag === 'list') : undefined;
		const more = Array.isArray(list?.content)
			? list.content.map((item) => item.attrs['id']).filter((id) => id !== undefined)
			: [];
		this.#options.listener.receipt([attrs['id'], ...more], status, this.#options.clock.now());
	}

	async #isKnown({ attrs }: BinaryNode): Promise<boolean> {
		const { instanceId, messages } = this.#options;
		if (!attrs['id']) return false;
		return (await messages.findByWaId(instanceId, 'in', attrs['id'])) !== undefined;
	}

	#keepPlaintext(node: BinaryNode, plaintext: Uint8Array): void {
		if (!isJournaled(node)) return;
		const entry = toJournal(
			{ attrs: node.attrs, me: this.#me(), pn: null, padded: false },
			plaintext,
			this.#options.clock.now(),
		);
		this.#options.auth.journal(entry);
	}

	async #journalEntry(
		ciphertext: Uint8Array,
		plaintext: Uint8Array,
		addresses: WASocket['signalRepository']['lidMapping'],
	) {
		const node = this.#stanzas.get(ciphertext);
		if (!node || !isJournaled(node)) return undefined;
		const author = node.attrs['participant'] ?? node.attrs['from'] ?? '';
		const named = node.attrs['participant_pn'] ?? node.attrs['sender_pn'];
		const pn = named ?? (author.endsWith('@lid') ? await addresses.getPNForLID(author) : null);
		return toJournal(
			{ attrs: node.attrs, me: this.#me(), pn: pn ?? null, padded: true },
			plaintext,
			this.#options.clock.now(),
		);
	}

	#end(): void {
		this.#isClosed = true;
		this.#cancelWatchdog();
		this.#route.close();
		this.#over.reject(new Error('the session is over'));
	}

	/** When what Baileys has sent has left, or will not before long. */
	async #drained(): Promise<void> {
		let cancel: () => void = () => undefined;
		const enough = new Promise<void>((resolve) => {
			cancel = this.#options.clock.after(LAST_WORDS_MS, resolve);
		});
		await Promise.race([this.#gate.drained().catch(() => undefined), enough]);
		cancel();
	}

	/** When the changes so far are written, or never will be: the next session starts from there. */
	async #written(): Promise<void> {
		try {
			await this.#options.auth.durable();
		} catch {
			// Whoever is told of a failure has been told of this one.
		}
	}

	/** A session that cannot write its keys must not go on: what it did next would be lost. */
	#onStorageFailure(error: unknown): void {
		this.#options.log.error(
			{ instance_id: this.#options.instanceId, error: messageOf(error) },
			'the session state could not be stored',
		);
		this.#over.reject(new Error('the session state could not be stored', { cause: error }));
		this.#fail(CLOSE_CODE.serverError);
	}

	#fail(code: number): void {
		const error = Object.assign(new Error('closed by the engine'), {
			output: { statusCode: code },
		});
		void this.#sock.end(error);
	}

	#me(): { id: string; lid: string } {
		const { me } = this.#options.auth.creds;
		return { id: me?.id ?? '', lid: me?.lid ?? '' };
	}

	#isMe(jid: string | undefined): boolean {
		if (!jid) return false;
		const { id, lid } = this.#me();
		const user = jidNormalizedUser(jid);
		return user === jidNormalizedUser(id) || (lid !== '' && user === jidNormalizedUser(lid));
	}

	#account(): Account {
		const { me } = this.#options.auth.creds;
		return {
			jid: me?.id ?? '',
			lid: me?.lid ?? null,
			phoneNumber: phoneOf(me?.id ?? '') ?? null,
			pushName: me?.name && me.name !== '~' ? me.name : null,
		};
	}
}

const RECEIPTS: Readonly<Record<string, 'delivered' | 'read' | undefined>> = {
	delivery: 'delivered',
	inactive: 'delivered',
	read: 'read',
	played: 'read',
};

/** Baileys waits for the peer to close as well, and a silent peer keeps it waiting half a minute. */
function boundClose(sock: WASocket, clock: Clock): void {
	const { ws } = sock;
	const close = ws.close.bind(ws);
	ws.close = async () => {
		const cancel = clock.after(CLOSE_GRACE_MS, () => {
			(ws as unknown as { socket?: { terminate(): void } }).socket?.terminate();
		});
		try {
			await close();
		} finally {
			cancel();
		}
	};
}

function codeOf(error: unknown): number {
	const code = (error as { output?: { statusCode?: unknown } } | undefined)?.output?.statusCode;
	return typeof code === 'number' ? code : CLOSE_CODE.connectionLost;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
