import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DialectName } from '../../engine/src/storage/schema.ts';
import { NetworkProcess } from '../bench/network-process.ts';
import { readBooks, type Books } from './chaos-books.ts';
import { Chance } from './chaos-chance.ts';
import { ChaosReceiver, flapping, hanging, prompt, RefusingPort, slow } from './chaos-receivers.ts';
import { EngineProcess, LIVE_KEY, temporaryDir } from './engine-process.ts';
import { freshDatabase } from './postgres.ts';
import { eventually } from './system.ts';

export const MANNERS = ['fast', 'slow', 'flapping', 'hanging', 'refusing'] as const;
export type Manner = (typeof MANNERS)[number];

export interface SentMessage {
	/** The contact and the account, which make the chat. */
	readonly chat: string;
	readonly text: string;
}

export interface LoggedAttempts {
	readonly deliveryId: string;
	readonly attempts: readonly { readonly attempt: number; readonly status: number | null }[];
}

interface Endpoint {
	readonly id: string;
	readonly secret: string;
}

interface DeliveryPage {
	readonly data: readonly { readonly id: string }[];
	readonly next_cursor: string | null;
}

interface Moment {
	/** So many events have reached the fast receiver. */
	readonly events: number;
	readonly thenMs: number;
}

const INSTANCES = 3;
const CONTACTS = 12;
const MESSAGES = 2_000;
const KILLS = 3;
const LOGS_OF_EACH = 8;
/** Enough for the slow receiver to keep up: it takes three quarters of it at a time. */
const MAX_PER_HOST = 32;
const PATIENCE_MS = 60_000;
const SECRET = 'c'.repeat(40);

/**
 * Two thousand messages of simulated contacts on their way through an engine, which is killed three
 * times, to five receivers. The network and the receivers outlive the engine, as in the world.
 */
export class ChaosRun {
	readonly #dialect: DialectName;
	readonly #chance: Chance;
	readonly receivers: Readonly<Record<Exclude<Manner, 'refusing'>, ChaosReceiver>>;
	readonly endpoints = new Map<Manner, Endpoint>();
	readonly sent: SentMessage[] = [];
	/** What ended the engine, each time. */
	readonly ends: { code: number | null; signal: NodeJS.Signals | null }[] = [];
	/** What the API tells of some deliveries of each endpoint. */
	readonly logs: LoggedAttempts[] = [];
	readonly #refusing = new RefusingPort();
	#network: NetworkProcess | undefined;
	#dir: Awaited<ReturnType<typeof temporaryDir>> | undefined;
	#databaseUrl: string | undefined;
	#engine: EngineProcess | undefined;
	#accounts: string[] = [];
	#beganAt = 0;

