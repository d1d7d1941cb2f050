import { z } from 'zod';
import type { EndpointInput } from '../app/endpoints.ts';
import type { Circuit, Endpoint } from '../app/ports.ts';
import { EVENT_NAMES } from '../domain/events.ts';
import type { InstanceId } from '../domain/ids.ts';
import { CHAT_TYPE_FILTERS, type EventChoice } from '../domain/subscription.ts';
import { id, Instant, text, toInstant, toInstantOrNull } from './schemas.ts';

const CHOICES = [...EVENT_NAMES, '*'] as const satisfies readonly EventChoice[];
const KNOWN_EVENTS = EVENT_NAMES.map((name) => `"${name}"`).join(', ');

const MAX_EVENTS = 100;
const MAX_INSTANCES = 100;
const MAX_AGE_SECONDS = 30 * 24 * 60 * 60;
const MIN_PER_SECOND = 0.01;
const MAX_PER_SECOND = 1_000;

const MAX_NOTICE_SECONDS = 60 * 60;
const MAX_OVERLAP_SECONDS = 7 * 24 * 60 * 60;
export const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;

export const EndpointParams = z.object({ endpoint_id: id('wh') });

const EventName = z.enum(CHOICES, {
	error: `is not a known event. Known are ${KNOWN_EVENTS}, and "*" for all of them`,
});

const Events = z
	.array(EventName)
	.min(1)
	.max(MAX_EVENTS)
	.describe('Names, or `*` for all events, those of later versions included');

const Url = text(2048).describe('Public and https; test keys may also use http and loopback');

const SigningSecret = z
	.string()
	.regex(/^[\x21-\x7e]{16,256}$/, 'must be 16 to 256 visible ASCII characters without spaces')
	.describe('By default the engine makes one');

const settings = {
	description: text(200).nullable().optional().describe('For people'),
	instance_id: id('inst')
		.nullable()
		.optional()
		.describe('Only events of this instance; by default, and with `null`, of all'),
	instance_ids: z
		.array(id('inst'))
		.max(MAX_INSTANCES)
		.optional()
		.describe('Only events of these instances; empty: of all. The same as several `instance_id`'),
	chat_type_filter: z
		.enum(CHAT_TYPE_FILTERS)
		.optional()
		.describe('Which chats; by default `all`. Events that are about no chat always come'),
	ignore_from_me: z
		.boolean()
		.optional()
		.describe('Leave out what the account itself wrote on its phone; by default false'),
	ignore_status: z
		.boolean()
		.optional()
		.describe('Leave out statuses ("stories") of contacts; by default true'),
	ignore_newsletters: z
		.boolean()
		.optional()
		.describe('Leave out channels that the account follows; by default true'),
	ordered: z
		.boolean()
		.optional()
		.describe('Send the events of one chat one after another; by default true'),
	max_age_seconds: z
		.number()
		.int()
		.min(1)
		.max(MAX_AGE_SECONDS)
		.nullable()
		.optional()
		.describe('Drop what is older at its turn; by default, and with `null`, nothing is dropped'),
	max_per_second: z
		.number()
		.min(MIN_PER_SECOND)
		.max(MAX_PER_SECOND)
		.nullable()
		.optional()
		.describe('Requests per second at most; by default, and with `null`, without a limit'),
	enabled: z.boolean().optional().describe('By default true. What is disabled gets nothing'),
};

export const NewEndpointBody = z
	.strictObject({
		...settings,
		url: Url,
		events: Events,
		signing_secret: SigningSecret.optional(),
	})
	.superRefine(agreeOnInstances);

export const EndpointChangeBody = z
	.strictObject({ ...settings, url: Url.optional(), events: Events.optional() })
	.superRefine(agreeOnInstances);

export const DeletionQuery = z.strictObject({
	after_seconds: z.coerce
		.number()
		.int()
		.min(0)
		.max(MAX_NOTICE_SECONDS)
		.default(0)
		.describe('Delete it so much later; by default at once'),
});

export const RotationBody = z.strictObject({
	signing_secret: SigningSecret.optional(),
	overlap_seconds: z
		.number()
		.int()
		.min(0)
		.max(MAX_OVERLAP_SECONDS)
		.optional()
		.describe('How long the present secret signs as well; by default a day'),
});

const CircuitJson = z
	.object({
		state: z.enum(['closed', 'open', 'half_open']),
		consecutive_failures: z.number(),
		next_probe_at: Instant.nullable(),
	})
	.describe('While it is open, only a probe is sent now and then, and what waits keeps waiting');

