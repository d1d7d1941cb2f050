/**
 * What the use cases need of a database to keep instances: their settings, their history, the acts
 * on them and the links to their pairing pages. Instants are Unix milliseconds.
 */
import type { AuditId, CustomerId, InstanceId, TransitionId } from '../domain/ids.ts';
import type { IncidentRule } from '../domain/incident.ts';
import type { InstanceState, InstanceStatus, StatusReason } from '../domain/instance.ts';
import type { Mode, Scope } from '../domain/scope.ts';
import type { TimeRange } from '../domain/uptime.ts';
import type { Page } from './storage-ports.ts';

export interface Account {
	readonly jid: string;
	readonly lid: string | null;
	readonly phoneNumber: string | null;
	readonly pushName: string | null;
}

/** What the engine may do by itself for an instance that fails. */
export interface HealPolicy {
	readonly enabled: boolean;
	readonly maxRestartsPerHour: number;
	/** A restart in a quiet hour, whether something is wrong or not. */
	readonly scheduledRestart: { readonly cron: string; readonly timeZone: string } | null;
}

export interface Instance {
	readonly id: InstanceId;
	readonly customerId: CustomerId;
	readonly mode: Mode;
	readonly name: string;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly status: InstanceStatus;
	readonly statusSince: number;
	/** The WhatsApp account it is linked to, from the first pairing until the keys are wiped. */
	readonly account: Account | null;
	/** Instances of one group stand in for each other, the lowest priority first. */
	readonly group: string | null;
	readonly priority: number;
	/** Digits; another phone that links the instance is unlinked at once. */
	readonly expectedPhoneNumber: string | null;
	readonly heal: HealPolicy;
	/** Instants of the engine's own restarts within the last hour, oldest first. */
	readonly healedAt: readonly number[];
	/** URL of the proxy with its credentials: a secret. */
	readonly proxyUrl: string | null;
	/** WhatsApp throttles the account until then: connected, but nothing is sent. */
	readonly restrictedUntil: number | null;
	/** Alerts given since the instance began to wait for a person, and when the next one is due. */
	readonly attentionLevel: number;
	readonly attentionDueAt: number | null;
	readonly lastSeenAt: number | null;
	readonly createdAt: number;
	readonly updatedAt: number;
}

export interface InstanceChange {
	readonly name?: string | undefined;
	readonly metadata?: Readonly<Record<string, unknown>> | undefined;
	readonly status?: InstanceStatus;
	readonly statusSince?: number;
	readonly account?: Account | null;
	readonly group?: string | null | undefined;
	readonly priority?: number | undefined;
	readonly expectedPhoneNumber?: string | null | undefined;
	readonly heal?: HealPolicy | undefined;
	readonly healedAt?: readonly number[];
	readonly proxyUrl?: string | null | undefined;
	readonly restrictedUntil?: number | null;
	readonly attentionLevel?: number;
	readonly attentionDueAt?: number | null;
	readonly lastSeenAt?: number;
}

export interface InstanceStore {
	add(instance: Instance): Promise<void>;
	find(scope: Scope, id: InstanceId): Promise<Instance | undefined>;
	/** For the engine's own use, whoever the customer is. Deleted instances are not found. */
	findAny(id: InstanceId): Promise<Instance | undefined>;
	/** Newest first. */
	list(scope: Scope, page: Page): Promise<Instance[]>;
	/** Every instance that is not deleted and whose state is one of these, oldest first. */
	listByState(states: readonly InstanceStatus['state'][]): Promise<Instance[]>;
	/** The members of a group, in the order in which they stand in for each other. */
	listByGroup(scope: Scope, group: string): Promise<Instance[]>;
	/** Instances of any customer whose next alert is due, oldest first. */
	listAttentionDue(now: number, limit: number): Promise<Instance[]>;
	/** Answers the changed instance, or `undefined` when it is gone. */
	change(id: InstanceId, change: InstanceChange, at: number): Promise<Instance | undefined>;
	/** Soft: the row stays for its events and deliveries, its auth-state and journal go. */
	remove(id: InstanceId, at: number): Promise<void>;
}

export interface Transition {
	readonly id: TransitionId;
	readonly instanceId: InstanceId;
	readonly from: InstanceState;
	readonly to: InstanceState;
	readonly reason: StatusReason | null;
	readonly closeCode: number | null;
	readonly at: number;
}

export interface TimedTransition extends Transition {
	/** How long it stayed in `to`; `null` while it does. */
	readonly durationMs: number | null;
}

export interface TransitionStore {
	add(transition: Transition): Promise<void>;
	/** Newest first. */
	list(instanceId: InstanceId, page: Page): Promise<TimedTransition[]>;
	/**
	 * Of these instances, each one's in the order in which they were added: those from `from` up to,
	 * and not including, `to`, and before them the one that led to the state at `from`.
	 */
	listBetween(instanceIds: readonly InstanceId[], range: TimeRange): Promise<Transition[]>;
	/**
	 * Which of these drops are part of an incident, whoever owns the instances that dropped with
	 * them.
	 */
	findInIncident(
		drops: readonly TransitionId[],
		rule: IncidentRule,
	): Promise<ReadonlySet<TransitionId>>;
}

/** One act that changed something, by a caller or by the engine itself. Rows are never changed. */
export interface AuditRow {
	readonly id: AuditId;
	readonly customerId: CustomerId;
	readonly instanceId: InstanceId | null;
	/** `noun.verb`, such as `instance.healed`. */
	readonly action: string;
	readonly details: Readonly<Record<string, unknown>>;
	readonly at: number;
	readonly correlationId: string | null;
}

export interface AuditLog {
	add(row: AuditRow): Promise<void>;
	/** Newest first. */
	list(customerId: CustomerId, page: Page): Promise<AuditRow[]>;
}

/** A one-time link to the pairing page. The token itself is kept nowhere, only its hash. */
export interface PairingLink {
	readonly instanceId: InstanceId;
	readonly tokenHash: string;
	readonly expiresAt: number;
}

export interface PairingLinkStore {
	/** Replaces the instance's link, if it has one. */
	put(link: PairingLink): Promise<void>;
	findByHash(tokenHash: string): Promise<PairingLink | undefined>;
	find(instanceId: InstanceId): Promise<PairingLink | undefined>;
	remove(instanceId: InstanceId): Promise<void>;
}