	constructor(dialect: DialectName, seed: number) {
		this.#dialect = dialect;
		this.#chance = new Chance(seed);
		this.receivers = {
			fast: new ChaosReceiver(prompt),
			slow: new ChaosReceiver(slow(this.#chance.fork())),
			flapping: new ChaosReceiver(flapping(this.#chance.fork())),
			hanging: new ChaosReceiver(hanging),
		};
	}

	async start(): Promise<void> {
		this.#network = await NetworkProcess.start({ receiptDelayMs: 20 });
		this.#dir = await temporaryDir();
		if (this.#dialect === 'postgres') this.#databaseUrl = await freshDatabase('chaos');
		await this.#refusing.start();
		for (const receiver of Object.values(this.receivers)) await receiver.start();
		this.#engine = await this.#startEngine();
		for (const manner of MANNERS) await this.#subscribe(manner);
		const names = Array.from({ length: INSTANCES }, (_, n) => `shop ${n}`);
		this.#accounts = await Promise.all(names.map((name) => this.#pair(name)));
	}

	/** Resolves when all is said and the engine has been killed for the last time. */
	async messagesAndKills(): Promise<void> {
		this.#beganAt = Date.now();
		await Promise.all([this.#write(), this.#kill(this.#moments())]);
	}

	/** Waits until whatever can be settled is, and the broken receivers are left alone. */
	async settle(): Promise<void> {
		await patiently('the acknowledgement of every message', async () => {
			const devices = await this.#network!.devices();
			return devices.every(({ connected, undelivered }) => connected && undelivered === 0);
		});
		await patiently('every message at the fast receiver', () => {
			return this.receivers.fast.messages.size >= MESSAGES;
		});
		for (const manner of ['fast', 'slow'] as const) {
			for (const status of ['pending', 'retrying']) {
				await patiently(`an end of the deliveries to ${manner} that are ${status}`, async () => {
					return !(await this.#newest(`endpoint_id=${this.idOf(manner)}&status=${status}`));
				});
			}
		}
		for (const manner of ['hanging', 'refusing'] as const) {
			await patiently(`the open circuit of the ${manner} receiver`, async () => {
				const path = `/v1/webhook-endpoints/${this.idOf(manner)}`;
				const { circuit } = await this.#call<{ circuit: { state: string } }>('GET', path);
				return circuit.state !== 'closed';
			});
		}
		for (const manner of MANNERS) await this.#readLogs(manner);
	}

	/** Stops the engine and reads what it leaves behind. */
	async close(): Promise<Books> {
		// The engine waits for the requests that are under way.
		await this.receivers.hanging.stop();
		this.ends.push(await this.#engine!.stop());
		const url = this.#databaseUrl;
		return readBooks(
			url === undefined ? { file: join(this.#dir!.path, 'engine.sqlite') } : { url },
		);
	}

	async dispose(): Promise<void> {
		this.#engine?.kill('SIGKILL');
		for (const receiver of Object.values(this.receivers)) await receiver.stop();
		await this.#refusing.stop();
		await this.#network?.stop();
		await this.#engine?.exited;
		await this.#dir?.dispose();
	}

	idOf(manner: Manner): string {
		return this.endpoints.get(manner)!.id;
	}

	trouble(): Promise<readonly string[]> {
		return this.#network!.trouble();
	}

	async #write(): Promise<void> {
		const chance = this.#chance.fork();
		for (let n = 0; n < MESSAGES; n++) {
			const from = `44794600${chance.between(10_000, 10_000 + CONTACTS - 1)}`;
			const to = chance.pick(this.#accounts);
			const text = `message ${n} of ${from} to ${to}`;
			await this.#network!.sendText({ from, to, text });
			this.sent.push({ chat: `${from} ${to}`, text });
		}
	}

	#moments(): Moment[] {
		const chance = this.#chance.fork();
		const moments = Array.from({ length: KILLS }, () => ({
			events: chance.between(1, Math.floor(MESSAGES * 0.95)),
			thenMs: chance.between(0, 100),
		}));
		return moments.sort((a, b) => a.events - b.events);
	}

	async #kill(moments: readonly Moment[]): Promise<void> {
		for (const { events, thenMs } of moments) {
			await patiently(`event ${events} at the fast receiver`, () => {
				return this.receivers.fast.messages.size >= events;
			});
			await sleep(thenMs);
			this.#engine!.kill('SIGKILL');
			this.ends.push(await this.#engine!.exited);
			this.#engine = await this.#startEngine();
		}
	}

	async #subscribe(manner: Manner): Promise<void> {
		const endpoint = await this.#call<{ id: string; signing_secret: string }>(
			'POST',
			'/v1/webhook-endpoints',
			{ url: `http://127.0.0.1:${this.#portOf(manner)}/${manner}`, events: ['*'] },
		);
		this.endpoints.set(manner, { id: endpoint.id, secret: endpoint.signing_secret });
	}

	async #pair(name: string): Promise<string> {
		const { id } = await this.#call<{ id: string }>('POST', '/v1/instances', { name });
		const { code } = await this.#call<{ code: string }>('GET', `/v1/instances/${id}/qr`);
		const { phoneNumber } = await this.#network!.scanQr(code);
		await patiently(`the connection of ${name}`, async () => {
			const { state } = await this.#call<{ state: string }>('GET', `/v1/instances/${id}`);
			return state === 'connected';
		});
		return phoneNumber;
	}

	async #readLogs(manner: Manner): Promise<void> {
		for (let n = 0; n < LOGS_OF_EACH; n++) {
			const to = new Date(this.#chance.between(this.#beganAt, Date.now())).toISOString();
			const delivery = await this.#newest(`endpoint_id=${this.idOf(manner)}&to=${to}`);
			const path = `/v1/webhook-deliveries/${delivery!.id}/attempts`;
			const { data } = await this.#call<{ data: LoggedAttempts['attempts'] }>('GET', path);
			const attempts = data.map(({ attempt, status }) => ({ attempt, status }));
			this.logs.push({ deliveryId: delivery!.id, attempts });
		}
	}

	async #newest(filter: string): Promise<{ readonly id: string } | undefined> {
		const path = `/v1/webhook-deliveries?${filter}&limit=1`;
		let cursor = '';
		for (;;) {
			const page = await this.#call<DeliveryPage>('GET', path + cursor);
			// A page that looked long enough may be empty and not the last.
			if (page.data.length > 0 || page.next_cursor === null) return page.data[0];
			cursor = `&cursor=${page.next_cursor}`;
		}
	}

	#portOf(manner: Manner): number {
		return manner === 'refusing' ? this.#refusing.port : this.receivers[manner].port;
	}

	#startEngine(): Promise<EngineProcess> {
		const url = this.#databaseUrl;
		const database =
			url === undefined ? {} : { DATABASE_URL: url, SECRETS_KEY: SECRET, API_KEY_PEPPER: SECRET };
		return EngineProcess.start({
			dataDir: this.#dir!.path,
			env: {
				...database,
				WHATSAPP_SOCKET_URL: this.#network!.url,
				WEBHOOK_ALLOW_PRIVATE: MANNERS.map((manner) => `127.0.0.1:${this.#portOf(manner)}`).join(),
				WEBHOOK_MAX_PER_HOST: String(MAX_PER_HOST),
			},
		});
	}

	#call<T>(method: string, path: string, body?: unknown): Promise<T> {
		return this.#engine!.call<T>(method, path, body, LIVE_KEY);
	}
}

function patiently(what: string, probe: () => boolean | Promise<boolean>): Promise<unknown> {
	return eventually(probe, { withinMs: PATIENCE_MS, what });
}
