import { pino } from 'pino';
import { AttentionSweeper } from './app/attention.ts';
import { Authentication, type NewKey } from './app/authentication.ts';
import { DatabaseCheck } from './app/database-check.ts';
import { Deliveries } from './app/deliveries.ts';
import { DeletionSweeper } from './app/deletion-sweeper.ts';
import { Diagnosis } from './app/diagnosis.ts';
import { LEASE_MS } from './app/delivery-turns.ts';
import { Dispatcher } from './app/dispatcher.ts';
import { EndpointTest } from './app/endpoint-test.ts';
import { Endpoints } from './app/endpoints.ts';
import { EventSignal } from './app/event-signal.ts';
import { EventStreams } from './app/event-stream.ts';
import { Groups } from './app/groups.ts';
import { Heartbeat } from './app/heartbeat.ts';
import { History } from './app/history.ts';
import { Inbound } from './app/inbound.ts';
import { Instances } from './app/instances.ts';
import { Outbound } from './app/outbound.ts';
import { Pairing } from './app/pairing.ts';
import type { Appended, Clock, Instance, Log } from './app/ports.ts';
import { ReplayRunner } from './app/replay-runner.ts';
import { Replays } from './app/replays.ts';
import { Retention } from './app/retention.ts';
import { Sessions } from './app/sessions.ts';
import { StreamTokens } from './app/stream-tokens.ts';
import { TestPhones } from './app/test-phones.ts';
import type { Config } from './config.ts';
import { CronerSchedule } from './coordination/cron-schedule.ts';
import { OrderedIds } from './coordination/ordered-ids.ts';
import { BaileysDriver } from './drivers/baileys/baileys-driver.ts';
import { WebVersion } from './drivers/baileys/web-version.ts';
import { PngQrPainter } from './drivers/qr-painter.ts';
import { buildServer } from './http/server.ts';
import { parseAllowList } from './net/allow-list.ts';
import { SessionProxies } from './net/session-proxy.ts';
import { GuardedReceiverProbe } from './net/receiver-probe.ts';
import { ResolvingUrlGuard } from './net/url-guard.ts';
import { UndiciWebhookClient } from './net/webhook-client.ts';
import { NetworkPhones } from './sandbox/simulated-phones.ts';
import { SimulatedNetwork } from './sandbox/simulated-network.ts';
import { DataDir } from './storage/data-dir.ts';
import { openStorage } from './storage/storage.ts';
import { VERSION } from './version.ts';

export interface Engine {
	/** Where it listens, with the port that it really got. */
	readonly url: string;
	/** Keys made by this start; nobody will see them again. */
	readonly newKeys: readonly NewKey[];
	/** Sends no more, closes every session and connection, then the database. */
	stop(): Promise<void>;
}

/** The engine cannot start, for a reason that its operator can mend. */
export class StartFault extends Error {
	override readonly name = 'StartFault';
	readonly hint: string;

