/**
 * Everything that the use cases need from outside, in their own words. Adapters implement these:
 * storage with SQLite or Postgres, drivers with WhatsApp, net with HTTP, sandbox with the simulated
 * network. Instants are Unix milliseconds.
 */
import type { MessageBody } from '../domain/events.ts';
import type { Id, IdPrefix, InstanceId } from '../domain/ids.ts';
import type { Mode } from '../domain/scope.ts';
import type { Account } from './instance-ports.ts';
import type { JournalEntry } from './storage-ports.ts';

export type * from './instance-ports.ts';
export type * from './receiver-ports.ts';
export type * from './replay-ports.ts';
export type * from './storage-ports.ts';
export type * from './webhook-ports.ts';

// ---------------------------------------------------------------- time, chance, log

export interface Clock {
	now(): number;
	/** Runs `work` once, later; answers what cancels it. */
	after(ms: number, work: () => void): () => void;
}

export interface IdSource {
	next<Prefix extends IdPrefix>(prefix: Prefix): Id<Prefix>;
}

export interface Log {
	debug(fields: object, message: string): void;
	info(fields: object, message: string): void;
	warn(fields: object, message: string): void;
	error(fields: object, message: string): void;
}

// ---------------------------------------------------------------- WhatsApp

/** Chosen so that a repeat after a crash has the same id, which the receiving phone drops. */
export interface OutboundMessage {
	readonly waId: string;
	readonly chat: string;
	readonly body: MessageBody;
}

export interface OpenSession {
	readonly instanceId: InstanceId;
	readonly socketUrl: string;
	/** With its credentials. */
	readonly proxyUrl: string | null;
	/** Which addresses a proxy may have depends on it. */
	readonly mode: Mode;
	readonly listener: SessionListener;
}

/** What a session tells. After `closed` it says nothing more. */
export interface SessionListener {
	qr(code: string, expiresAt: number): void;
	/** A phone has linked the instance. No message was received yet: that begins with the login. */
	linked(account: Account): void;
	/** WhatsApp will not link this account to a client of this kind. */
	deadEnd(reason: 'passkey_required'): void;
	opened(account: Account): void;
	/** The phone told its owner's name, or WhatsApp an address of the account, after the opening. */
	accountChanged(account: Account): void;
	/** Exactly once, also when the connection never came up. Codes are those of `domain/instance`. */
	closed(code: number): void;
	/** These are durable; their events are now the engine's to make. */
	journaled(entries: readonly JournalEntry[]): void;
	/** WhatsApp took the message (`error` absent) or refused it. */
	acknowledged(waId: string, at: number, error?: string): void;
	receipt(waIds: readonly string[], status: 'delivered' | 'read', at: number): void;
}

export interface DriverSession {
	/** Resolves when the bytes are written, not when WhatsApp has them: `acknowledged` tells that. */
	send(message: OutboundMessage): Promise<void>;
	/**
	 * Asks for a code to type into the phone with this number, instead of scanning. Only while a QR
	 * code is shown; the code lives as long as the connection.
	 */
	requestPairingCode(phoneNumber: string): Promise<string>;
	/** Closes the connection and keeps the link. `closed` is not called for it. */
	close(): Promise<void>;
}

/** An inbound message as the engine understands it, whoever carried it. */
export interface InboundMessage {
	readonly waId: string;
	/** JID of the chat and of the sender, without a device; a phone number's where one is known. */
	readonly chat: string;
	readonly sender: string;
	readonly senderLid: string | null;
	readonly pushName: string | null;
	readonly fromMe: boolean;
	readonly body: MessageBody;
}

export interface WhatsAppDriver {
	open(options: OpenSession): DriverSession;
	/** Pure and total: `undefined` for what is no message to a person (keys, receipts, protocol). */
	translate(entry: JournalEntry): InboundMessage | undefined;
	/** A new id for an outbound message. */
	newWaId(): string;
	/** Whether the instance has been linked to a phone and not been unlinked since. */
	isPaired(instanceId: InstanceId): Promise<boolean>;
	/** Forgets the link; the next session shows a QR code. */
	forget(instanceId: InstanceId): Promise<void>;
	/**
	 * Tells WhatsApp to unlink the instance, over a connection of its own that receives no message,
	 * and forgets the link. Answers whether WhatsApp confirmed it.
	 */
	unlink(options: Omit<OpenSession, 'listener'>): Promise<boolean>;
}

