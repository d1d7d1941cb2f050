import { z } from 'zod';
import type { InstanceSettings } from '../app/instances.ts';
import type { Instance } from '../app/ports.ts';
import { CONTRACT_STATUS, SESSION_STATUS, type InstanceState } from '../domain/instance.ts';
import { publicProxyUrl } from '../domain/proxy-url.ts';
import { id, Instant, PhoneNumber, text, toInstant, toInstantOrNull } from './schemas.ts';

const MAX_METADATA_BYTES = 16 * 1024;
/** Deeper ones would overflow the stack where they are written as JSON again. */
const MAX_METADATA_DEPTH = 32;

export const STATES = [
	'pending',
	'starting',
	'qr',
	'connected',
	'reconnecting',
	'stopped',
	'logged_out',
	'failed',
] as const satisfies readonly InstanceState[];

const Name = text(100).describe('A label for people; need not be unique');

const Metadata = z
	.record(z.string(), z.unknown())
	.refine((value) => nestsAtMost(MAX_METADATA_DEPTH, value), {
		error: `must not nest deeper than ${MAX_METADATA_DEPTH} levels`,
		abort: true,
	})
	.refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
		error: `must be at most ${MAX_METADATA_BYTES} bytes of JSON`,
	})
	.describe('Whatever the caller wants to keep with the instance, up to 16 KiB of JSON');

const Cron = z
	.strictObject({
		cron: text(100).describe('Five fields: minute, hour, day of the month, month, day of the week'),
		time_zone: text(64).describe('Of the IANA list, such as `America/Sao_Paulo`'),
	})
	.describe('A restart in a quiet hour, whether something is wrong or not');

const Heal = z
	.strictObject({
		enabled: z.boolean().optional(),
		max_restarts_per_hour: z.number().int().min(0).max(60).optional(),
		scheduled_restart: Cron.nullable().optional(),
	})
	.describe('What the engine may do by itself when the instance fails');

export const GroupName = text(64).describe('Instances of one group stand in for each other');

const settings = {
	metadata: Metadata.optional(),
	group: GroupName.nullable().optional(),
	priority: z.number().int().min(0).max(1_000).optional().describe('In its group; lower first'),
	expected_phone_number: PhoneNumber.nullable()
		.optional()
		.describe('Another phone that links the instance is unlinked at once'),
	heal: Heal.optional(),
	proxy: z
		.strictObject({ url: text(2_048).describe('http, https or socks5, with user and password') })
		.nullable()
		.optional()
		.describe('What the session connects through'),
};

export const NewInstance = z.strictObject({ name: Name, ...settings });

export const InstanceChange = z.strictObject({ name: Name.optional(), ...settings });

export const InstanceJson = z
	.object({
		id: id('inst'),
		customer_id: id('cust'),
		name: z.string(),
		mode: z.enum(['live', 'test']),
		phone_number: z.string().nullable().describe('Of the linked account, digits only'),
		status: z.enum([...new Set(Object.values(CONTRACT_STATUS))]),
		state: z.enum(STATES).describe('The same as `status`, in more detail'),
		session_status: z.enum([...new Set(Object.values(SESSION_STATUS))]).describe("In Wawp's words"),
		status_reason: z.string().nullable(),
		status_since: Instant,
		restricted_until: Instant.nullable().describe('Until when WhatsApp throttles the account'),
		group: z.string().nullable(),
		priority: z.number(),
		expected_phone_number: z.string().nullable(),
		heal: z.object({
			enabled: z.boolean(),
			max_restarts_per_hour: z.number(),
			scheduled_restart: z.object({ cron: z.string(), time_zone: z.string() }).nullable(),
		}),
		proxy: z
			.object({ url: z.string(), has_credentials: z.boolean() })
			.nullable()
			.describe('User and password are never shown again'),
		last_seen_at: Instant.nullable(),
		metadata: z.record(z.string(), z.unknown()),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'Instance' });

/** The names of the API on one side, those of the use cases on the other. */
export function toSettings(body: z.output<typeof InstanceChange>): InstanceSettings {
	const { expected_phone_number: expectedPhoneNumber, heal, proxy, ...same } = body;
	const schedule = heal?.scheduled_restart;
	return {
		...same,
		expectedPhoneNumber,
		heal: heal && {
			enabled: heal.enabled,
			maxRestartsPerHour: heal.max_restarts_per_hour,
			scheduledRestart: schedule && { cron: schedule.cron, timeZone: schedule.time_zone },
		},
		proxyUrl: proxy && proxy.url,
	};
}

export function toInstanceJson(instance: Instance): z.output<typeof InstanceJson> {
	const { state, reason } = instance.status;
	const { heal } = instance;
	return {
		id: instance.id,
		customer_id: instance.customerId,
		name: instance.name,
		mode: instance.mode,
		phone_number: instance.account?.phoneNumber ?? null,
		status: CONTRACT_STATUS[state],
		state,
		session_status: SESSION_STATUS[state],
		status_reason: reason,
		status_since: toInstant(instance.statusSince),
		restricted_until: toInstantOrNull(instance.restrictedUntil),
		group: instance.group,
		priority: instance.priority,
		expected_phone_number: instance.expectedPhoneNumber,
		heal: {
			enabled: heal.enabled,
			max_restarts_per_hour: heal.maxRestartsPerHour,
			scheduled_restart: heal.scheduledRestart && {
				cron: heal.scheduledRestart.cron,
				time_zone: heal.scheduledRestart.timeZone,
			},
		},
		proxy: instance.proxyUrl === null ? null : toProxyJson(instance.proxyUrl),
		last_seen_at: toInstantOrNull(instance.lastSeenAt),
		metadata: instance.metadata,
		created_at: toInstant(instance.createdAt),
		updated_at: toInstant(instance.updatedAt),
	};
}

function toProxyJson(proxyUrl: string): { url: string; has_credentials: boolean } {
	const { url, hasCredentials } = publicProxyUrl(proxyUrl);
	return { url, has_credentials: hasCredentials };
}

function nestsAtMost(depth: number, value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return true;
	return depth > 0 && Object.values(value).every((inner) => nestsAtMost(depth - 1, inner));
}
