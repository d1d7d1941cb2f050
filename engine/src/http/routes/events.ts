import type { ServerResponse } from 'node:http';
import { finished, Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { EventStream, EventStreams, StreamItem } from '../../app/event-stream.ts';
import type { StreamTokens } from '../../app/stream-tokens.ts';
import { EVENT_NAMES, type EventName } from '../../domain/events.ts';
import { idPattern, type EventId } from '../../domain/ids.ts';
import { id, Instant, toInstant } from '../schemas.ts';

export interface EventRoutes {
	readonly eventStreams: EventStreams;
	readonly streamTokens: StreamTokens;
	/** How long a caller may leave what was sent to it unread. */
	readonly stallMs?: number;
}

const STALL_MS = 60_000;
/** How long the streams have to say farewell when the engine stops. */
const FAREWELL_MS = 1_000;
/** After which a browser connects again when a stream has ended. */
const RETRY_MS = 3_000;

const names: ReadonlySet<string> = new Set(EVENT_NAMES);

const EventNames = z
	.string()
	.transform((text, context) => {
		const asked = text.split(',').map((name) => name.trim());
		if (asked.some((name) => !names.has(name))) {
			const message = `must be names of events with commas between them; there are ${EVENT_NAMES.join(', ')}`;
			context.addIssue({ code: 'custom', message });
		}
		return [...new Set(asked)].sort() as EventName[];
	})
	.describe('Only these events: names with commas between them. All by default');

const LastEventId = z
	.string()
	.refine((text) => text === '' || idPattern('evt').test(text), {
		error: 'must be the id of an event, evt_…',
	})
	.transform((text) => (text === '' ? undefined : (text as EventId)))
	.describe('The last event that the caller has; the stream goes on after it');

const Query = z.strictObject({
	instance_id: id('inst').optional().describe('Only events of this instance. All by default'),
	events: EventNames.optional(),
	last_event_id: LastEventId.optional(),
	token: z.string().optional().describe('A stream token, for callers that can send no header'),
});

const Headers = z.looseObject({
	'last-event-id': LastEventId.optional().describe(
		'Browsers send it when they connect again. It counts more than `last_event_id`',
	),
});

const StreamTokenJson = z
	.object({
		token: z.string().describe('For `GET /v1/events?token=…`'),
		expires_at: Instant.describe('Until then it can be connected with; an open stream lives on'),
	})
	.meta({ id: 'StreamToken' });

const DESCRIPTION = `The events of all instances as Server-Sent Events: each has its \`id\` and, as \`data\`, the same JSON that
webhook endpoints get. There is a comment every 25 seconds.

Without \`Last-Event-ID\` the stream begins now. With it, it goes on after that event with all that is
still kept; a comment says where events are missing. The events of one instance come in the order
of their \`sequence\`. After a connection that broke an event may come twice: the same \`event_id\` is
the same event. A caller that leaves what was sent unread for a minute is cut off.

Browsers cannot send an API key, and should not have it: let your server ask for a token with
\`POST /v1/events/token\`. When it connects again after a minute the browser needs another one; give
\`last_event_id\` along with it.`;

const common = { tags: ['Events'] };

const TOKEN_SCHEMA = {
	...common,
	operationId: 'createStreamToken',
	summary: 'Get a token for the event stream',
	description: 'It opens the stream of this key and nothing else, within a minute.',
	response: { 201: StreamTokenJson },
};

const HEADERS = {
	'cache-control': 'no-store',
	// Proxies that gather answers before they pass them on would hold events back.
	'x-accel-buffering': 'no',
	// What follows a stream is the end; a stopping engine need not wait for another request.
	connection: 'close',
};

const STREAM = {
	description: 'The stream; it ends when the engine stops',
	content: { 'text/event-stream': { schema: z.string() } },
};

/** `/v1/events`: what happens, as it happens. */
export function eventRoutes(options: EventRoutes): FastifyPluginCallbackZod {
	return (app, _options, done) => {
		const answers = new Set<ServerResponse>();
		sayFarewell(app, options.eventStreams, answers);
		app.get(
			'/events',
			{
				// It would open a stream that nobody reads.
				exposeHeadRoute: false,
				config: { acceptsStreamToken: true, errors: ['instance_not_found', 'too_many_streams'] },
				schema: {
					...common,
					operationId: 'streamEvents',
					summary: 'Follow the events',
					description: DESCRIPTION,
					security: [{ api_key: [] }, { stream_token: [] }],
					querystring: Query,
					headers: Headers,
					response: { 200: STREAM },
				},
			},
			async ({ scope, query, headers }, reply) => {
				const stream = await options.eventStreams.open(
					scope,
					{ instanceId: query.instance_id, events: query.events },
					headers['last-event-id'] ?? query.last_event_id,
				);
				follow(reply.raw, stream, answers);
				// Counts while nothing moves; comments keep a stream that is read from standing still.
				reply.raw.setTimeout(options.stallMs ?? STALL_MS);
				reply.headers(HEADERS).type('text/event-stream');
				return reply.send(Readable.from(frames(stream)) as never);
			},
		);
		app.post(
			'/events/token',
			{
				schema: TOKEN_SCHEMA,
			},
			({ scope }, reply) => {
				reply.code(201);
				const { token, expiresAt } = options.streamTokens.issue(scope);
				return { token, expires_at: toInstant(expiresAt) };
			},
		);
		done();
	};
}

/** When the engine stops, streams end by themselves; those that nobody reads cannot, and are cut. */
function sayFarewell(
	app: FastifyInstance,
	streams: EventStreams,
	answers: ReadonlySet<ServerResponse>,
): void {
	app.addHook('preClose', (done) => {
		streams.endAll();
		const farewell = setTimeout(() => {
			for (const answer of answers) answer.destroy();
		}, FAREWELL_MS);
		app.server.once('close', () => clearTimeout(farewell));
		done();
	});
}

/** Gives the stream's place to others when its answer has ended, however it did. */
function follow(answer: ServerResponse, stream: EventStream, answers: Set<ServerResponse>): void {
	answers.add(answer);
	finished(answer, () => {
		answers.delete(answer);
		stream.close();
	});
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
async function* frames(stream: EventStream): AsyncGenerator<string> {
	yield `retry: ${RETRY_MS}\n: events follow as they happen\n\n`;
	for await (const item of stream.items()) yield toFrames(item);
}

/** An envelope is JSON, in which no line ends. */
function toFrames(item: StreamItem): string {
	switch (item.type) {
		case 'events':
			return item.events.map(({ id: name, body }) => `id: ${name}\ndata: ${body}\n\n`).join('');
		case 'gap':
			return ': events are missing here: they are not known, or no longer kept\n\n';
		case 'alive':
			return ': nothing to tell\n\n';
		case 'end':
			return ': the engine stops; connect again\n\n';
	}
}
