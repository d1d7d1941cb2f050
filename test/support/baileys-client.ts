import { setTimeout as sleep } from 'node:timers/promises';
import {
	BufferJSON,
	DEFAULT_CONNECTION_CONFIG,
	initAuthCreds,
	makeWASocket,
	UPLOAD_TIMEOUT,
	type AuthenticationCreds,
	type SignalDataSet,
	type SignalKeyStore,
	type UserFacingSocketConfig,
	type WAMessage,
	type WASocket,
} from '@whiskeysockets/baileys';
import type { SimulatedNetwork } from '../../engine/src/sandbox/simulated-network.ts';

const PATIENCE_MS = 15_000;

/**
 * The real Baileys with nothing around it: keys in memory, no reconnecting, no logging. What it
 * said is kept, so that a test can ask for it afterwards.
 */
export class BaileysClient {
	readonly creds: AuthenticationCreds = initAuthCreds();
	readonly #keys = new Map<string, unknown>();
	readonly qrs: string[] = [];
	/** Whatever `messages.upsert` brought, with its type, except what belongs to the phone. */
	readonly received: { text: string; type: string; message: WAMessage }[] = [];
	/**
	 * What became of the client's own messages. Baileys tells it by updates, but folds what it
	 * hears before it has told of the message itself into that.
	 */
	readonly updates: { id: string; status: number; error?: string }[] = [];
	readonly closes: number[] = [];
	state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle';
	#socket: WASocket | undefined;

	get socket(): WASocket {
		if (this.#socket === undefined) throw new Error('not connected yet');
		return this.#socket;
	}

	/** The texts of others, in the order in which Baileys told them. */
	get texts(): string[] {
		return this.received
			.filter(({ message, text }) => message.key.fromMe !== true && text !== '')
			.map(({ text }) => text);
	}

	/** Opens a socket with the keys of the last one. */
	connect(url: string, config: Partial<UserFacingSocketConfig> = {}): this {
		this.state = 'connecting';
		const { creds } = this;
		const socket = makeWASocket({
			waWebSocketUrl: url,
			auth: { creds, keys: this.#keyStore() },
			logger: SILENT,
			markOnlineOnConnect: false,
			syncFullHistory: false,
			...config,
		});
		this.#socket = socket;
		socket.ev.on('creds.update', (update) => void Object.assign(creds, update));
		socket.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
			if (qr !== undefined) this.qrs.push(qr);
			if (connection === 'open') this.state = 'open';
			if (connection !== 'close') return;
			this.state = 'closed';
			const error = lastDisconnect?.error as { output?: { statusCode?: number } } | undefined;
			this.closes.push(error?.output?.statusCode ?? 0);
		});
		socket.ev.on('messages.upsert', ({ messages, type }) => {
			for (const message of messages) {
				const { conversation, extendedTextMessage, protocolMessage } = message.message ?? {};
				if (message.category === 'peer' || protocolMessage) continue;
				const text = conversation ?? extendedTextMessage?.text ?? '';
				this.received.push({ text, type, message });
				const { key, status, messageStubParameters } = message;
				if (key.fromMe === true) this.#update(key.id, status, messageStubParameters?.[0]);
			}
		});
		socket.ev.on('messages.update', (updates) => {
			for (const { key, update } of updates) {
				this.#update(key.id, update.status, update.messageStubParameters?.[0]);
			}
		});
		return this;
	}

	async qr(): Promise<string> {
		await until(() => this.qrs.length > 0);
		return this.qrs.at(-1)!;
	}

	async open(): Promise<void> {
		await until(() => this.state === 'open');
	}

	/** Waits for the end of the connection; answers with Baileys' status code. */
	async closed(): Promise<number> {
		await until(() => this.state === 'closed');
		return this.closes.at(-1)!;
	}

	async end(): Promise<void> {
		if (this.state === 'idle') return;
		if (this.state !== 'closed') await this.#socket?.end(undefined);
		await until(() => this.state === 'closed');
	}

