import { EngineError } from '../domain/errors.ts';
import { parseRecipient } from '../domain/address.ts';
import type { NewEvent } from '../domain/events.ts';
import type { InstanceId, MessageId } from '../domain/ids.ts';
import { isProgress, QUEUE_TTL_MS, type MessageStatus } from '../domain/message.ts';
import { mayRepeatAfter } from '../domain/restriction.ts';
import type { Scope } from '../domain/scope.ts';
import type {
	Appended,
	Clock,
	DriverSession,
	IdSource,
	Log,
	Message,
	MessageChange,
	Storage,
	WhatsAppDriver,
} from './ports.ts';

export interface OutboundOptions {
	readonly storage: Storage;
	readonly driver: Pick<WhatsAppDriver, 'newWaId'>;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	/** Events were written, and these endpoints have something to receive. */
	readonly announce: (appended: Appended) => void;
}

export interface NewMessage {
	readonly to: string;
	readonly text: string;
	readonly clientRef?: string | undefined;
	readonly failFast?: boolean | undefined;
	readonly correlationId: string;
}

/** What is being sent through one live connection. */
interface Line {
	readonly session: DriverSession;
	readonly queue: Message[];
	/** Nothing is sent before this instant. */
	restrictedUntil: number;
	cancelPause?: () => void;
	/** Taken up on this connection, by WhatsApp's id: none of them is sent on it twice. */
	readonly taken: Map<string, Message>;
	sending: boolean;
	/** What WhatsApp says about our messages, applied in the order it said it. */
	said: Promise<void>;
}

const MOST_QUEUED = 10_000;
const SWEEP_MS = 60_000;
const SWEEP_LIMIT = 100;

/** Enough for an input to an instance to be recorded. */
const TURN_MS = 5_000;

/**
 * Outbound messages: accepted as a row, sent in order by the instance's connection, settled by what
 * WhatsApp answers. The row stays `queued` until WhatsApp has acknowledged the message. Whatever a
 * lost connection or a crash leaves unacknowledged is sent again under the same WhatsApp id, by
 * which the receiving phone knows a repeat.
 */
export class Outbound {
	readonly #options: OutboundOptions;
	readonly #lines = new Map<InstanceId, Line>();
	#cancelSweep: (() => void) | undefined;

	constructor(options: OutboundOptions) {
		this.#options = options;
	}

