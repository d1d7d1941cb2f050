import { randomBytes } from 'node:crypto';
import type { Endpoint, Instance, Message, Stores, Turn } from '../../../engine/src/app/ports.ts';
import type { NewEvent } from '../../../engine/src/domain/events.ts';
import { DEFAULT_HEAL_POLICY } from '../../../engine/src/domain/healing.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { NEW_INSTANCE } from '../../../engine/src/domain/instance.ts';
import type { Scope } from '../../../engine/src/domain/scope.ts';
import { DEFAULT_FILTERS } from '../../../engine/src/domain/subscription.ts';
import { ids } from '../../support/system.ts';

export const NOON = Date.UTC(2026, 0, 1, 12);
export const MINUTE = 60_000;

/** What the rows of a test belong to: the default customer in test mode, with one instance. */
export interface Household {
	readonly scope: Scope;
	readonly instanceId: InstanceId;
}

export async function moveIn(stores: Stores): Promise<Household> {
	const customerId = await stores.customers.ensureDefault(ids.next('cust'), NOON);
	const scope: Scope = { customerId, mode: 'test' };
	const instance = anInstance(scope);
	await stores.instances.add(instance);
	return { scope, instanceId: instance.id };
}

/** The scope of a customer who has nothing to do with anyone else here. */
export function strangerTo({ mode }: Scope): Scope {
	return { customerId: ids.next('cust'), mode };
}

export function anInstance(scope: Scope, changes: Partial<Instance> = {}): Instance {
	return {
		id: ids.next('inst'),
		customerId: scope.customerId,
		mode: scope.mode,
		name: 'Front desk',
		metadata: {},
		status: NEW_INSTANCE,
		statusSince: NOON,
		account: null,
		group: null,
		priority: 100,
		expectedPhoneNumber: null,
		heal: DEFAULT_HEAL_POLICY,
		healedAt: [],
		proxyUrl: null,
		restrictedUntil: null,
		attentionLevel: 0,
		attentionDueAt: null,
		lastSeenAt: null,
		createdAt: NOON,
		updatedAt: NOON,
		...changes,
	};
}

export function anInbound(instanceId: InstanceId, changes: Partial<Message> = {}): Message {
	return {
		id: ids.next('msg'),
		instanceId,
		direction: 'in',
		waId: `3EB0${randomBytes(9).toString('hex').toUpperCase()}`,
		chat: '5511987654321@s.whatsapp.net',
		peer: '5511987654321@s.whatsapp.net',
		body: { type: 'text', text: 'Do you open on Sunday?' },
		clientRef: null,
		status: 'delivered',
		error: null,
		correlationId: null,
		createdAt: NOON,
		sentAt: null,
		deliveredAt: NOON,
		readAt: null,
		failedAt: null,
		...changes,
	};
}

export function anOutbound(instanceId: InstanceId, changes: Partial<Message> = {}): Message {
	return anInbound(instanceId, {
		direction: 'out',
		peer: '+55 11 98765-4321',
		status: 'queued',
		deliveredAt: null,
		...changes,
	});
}

export function anEndpoint(scope: Scope, changes: Partial<Endpoint> = {}): Endpoint {
	return {
		id: ids.next('wh'),
		customerId: scope.customerId,
		mode: scope.mode,
		description: null,
		url: 'https://n8n.example.com/webhook/a',
		events: ['message.sent'],
		instanceIds: [],
		filters: DEFAULT_FILTERS,
		ordered: true,
		maxAgeSeconds: null,
		maxPerSecond: null,
		enabled: true,
		disabledReason: null,
		disabledAt: null,
		failingSince: null,
		workedUntil: null,
		hasCustomSigningSecret: false,
		secretRotatedAt: null,
		previousSecretUntil: null,
		deleteAt: null,
		createdAt: NOON,
		updatedAt: NOON,
		...changes,
	};
}

export function sent(text = 'sent'): NewEvent {
	return {
		event: 'message.sent',
		occurredAt: NOON,
		data: {
			message_id: ids.next('msg'),
			to: '5511987654321',
			client_ref: text,
			sent_at: new Date(NOON).toISOString(),
		},
	};
}

export function disconnected(): NewEvent {
	return {
		event: 'instance.disconnected',
		occurredAt: NOON,
		data: { reason: 'connection_lost', will_reconnect: true, close_code: 428 },
	};
}

/** A turn of the queue at noon in which nothing is done but what `changes` say. */
export function aTurn(changes: Partial<Turn> = {}): Turn {
	return {
		now: NOON,
		leaseMs: MINUTE,
		settle: [],
		putOff: [],
		hasten: [],
		claim: new Map(),
		probe: [],
		...changes,
	};
}