// ---------------------------------------------------------------- outbound HTTP

export type UrlVerdict =
	{ readonly ok: true } | { readonly ok: false; readonly reason: string; readonly hint: string };

export interface UrlGuard {
	/** Also resolves the name: refuses when any of its addresses is not to be reached. */
	check(url: string, mode: Mode): Promise<UrlVerdict>;
}

export interface WebhookRequest {
	readonly url: string;
	readonly mode: Mode;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
}

/** A receiver's refusal is no failure of ours: both are values. */
export type WebhookResult =
	| {
			readonly outcome: 'answered';
			readonly status: number;
			readonly retryAfterMs?: number | undefined;
			readonly latencyMs: number;
			/** The first kilobyte of the body, for people to read. */
			readonly responseText: string;
			/** The IP address that was connected; `null` when none was. */
			readonly address: string | null;
	  }
	| {
			readonly outcome: 'failed';
			/** A stable word such as `timeout` or `blocked`. */
			readonly reason: string;
			readonly message: string;
			readonly latencyMs: number;
			readonly address: string | null;
	  };

export interface WebhookClient {
	send(request: WebhookRequest): Promise<WebhookResult>;
}

export type ProxyVerdict =
	| { readonly ok: true }
	| {
			readonly ok: false;
			readonly code: 'proxy_not_allowed' | 'proxy_unreachable';
			readonly reason: string;
			readonly hint: string;
	  };

export interface ProxyGuard {
	/** Also tries to reach WhatsApp through it. */
	check(url: string, mode: Mode): Promise<ProxyVerdict>;
}

// ---------------------------------------------------------------- the simulated network

/** The phones of the simulated network. Each throws `sandbox_refused` when it cannot. */
export interface SimulatedPhones {
	/** Where this instance connects. */
	socketUrl(instanceId: InstanceId): string;
	scan(
		code: string,
		options: { readonly phoneNumber?: string | undefined; readonly pushName?: string | undefined },
	): Promise<{ readonly phoneNumber: string }>;
	/** Types a pairing code into the phone with this number. */
	enterCode(entry: {
		readonly phoneNumber: string;
		readonly code: string;
		readonly pushName?: string | undefined;
	}): Promise<{ readonly phoneNumber: string }>;
	write(instanceId: InstanceId, message: SimulatedText): Promise<{ readonly waId: string }>;
	/** What contacts received from the instance, oldest first. */
	outbox(instanceId: InstanceId): Promise<readonly SimulatedArrival[]>;
	fault(instanceId: InstanceId, kind: FaultKind): Promise<void>;
}

/** Where a simulated contact writes: to the instance, in its own status or in its newsletter. */
export const WRITING_PLACES = ['direct', 'status', 'newsletter'] as const;

export interface SimulatedText {
	readonly from: string;
	readonly text: string;
	readonly pushName?: string | undefined;
	/** By default `direct`. */
	readonly as?: (typeof WRITING_PLACES)[number] | undefined;
}

export interface SimulatedArrival {
	readonly waId: string;
	readonly to: string;
	readonly text: string;
	readonly receivedAt: number;
}

export const FAULT_KINDS = [
	'logged_out',
	'replaced',
	'connection_lost',
	'restart_required',
	'server_error',
	'banned',
	'upgrade_refused',
	'silent',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

// ---------------------------------------------------------------- calendar

export interface CronSchedule {
	/** What is wrong with the expression or the time zone; `undefined` when both are fine. */
	faultOf(cron: string, timeZone: string): string | undefined;
	/** The next instant after `after`; `undefined` when there is none. */
	next(cron: string, timeZone: string, after: number): number | undefined;
}

// ---------------------------------------------------------------- pictures

export interface QrPainter {
	/** A PNG that a phone can scan. */
	png(code: string): Promise<Uint8Array>;
}
