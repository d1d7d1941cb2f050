import { createHmac } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { Authentication } from '../../../engine/src/app/authentication.ts';
import { Deliveries } from '../../../engine/src/app/deliveries.ts';
import { Diagnosis } from '../../../engine/src/app/diagnosis.ts';
import { EndpointTest } from '../../../engine/src/app/endpoint-test.ts';
import { Endpoints } from '../../../engine/src/app/endpoints.ts';
import { EventSignal } from '../../../engine/src/app/event-signal.ts';
import { EventStreams } from '../../../engine/src/app/event-stream.ts';
import { Groups } from '../../../engine/src/app/groups.ts';
import { History } from '../../../engine/src/app/history.ts';
import { Inbound } from '../../../engine/src/app/inbound.ts';
import { Instances } from '../../../engine/src/app/instances.ts';
import { Outbound } from '../../../engine/src/app/outbound.ts';
import { Pairing } from '../../../engine/src/app/pairing.ts';
import type { Log, ReceiverProbe } from '../../../engine/src/app/ports.ts';
import { Replays } from '../../../engine/src/app/replays.ts';
import { Sessions } from '../../../engine/src/app/sessions.ts';
import { StreamTokens } from '../../../engine/src/app/stream-tokens.ts';
import { TestPhones } from '../../../engine/src/app/test-phones.ts';
import type { CustomerId, InstanceId } from '../../../engine/src/domain/ids.ts';
import type { Mode } from '../../../engine/src/domain/scope.ts';
import { CronerSchedule } from '../../../engine/src/coordination/cron-schedule.ts';
import { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import { WebVersion } from '../../../engine/src/drivers/baileys/web-version.ts';
import { PngQrPainter } from '../../../engine/src/drivers/qr-painter.ts';
import type { Readiness } from '../../../engine/src/http/routes/health.ts';
import { buildServer } from '../../../engine/src/http/server.ts';
import { GuardedReceiverProbe } from '../../../engine/src/net/receiver-probe.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../../engine/src/net/webhook-client.ts';
import { SimulatedNetwork } from '../../../engine/src/sandbox/simulated-network.ts';
import { NetworkPhones } from '../../../engine/src/sandbox/simulated-phones.ts';
import { openDatabase, type TestDatabase } from '../../support/databases.ts';
import { QuietDispatching } from '../../support/quiet-dispatching.ts';
import { ids, silentLog, systemClock } from '../../support/system.ts';

const PEPPER = 'p'.repeat(32);

/** An id of the right shape that nobody has. */
export const NOBODY = '0198f3c4-0000-7000-8000-000000000000';

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly bytes: Buffer;
	// Tests look into answers of many shapes.
	// eslint-disable-next-line @typescript-eslint/no-explicit-any
	readonly json: any;
}

export interface Call {
	/** `null` sends none; by default the first customer's test key. */
	readonly key?: string | null;
	readonly body?: unknown;
	readonly headers?: Record<string, string>;
	/** A body as it is, instead of an object to be written as JSON. */
	readonly raw?: string | Buffer;
}

export interface LogLine {
	readonly level: keyof Log;
	readonly fields: Readonly<Record<string, unknown>>;
	readonly message: string;
}

/** The HTTP server over the real use cases, a real SQLite file and the simulated network. */
export class Api {
	readonly app: FastifyInstance;
	readonly database: TestDatabase;
	readonly network: SimulatedNetwork;
	readonly log: LogLine[] = [];
	readonly dispatching = new QuietDispatching();
	readonly keys: { readonly live: string; readonly test: string; readonly stranger: string };
	readonly customerId: CustomerId;
	/** What /readyz finds; a test may change it. */
	ready: () => Promise<Readiness>;
	/** How receivers are examined; a test may trust other certificates, or wait less. */
	probe: ReceiverProbe;
	readonly #sessions: Sessions;
	readonly #inbound: Inbound;
	readonly #client: UndiciWebhookClient;
	readonly #eventSignal = new EventSignal(systemClock);

	static async open(): Promise<Api> {
		const database = await openDatabase('sqlite');
		const network = new SimulatedNetwork({ receiptDelayMs: 20 });
		await network.start();
		const authentication = new Authentication({
			...database.storage,
			...{ ids, clock: systemClock, log: silentLog, pepper: PEPPER },
		});
		const made = await authentication.bootstrap({});
		const keyOf = (wanted: Mode) => made.find(({ mode }) => mode === wanted)!.key;
		const stranger = await addStranger(database);
		const keys = { live: keyOf('live'), test: keyOf('test'), stranger };
		return new Api(database, network, authentication, {
			keys,
			customerId: (await authentication.authenticate(`Bearer ${keys.test}`)).customerId,
		});
	}