	constructor(message: string, hint: string) {
		super(message);
		this.hint = hint;
	}
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Longer than any transaction that writes events takes on Postgres, where they overtake. */
const LATE_EVENTS_MS = 5_000;

const systemClock: Clock = {
	now: () => Date.now(),
	after: (ms, work) => {
		// Node runs at once what is to wait longer than its timers can count.
		let timer = setTimeout(step, Math.min(ms, LONGEST_TIMER_MS), ms);
		function step(leftMs: number) {
			const nextMs = leftMs - LONGEST_TIMER_MS;
			if (nextMs > 0) timer = setTimeout(step, Math.min(nextMs, LONGEST_TIMER_MS), nextMs);
			else work();
		}
		return () => clearTimeout(timer);
	},
};

/** Builds the engine from its settings, top to bottom, and starts it. */
export async function startEngine(config: Config): Promise<Engine> {
	const clock = systemClock;
	const ids = new OrderedIds();
	const log: Log = pino({ level: config.logLevel, base: null });
	const started: (() => unknown)[] = [];
	const stop = async () => {
		for (const undo of started.splice(0).reverse()) await undo();
	};

	try {
		const dataDir = await DataDir.open(config.dataDir);
		const secretsKey = config.secretsKey?.reveal() ?? (await dataDir.ownSecret('secrets.key'));
		const pepper = config.apiKeyPepper?.reveal() ?? (await dataDir.ownSecret('api-key.pepper'));

		const storage = await openStorage({
			...(config.databaseUrl
				? { url: config.databaseUrl.reveal() }
				: { file: dataDir.file('engine.sqlite') }),
			secretsKey,
			ids,
			log,
		});
		started.push(() => storage.close());
		const newest = await storage.events.newestId();
		if (newest !== undefined) ids.startAfter(newest);

		const authentication = new Authentication({ ...storage, ids, clock, log, pepper });
		if (!(await authentication.provePepper())) {
			throw new StartFault(
				'API_KEY_PEPPER is not the one that the API keys in the database were stored with.',
				'Set it to the former value; with another one no existing API key would be accepted.',
			);
		}

		const network = new SimulatedNetwork({
			file: dataDir.file('simulated-network.sqlite'),
			receiptDelayMs: config.sandbox.receiptDelayMs,
		});
		await network.start();
		started.push(() => network.stop());
		const phones = new NetworkPhones(network);

		const guard = new ResolvingUrlGuard({
			allowPrivate: parseAllowList(config.webhooks.allowPrivate).entries,
			ownPort: config.http.port,
		});
		const { maxPerHost } = config.webhooks;
		const client = new UndiciWebhookClient({ guard, maxConnectionsPerOrigin: maxPerHost });
		started.push(() => client.close());
		const userAgent = `whatisup-webhooks/${VERSION}`;
		const eventSignal = new EventSignal(clock);
		const announce = (appended: Appended) => {
			dispatcher.wake(appended);
			eventSignal.tell();
		};
		const dispatcher = new Dispatcher({
			storage,
			client,
			ids,
			clock,
			log,
			random: Math.random,
			maxPerHost,
			userAgent,
			announce,
		});

		const { webVersion, socketUrl, ...limits } = config.whatsapp;
		const version = new WebVersion({ clock, log, pinned: webVersion && [...webVersion] });
		started.push(() => version.stop());
		const proxies = new SessionProxies({
			guard,
			socketUrl: (mode) => (mode === 'test' ? network.url : socketUrl),
		});
		const driver = new BaileysDriver({
			authState: storage.authState,
			messages: storage.messages,
			clock,
			log,
			version,
			proxies,
		});
		const cron = new CronerSchedule();
		const inbound = new Inbound({ storage, driver, ids, clock, log, announce });
		const outbound = new Outbound({ storage, driver, ids, clock, log, announce });
		const sessions = new Sessions({
			storage,
			driver,
			inbound,
			outbound,
			painter: new PngQrPainter(),
			clock,
			log,
			random: Math.random,
			socketUrl: ({ id, mode }: Instance) => (mode === 'test' ? phones.socketUrl(id) : socketUrl),
			cron,
			ids,
			limits,
			announce,
		});
		const instances = new Instances({
			instances: storage.instances,
			sessions,
			cron,
			proxies,
			ids,
			clock,
		});
		const attention = new AttentionSweeper({ storage, clock, log, announce });

		const replayRunner = new ReplayRunner({ storage, dispatching: dispatcher, clock, log });
		const deletions = new DeletionSweeper({ storage, dispatching: dispatcher, ids, clock, log });
		const retention = new Retention({ ...storage, clock, log, ...config.retention });

		const databaseCheck = new DatabaseCheck(storage, clock);
		const state = { isResumed: false, url: '' };
		const baseUrl = () => config.http.publicUrl ?? state.url;
		const server = buildServer({
			authentication,
			instances,
			pairing: new Pairing({ storage, instances, sessions, ids, clock, baseUrl }),
			outbound,
			endpoints: new Endpoints({ storage, guard, dispatching: dispatcher, ids, clock }),
			endpointTest: new EndpointTest({ ...storage, client, ids, clock, userAgent }),
			diagnosis: new Diagnosis({
				storage,
				dispatching: dispatcher,
				probe: new GuardedReceiverProbe({ guard }),
				...{ ids, clock, log, userAgent },
			}),
			deliveries: new Deliveries({ storage, dispatching: dispatcher, ids, clock }),
			replays: new Replays({ storage, ids, clock }),
			groups: new Groups({ instances: storage.instances, outbound, clock }),
			eventStreams: new EventStreams({
				...storage,
				signal: eventSignal,
				clock,
				log,
				lateMs: config.databaseUrl ? LATE_EVENTS_MS : 0,
			}),
			streamTokens: new StreamTokens({ clock, pepper }),
			history: new History({ ...storage, clock }),
			testPhones: new TestPhones(phones, instances),
			health: {
				ready: async () => ({
					checks: {
						database: await databaseCheck.passes(),
						sessions_resumed: state.isResumed,
					},
					sessions: sessions.counts,
				}),
			},
			ids,
			log,
		});

		const heartbeat = new Heartbeat({ ...storage, clock, log });
		const lastAliveAt = await heartbeat.lastAliveAt();
		await heartbeat.start();
		started.push(() => heartbeat.stop());
		// What the last run left comes first: its received messages, then its deliveries.
		await inbound.recover();
		await storage.whenAlone(() => storage.queue.releaseLeases(clock.now(), LEASE_MS));
		started.push(() => inbound.idle());
		dispatcher.start();
		started.push(() => dispatcher.stop());
		replayRunner.start();
		started.push(() => replayRunner.stop());
		retention.start();
		started.push(() => retention.stop());
		deletions.start();
		started.push(() => deletions.stop());
		outbound.start();
		started.push(() => outbound.stop());
		attention.start();
		started.push(() => attention.stop());
		const url = await listen(server, config.http);
		state.url = url;
		started.push(() => server.close());
		// Only now that nothing can keep the engine from starting: new keys are shown once.
		const newKeys = await authentication.bootstrap(revealed(config.bootstrapKeys));
		// Before the server: who waits for a QR code is told at once that none will come.
		started.push(() => sessions.close());
		sessions.resume(lastAliveAt).then(
			() => (state.isResumed = true),
			(error: unknown) => log.error({ error: String(error) }, 'the sessions did not come back'),
		);
		return { url, newKeys, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function listen(
	server: ReturnType<typeof buildServer>,
	{ host, port }: Config['http'],
): Promise<string> {
	try {
		return await server.listen({ host, port });
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'EADDRINUSE') {
			throw new StartFault(
				`Port ${port} on ${host} is in use.`,
				'Stop the program that uses it (another engine, perhaps), or set WHATISUP_PORT to a free port.',
			);
		}
		if (code === 'EACCES') {
			throw new StartFault(
				`This process may not listen on port ${port}.`,
				'Set WHATISUP_PORT to a port above 1023.',
			);
		}
		if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
			throw new StartFault(
				`This machine has no address ${host}.`,
				'Set WHATISUP_HOST to 127.0.0.1, or to 0.0.0.0 to listen on every address.',
			);
		}
		throw error;
	}
}

function revealed(keys: Config['bootstrapKeys']): Partial<Record<'live' | 'test', string>> {
	const { live, test } = keys;
	return { ...(live && { live: live.reveal() }), ...(test && { test: test.reveal() }) };
}