	/** Keys without a socket: what a process that dies leaves behind. */
	copy(): BaileysClient {
		const copy = new BaileysClient();
		Object.assign(copy.creds, cloned(this.creds));
		for (const [key, value] of this.#keys) copy.#keys.set(key, cloned(value));
		return copy;
	}

	/** Forgets the sessions with others, as after restoring an older backup. */
	loseSessions(): void {
		for (const key of this.#keys.keys()) if (key.startsWith('session/')) this.#keys.delete(key);
	}

	#update(id: unknown, status: unknown, error: unknown): void {
		if (typeof status !== 'number') return;
		this.updates.push({ id: String(id), status, ...(typeof error === 'string' && { error }) });
	}

	#keyStore(): SignalKeyStore {
		const keys = this.#keys;
		return {
			get: (type, ids) => {
				const found = ids.flatMap((id) => {
					const value = keys.get(`${type}/${id}`);
					return value === undefined ? [] : [[id, value] as const];
				});
				return Object.fromEntries(found) as never;
			},
			set: (data: SignalDataSet) => {
				for (const [type, entries] of Object.entries(data)) {
					for (const [id, value] of Object.entries(entries ?? {})) {
						if (value === null) keys.delete(`${type}/${id}`);
						else keys.set(`${type}/${id}`, value);
					}
				}
			},
		};
	}
}

/** Connects, is scanned, connects again and waits until the first synchronisation is over. */
export async function pair(
	network: SimulatedNetwork,
	label: string,
	options: { phoneNumber?: string; pushName?: string } = {},
): Promise<{ client: BaileysClient; phoneNumber: string }> {
	const client = new BaileysClient().connect(network.urlFor(label));
	const { phoneNumber } = await network.scanQr(await client.qr(), options);
	await client.closed();
	client.connect(network.urlFor(label));
	await client.open();
	await until(() => client.creds.accountSyncCounter > 0);
	return { client, phoneNumber };
}

/** Waits until something is so. */
export async function until(holds: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
	const deadline = Date.now() + patienceMs;
	while (!holds()) {
		if (Date.now() > deadline) throw new Error(`waited in vain until ${holds.toString()}`);
		await sleep(5);
	}
}

/**
 * Baileys and libsignal have manners that a test run cannot live with. libsignal prints whole
 * sessions, private keys included, and each failed attempt to decrypt. Baileys leaves a timer of
 * 30 s behind when it has uploaded keys, and one of 60 s for each query that was unanswered when
 * its socket ended; such a query never settles before. Answers with the way back.
 */
export function tameBaileys(): () => void {
	const { info, warn, error } = console;
	const { setTimeout } = globalThis;
	const quiet =
		(print: (...args: unknown[]) => void) =>
		(...args: unknown[]): void => {
			if (!LIBSIGNAL_LINES.test(String(args[0]))) print(...args);
		};
	const unref: (...args: Parameters<typeof setTimeout>) => NodeJS.Timeout = (work, ms, ...args) => {
		const timer = setTimeout(work, ms, ...args);
		return LEFT_BEHIND_MS.has(ms) ? timer.unref() : timer;
	};
	Object.assign(console, { info: quiet(info), warn: quiet(warn), error: quiet(error) });
	Object.assign(globalThis, { setTimeout: unref });
	return () => {
		Object.assign(console, { info, warn, error });
		Object.assign(globalThis, { setTimeout });
	};
}

const LEFT_BEHIND_MS = new Set<unknown>([
	UPLOAD_TIMEOUT,
	DEFAULT_CONNECTION_CONFIG.defaultQueryTimeoutMs,
]);

const LIBSIGNAL_LINES =
	/^(Closing|Opening|Removing old|Session error|Session already|Migrating|Decrypted message|Failed to decrypt)/;

/** `structuredClone` would make plain arrays of buffers, which libsignal refuses. */
function cloned<T>(value: T): T {
	return JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver) as T;
}

const nothing = (): void => undefined;
const SILENT = {
	level: 'silent',
	child: () => SILENT,
	trace: nothing,
	debug: nothing,
	info: nothing,
	warn: nothing,
	error: nothing,
};