	private constructor(
		database: TestDatabase,
		network: SimulatedNetwork,
		authentication: Authentication,
		{ keys, customerId }: Pick<Api, 'keys' | 'customerId'>,
	) {
		this.database = database;
		this.network = network;
		this.keys = keys;
		this.customerId = customerId;
		const { storage } = database;
		const clock = systemClock;
		const common = { storage, ids, clock, log: silentLog, announce: () => undefined };
		const version = new WebVersion({ clock, log: silentLog, pinned: undefined });
		const driver = new BaileysDriver({ ...common, ...storage, version });
		const outbound = new Outbound({ ...common, driver });
		this.#inbound = new Inbound({ ...common, driver });
		this.#sessions = new Sessions({
			...common,
			driver,
			inbound: this.#inbound,
			outbound,
			painter: new PngQrPainter(),
			random: () => 0,
			socketUrl: ({ id }) => network.urlFor(id),
			cron: new CronerSchedule(),
			limits: { maxSessions: 3, pairingMs: 300_000, maxAttempts: 10 },
		});
		const sessions = this.#sessions;
		const instances = new Instances({
			instances: storage.instances,
			sessions,
			cron: new CronerSchedule(),
			proxies: { check: () => Promise.resolve({ ok: true }) },
			ids,
			clock,
		});
		this.ready = () => Promise.resolve({ checks: { database: true }, sessions: sessions.counts });
		const resolve = () => Promise.resolve(['93.184.216.34']);
		const guard = new ResolvingUrlGuard({ allowPrivate: [], resolve });
		this.#client = new UndiciWebhookClient({ guard });
		this.probe = new GuardedReceiverProbe({ guard });
		this.app = buildServer({
			authentication,
			instances,
			pairing: new Pairing({
				storage,
				instances,
				sessions,
				ids,
				clock,
				baseUrl: () => 'https://engine.example',
			}),
			outbound,
			endpoints: new Endpoints({ storage, guard, dispatching: this.dispatching, ids, clock }),
			diagnosis: new Diagnosis({
				storage,
				dispatching: this.dispatching,
				probe: { probe: (request) => this.probe.probe(request) },
				...{ ids, clock, log: recordingLog(this.log), userAgent: 'whatisup-webhooks/test' },
			}),
			endpointTest: new EndpointTest({
				...storage,
				client: this.#client,
				ids,
				clock,
				userAgent: 'whatisup-webhooks/test',
			}),
			deliveries: new Deliveries({ storage, dispatching: this.dispatching, ids, clock }),
			replays: new Replays({ storage, ids, clock }),
			groups: new Groups({ instances: storage.instances, outbound, clock }),
			eventStreams: new EventStreams({
				...storage,
				...{ signal: this.#eventSignal, clock, log: silentLog, lateMs: 0 },
			}),
			streamTokens: new StreamTokens({ clock, pepper: PEPPER }),
			history: new History({ ...storage, clock }),
			testPhones: new TestPhones(new NetworkPhones(network), instances),
			health: { ready: () => this.ready() },
			ids,
			log: recordingLog(this.log),
		});
	}

	async call(method: string, url: string, call: Call = {}): Promise<Answer> {
		const { key = this.keys.test, body, headers = {}, raw } = call;
		const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
		const response = await this.app.inject({
			method: method as NonNullable<InjectOptions['method']>,
			url,
			headers: {
				...(key === null ? {} : { authorization: `Bearer ${key}` }),
				...(payload === undefined ? {} : { 'content-type': 'application/json' }),
				...headers,
			},
			...(payload === undefined ? {} : { payload }),
		});
		const isJson = String(response.headers['content-type']).startsWith('application/json');
		return {
			status: response.statusCode,
			headers: response.headers,
			bytes: response.rawPayload,
			json: isJson && response.body !== '' ? JSON.parse(response.body) : undefined,
		};
	}

	async newInstance(key = this.keys.test): Promise<string> {
		const { json } = await this.call('POST', '/v1/instances', { key, body: { name: 'shop' } });
		return json.id as string;
	}

	async newEndpoint(key = this.keys.test): Promise<string> {
		const body = { url: 'https://example.com/hook', events: ['qr.updated'] };
		const { json } = await this.call('POST', '/v1/webhook-endpoints', { key, body });
		return json.id as string;
	}

	/** Lets an instance tell of new QR codes; each endpoint that wants them gets a delivery. */
	async emitQr(instanceId: string, count: number): Promise<void> {
		const events = Array.from({ length: count }, (_, i) => ({
			event: 'qr.updated' as const,
			occurredAt: Date.now(),
			data: { qr: 'data:,', code: `code ${i}`, expires_at: '2026-01-01T00:00:00.000Z' },
		}));
		await this.database.storage.transaction((stores) =>
			stores.events.append(instanceId as InstanceId, events, Date.now()),
		);
		this.#eventSignal.tell();
	}

	async close(): Promise<void> {
		await this.app.close();
		await this.#client.close();
		await this.#sessions.close();
		await this.#inbound.idle();
		await this.network.stop();
		await this.database.close();
	}
}

/** A second customer with a test key. */
async function addStranger({ db, storage }: TestDatabase): Promise<string> {
	const customerId = ids.next('cust');
	const key = `zpk_test_${'s'.repeat(40)}`;
	await db
		.insertInto('customers')
		.values({ id: customerId, name: 'stranger', created_at: 0 })
		.execute();
	await storage.apiKeys.add({
		id: ids.next('key'),
		customerId,
		mode: 'test',
		name: 'stranger',
		prefix: key.slice(0, 13),
		hash: createHmac('sha256', PEPPER).update(key).digest('hex'),
		createdAt: 0,
	});
	return key;
}

function recordingLog(lines: LogLine[]): Log {
	const at = (level: keyof Log) => (fields: object, message: string) => {
		lines.push({ level, fields: { ...fields }, message });
	};
	return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