	start(): void {
		this.#cancelSweep = this.#options.clock.after(SWEEP_MS, () => {
			this.start();
			this.#sweep().catch((error: unknown) => this.#failed(error));
		});
	}

	stop(): void {
		this.#cancelSweep?.();
	}

	async accept(scope: Scope, instanceId: InstanceId, message: NewMessage): Promise<Message> {
		const { storage, driver, ids, clock } = this.#options;
		const instance = await storage.instances.find(scope, instanceId);
		if (!instance) throw new EngineError('instance_not_found');
		const chat = parseRecipient(message.to);
		if (!chat) {
			throw new EngineError(
				'invalid_request',
				{ issues: [{ path: 'to', message: 'is not a phone number' }] },
				{ hint: 'Write the number with its country code, digits only, for example 5511999999999.' },
			);
		}
		if (message.failFast && instance.status.state !== 'connected') {
			throw new EngineError('not_connected', { state: instance.status.state });
		}
		const row: Message = {
			id: ids.next('msg'),
			instanceId,
			direction: 'out',
			waId: driver.newWaId(),
			chat,
			peer: message.to,
			body: { type: 'text', text: message.text },
			clientRef: message.clientRef ?? null,
			status: 'queued',
			error: null,
			correlationId: message.correlationId,
			createdAt: clock.now(),
			sentAt: null,
			deliveredAt: null,
			readAt: null,
			failedAt: null,
		};
		await storage.messages.add([row]);
		const line = this.#lines.get(instanceId);
		if (line) this.#enqueue(instanceId, line, [row]);
		return row;
	}

	async get(scope: Scope, instanceId: InstanceId, id: MessageId): Promise<Message> {
		const { instances, messages } = this.#options.storage;
		if (!(await instances.find(scope, instanceId))) throw new EngineError('instance_not_found');
		const message = await messages.find(instanceId, id);
		if (message?.direction !== 'out') throw new EngineError('message_not_found');
		return message;
	}

	/** The instance can send now. */
	async connected(
		instanceId: InstanceId,
		session: DriverSession,
		restrictedUntil: number | null,
	): Promise<void> {
		const line: Line = {
			session,
			queue: [],
			restrictedUntil: restrictedUntil ?? 0,
			taken: new Map(),
			sending: false,
			said: Promise.resolve(),
		};
		this.#lines.set(instanceId, line);
		this.#enqueue(
			instanceId,
			line,
			await this.#options.storage.messages.listQueued(instanceId, MOST_QUEUED),
		);
	}

	/** WhatsApp throttles the account: what is queued waits. */
	restrict(instanceId: InstanceId, until: number): void {
		const line = this.#lines.get(instanceId);
		if (!line) return;
		line.restrictedUntil = until;
		line.cancelPause?.();
		this.#enqueue(instanceId, line, []);
	}

	disconnected(instanceId: InstanceId): void {
		this.#lines.get(instanceId)?.cancelPause?.();
		this.#lines.delete(instanceId);
	}

	acknowledged(instanceId: InstanceId, waId: string, at: number, error?: string): void {
		this.#inOrder(instanceId, async () => {
			const message = await this.#find(instanceId, waId);
			if (!message) return;
			if (error === undefined) await this.#settle(message, { status: 'sent', sentAt: at });
			else if (mayRepeatAfter(Number(error))) this.#takeBack(instanceId, message);
			else await this.#refuse(message, refusal(error), at);
		});
	}

	receipt(
		instanceId: InstanceId,
		waIds: readonly string[],
		status: 'delivered' | 'read',
		at: number,
	): void {
		this.#inOrder(instanceId, async () => {
			for (const waId of waIds) {
				const message = await this.#find(instanceId, waId);
				if (!message || !isProgress(message.status, status)) continue;
				// A receipt proves what a lost acknowledgement would have said.
				if (message.status === 'queued') {
					await this.#settle(message, { status: 'sent', sentAt: at });
				}
				const times = {
					deliveredAt: message.deliveredAt ?? at,
					...(status === 'read' ? { readAt: at } : {}),
				};
				await this.#options.storage.messages.change(message.id, BEFORE[status], {
					status,
					...times,
				});
			}
		});
	}

	#enqueue(instanceId: InstanceId, line: Line, messages: readonly Message[]): void {
		for (const message of messages) {
			if (line.taken.has(message.waId)) continue;
			line.taken.set(message.waId, message);
			line.queue.push(message);
		}
		if (!line.sending) {
			this.#sendAll(instanceId, line).catch((error: unknown) => this.#failed(error));
		}
	}

	async #sendAll(instanceId: InstanceId, line: Line): Promise<void> {
		line.sending = true;
		try {
			while (this.#lines.get(instanceId) === line) {
				const waitMs = line.restrictedUntil - this.#options.clock.now();
				if (waitMs > 0) {
					line.cancelPause = this.#options.clock.after(waitMs, () =>
						this.#enqueue(instanceId, line, []),
					);
					return;
				}
				const message = line.queue.shift();
				if (!message) return;
				await this.#send(instanceId, line, message);
			}
		} finally {
			line.sending = false;
		}
	}

	/** It was throttled, not refused: it is the next one to be sent, under the same id. */
	#takeBack(instanceId: InstanceId, message: Message): void {
		const line = this.#lines.get(instanceId);
		if (!line) return;
		line.queue.unshift(message);
		// The restriction itself follows in the instance's turn; until then nothing may leave.
		line.restrictedUntil = Math.max(line.restrictedUntil, this.#options.clock.now() + TURN_MS);
		this.#enqueue(instanceId, line, []);
	}

	async #send(instanceId: InstanceId, line: Line, message: Message): Promise<void> {
		const { waId, chat, body } = message;
		const now = this.#options.clock.now();
		if (message.createdAt + QUEUE_TTL_MS < now) {
			await this.#refuse(message, EXPIRED, now);
			return;
		}
		try {
			await line.session.send({ waId, chat, body });
		} catch (error) {
			// With the connection gone the message stays queued, and the next one sends it.
			if (this.#lines.get(instanceId) !== line) return;
			this.#options.log.warn(
				{ instance_id: instanceId, message_id: message.id, error: String(error) },
				'a message could not be sent',
			);
			await this.#refuse(message, SEND_FAILED, this.#options.clock.now());
		}
	}

	#inOrder(instanceId: InstanceId, work: () => Promise<void>): void {
		const line = this.#lines.get(instanceId);
		if (line) line.said = line.said.then(work).catch((error: unknown) => this.#failed(error));
		else work().catch((error: unknown) => this.#failed(error));
	}

	#find(instanceId: InstanceId, waId: string): Promise<Message | undefined> {
		return this.#options.storage.messages.findByWaId(instanceId, 'out', waId);
	}

	#refuse(message: Message, error: NonNullable<Message['error']>, at: number): Promise<void> {
		return this.#settle(message, { status: 'failed', error, failedAt: at });
	}

	/** Takes a queued message to `sent` or `failed` and tells so, in one commit. */
	async #settle(message: Message, change: MessageChange): Promise<void> {
		const { storage, clock } = this.#options;
		this.#lines.get(message.instanceId)?.taken.delete(message.waId);
		const appended = await storage.transaction(async (stores) => {
			const settled = await stores.messages.change(message.id, ['queued'], change);
			if (!settled) return [];
			return stores.events.append(message.instanceId, [settledEvent(settled)], clock.now());
		});
		this.#options.announce(appended);
	}

	async #sweep(): Promise<void> {
		const { storage, clock } = this.#options;
		const now = clock.now();
		const overdue = await storage.messages.listOverdue(now - QUEUE_TTL_MS, SWEEP_LIMIT);
		for (const message of overdue) {
			const line = this.#lines.get(message.instanceId);
			if (!line?.taken.has(message.waId)) await this.#refuse(message, EXPIRED, now);
		}
	}

	#failed(error: unknown): void {
		this.#options.log.error({ error: String(error) }, 'an outbound message could not be recorded');
	}
}