export const EndpointJson = z
	.object({
		id: id('wh'),
		customer_id: id('cust'),
		description: z.string().nullable(),
		url: z.string(),
		events: z.array(z.enum(CHOICES)),
		instance_id: id('inst').nullable().describe('The one of `instance_ids`, when it is only one'),
		instance_ids: z.array(id('inst')).describe('Empty: all instances'),
		chat_type_filter: z.enum(CHAT_TYPE_FILTERS),
		ignore_from_me: z.boolean(),
		ignore_status: z.boolean(),
		ignore_newsletters: z.boolean(),
		ordered: z.boolean(),
		max_age_seconds: z.number().nullable(),
		max_per_second: z.number().nullable(),
		enabled: z.boolean(),
		disabled_reason: z
			.enum(['by_user', 'gone', 'failing'])
			.nullable()
			.describe('`gone`: it answered 410. `failing`: for days it did nothing but fail'),
		disabled_at: Instant.nullable(),
		circuit: CircuitJson,
		failing_since: Instant.nullable().describe('Since when every attempt has failed'),
		worked_until: Instant.nullable().describe('The last success before its latest failures'),
		has_custom_signing_secret: z.boolean(),
		secret_rotated_at: Instant.nullable(),
		previous_secret_until: Instant.nullable().describe('Until then two secrets sign side by side'),
		delete_at: Instant.nullable().describe('When it will be deleted; a change calls that off'),
		created_at: Instant,
		updated_at: Instant,
	})
	.meta({ id: 'WebhookEndpoint' });

export const RevealedEndpointJson = EndpointJson.extend({
	signing_secret: z.string().describe('Shown this once'),
}).meta({ id: 'RevealedWebhookEndpoint' });

/** The names of the API on one side, those of the use cases on the other. */
export function toEndpointInput<Body extends z.output<typeof EndpointChangeBody>>(body: Body) {
	return {
		description: body.description,
		url: body.url as Body['url'],
		events: body.events as Body['events'],
		instanceIds: toInstanceIds(body),
		filters: {
			chatType: body.chat_type_filter,
			ignoreFromMe: body.ignore_from_me,
			ignoreStatus: body.ignore_status,
			ignoreNewsletters: body.ignore_newsletters,
		},
		ordered: body.ordered,
		maxAgeSeconds: body.max_age_seconds,
		maxPerSecond: body.max_per_second,
		enabled: body.enabled,
	} satisfies EndpointInput;
}

export function toEndpointJson(
	endpoint: Endpoint,
	circuit: Circuit,
): z.output<typeof EndpointJson> {
	const { instanceIds, filters } = endpoint;
	return {
		id: endpoint.id,
		customer_id: endpoint.customerId,
		description: endpoint.description,
		url: endpoint.url,
		events: [...endpoint.events],
		instance_id: instanceIds.length === 1 ? instanceIds[0]! : null,
		instance_ids: [...instanceIds],
		chat_type_filter: filters.chatType,
		ignore_from_me: filters.ignoreFromMe,
		ignore_status: filters.ignoreStatus,
		ignore_newsletters: filters.ignoreNewsletters,
		ordered: endpoint.ordered,
		max_age_seconds: endpoint.maxAgeSeconds,
		max_per_second: endpoint.maxPerSecond,
		enabled: endpoint.enabled,
		disabled_reason: endpoint.disabledReason,
		disabled_at: toInstantOrNull(endpoint.disabledAt),
		circuit: {
			state: circuit.state,
			consecutive_failures: circuit.consecutiveFailures,
			next_probe_at: toInstantOrNull(circuit.nextProbeAt),
		},
		failing_since: toInstantOrNull(endpoint.failingSince),
		worked_until: toInstantOrNull(endpoint.workedUntil),
		has_custom_signing_secret: endpoint.hasCustomSigningSecret,
		secret_rotated_at: toInstantOrNull(endpoint.secretRotatedAt),
		previous_secret_until: toInstantOrNull(endpoint.previousSecretUntil),
		delete_at: toInstantOrNull(endpoint.deleteAt),
		created_at: toInstant(endpoint.createdAt),
		updated_at: toInstant(endpoint.updatedAt),
	};
}

interface Instances {
	readonly instance_id?: InstanceId | null | undefined;
	readonly instance_ids?: readonly InstanceId[] | undefined;
}

/** `undefined` when the body names neither. */
function toInstanceIds({ instance_id: one, instance_ids: several }: Instances) {
	if (several !== undefined || one === undefined) return several;
	return one === null ? [] : [one];
}

/** Both ways to name instances may be used at once, as a program does that sends back what it got. */
function agreeOnInstances(
	{ instance_id: one, instance_ids: several }: Instances,
	context: z.RefinementCtx,
): void {
	if (one === undefined || several === undefined) return;
	const distinct = new Set(several);
	// An endpoint of several instances is shown with `instance_id: null`.
	if (one === null ? distinct.size !== 1 : distinct.size === 1 && distinct.has(one)) return;
	context.addIssue({
		code: 'custom',
		path: ['instance_ids'],
		message: 'must name the same instance as instance_id, or be sent without it',
	});
}
