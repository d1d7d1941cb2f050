import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { EventSignal } from '../../../engine/src/app/event-signal.ts';
import { EventStreams } from '../../../engine/src/app/event-stream.ts';
import { StreamTokens } from '../../../engine/src/app/stream-tokens.ts';
import type { EventId } from '../../../engine/src/domain/ids.ts';
import { eventRoutes } from '../../../engine/src/http/routes/events.ts';
import { compileValidator } from '../../../engine/src/http/validation.ts';
import { openDatabase, type TestDatabase } from '../../support/databases.ts';
import { EventSourceReader } from '../../support/event-source.ts';
import { eventually, silentLog, systemClock } from '../../support/system.ts';
import { moveIn, NOON, sent, type Household } from '../storage/records.ts';

const EVENTS = 600;
/** So large that the network's own buffers cannot hold all of them. */
const LONG_TEXT = 'x'.repeat(60_000);
const STALL_MS = 1_500;

describe('A stream that its caller does not read', () => {
	let database: TestDatabase;
	let home: Household;
	let streams: EventStreams;
	let app: FastifyInstance;
	let url: string;
	let pages = 0;

	beforeAll(async () => {
		database = await openDatabase('sqlite');
		home = await moveIn(database.storage);
		const long = Array.from({ length: EVENTS }, () => sent(LONG_TEXT));
		await database.storage.events.append(home.instanceId, long, NOON);
	});

	beforeEach(async () => {
		pages = 0;
		const { events } = database.storage;
		streams = new EventStreams({
			...database.storage,
			events: {
				append: (...args) => events.append(...args),
				appendForCustomer: (...args) => events.appendForCustomer(...args),
				newestId: () => events.newestId(),
				listAfter: (...args) => {
					pages++;
					return events.listAfter(...args);
				},
			},
			...{ clock: systemClock, log: silentLog, lateMs: 0 },
			signal: new EventSignal(systemClock),
		});
		app = fastify();
		app.setValidatorCompiler(compileValidator);
		app.setSerializerCompiler(serializerCompiler);
		app.addHook('onRequest', (request, _reply, done) => {
			request.scope = home.scope;
			done();
		});
		const streamTokens = new StreamTokens({ clock: systemClock, pepper: 'p'.repeat(32) });
		app.register(eventRoutes({ eventStreams: streams, streamTokens, stallMs: STALL_MS }));
		await app.listen({ host: '127.0.0.1', port: 0 });
		url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/events?last_event_id=`;
	});

	afterEach(() => app.close());
	afterAll(() => database.close());

	it('is cut off, and goes on where it was when it is opened again', async () => {
		const deaf = await EventSourceReader.open(`${url}${LEAST_ID}`, { isDeaf: true });
		await eventually(() => isOpen(), { what: 'the stream' });

		await eventually(() => !isOpen(), { what: 'the end of the stream' });
		const readWhenDeaf = pages;
		const { lastId } = await deaf.listen();
		const again = await EventSourceReader.open(`${url}${lastId}`);
		await again.until(EVENTS - deaf.events.length);

		expect(deaf.end).toBe('broken');
		expect(readWhenDeaf).toBeLessThan(EVENTS / 100);
		const rows = await database.db.selectFrom('events').select('id').orderBy('id').execute();
		const got = [...deaf.events, ...again.events].map(({ id }) => id);
		expect(got).toEqual(rows.map(({ id }) => id));
		again.close();
	});

	it('does not keep the engine from stopping', async () => {
		const deaf = await EventSourceReader.open(`${url}${LEAST_ID}`, { isDeaf: true });
		await eventually(() => isOpen(), { what: 'the stream' });

		await app.close();
		await deaf.listen();

		expect(isOpen()).toBe(false);
		expect(deaf.end).toBe('broken');
	});

	function isOpen(): boolean {
		return streams.count(home.scope.customerId) > 0;
	}
});

const LEAST_ID: EventId = 'evt_00000000-0000-7000-8000-000000000000';