const BEFORE: Readonly<Record<'delivered' | 'read', readonly MessageStatus[]>> = {
	delivered: ['queued', 'sent'],
	read: ['queued', 'sent', 'delivered'],
};

const EXPIRED = {
	code: 'expired',
	message: 'The instance was not connected in time, and the message is no longer sent.',
};

const SEND_FAILED = {
	code: 'send_failed',
	message: 'WhatsApp has no account for this number, or gave no keys to encrypt for it.',
};

/** WhatsApp's own codes for a message it does not take. */
function refusal(code: string): NonNullable<Message['error']> {
	switch (code) {
		case '463':
			return {
				code: 'account_restricted',
				message: 'WhatsApp does not let this account write to new contacts at present.',
			};
		case '429':
			return { code: 'rate_limited', message: 'WhatsApp is throttling this account.' };
		default:
			return { code: 'rejected', message: `WhatsApp refused the message with error ${code}.` };
	}
}

function settledEvent(message: Message): NewEvent {
	const common = {
		message_id: message.id,
		to: message.peer,
		client_ref: message.clientRef,
	};
	const about = {
		chat: message.chat,
		...(message.correlationId && { correlationId: message.correlationId }),
	};
	return message.status === 'failed'
		? {
				event: 'message.failed',
				occurredAt: message.failedAt ?? message.createdAt,
				data: { ...common, error: message.error ?? SEND_FAILED },
				...about,
			}
		: {
				event: 'message.sent',
				occurredAt: message.sentAt ?? message.createdAt,
				data: {
					...common,
					sent_at: new Date(message.sentAt ?? message.createdAt).toISOString(),
				},
				...about,
			};
}
