import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineProcess, LIVE_KEY } from '../support/engine-process.ts';
import { chatOf, pairTalkingAccounts, until } from './arrivals-accounts.ts';
import type { BareAnswers } from './arrivals-bare-main.ts';
import { figuresOf, type ArrivalFigures } from './arrivals-figures.ts';
import type { Chat, NetworkAnswers } from './arrivals-network-main.ts';
import { CalledProcess } from './arrivals-process.ts';
import type { ReceiverAnswers } from './arrivals-receiver-main.ts';
import { exportAccounts, type PairedAccount } from './paired-accounts.ts';
import { SECRETS_KEY } from './session-figures.ts';

/** The first account alone, or all the others. */
export type RunOf = 'one' | 'fifty';

export interface LoadSize {
	readonly count: number;
	/** Absent for all at once. */
	readonly perSecond?: number;
}

const CONTACTS = 10;
const MOST_SESSIONS = 200;
const SETTLE_MS = 1_000;
/** A run that takes longer is counted as it stands: what has not come by then is lost. */
const LONGEST_RUN_MS = 60_000;
/** The second repeat of a delivery comes up to 85 s after the first try. */
const LONGEST_OUTAGE_RUN_MS = 120_000;
const BEFORE_OUTAGE_MS = 2_000;

/** The engine, bare sockets, a network and a receiver, each in a process of its own. */
export class ArrivalRuns {
	readonly #folder: string;
	readonly #network = new CalledProcess<NetworkAnswers>('./arrivals-network-main.ts');
	readonly #receiver = new CalledProcess<ReceiverAnswers>('./arrivals-receiver-main.ts');
	readonly #bare = new Map<RunOf, CalledProcess<BareAnswers>>();
	#engine: EngineProcess | undefined;
	#accounts: PairedAccount[] = [];
	#bareAccounts: PairedAccount[] = [];
	#files: readonly string[] = [];
	#loads = 0;

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** Pairs one account and so many more, twice: for the engine, and for bare sockets. */
	async prepare({ instances }: { readonly instances: number }): Promise<void> {
		const count = 1 + instances;
		const lender = await this.#startEngine('bare');
		this.#bareAccounts = await this.#pair(lender, count);
		await lender.stop();
		const exported = await exportAccounts({
			database: join(this.#folder, 'bare', 'engine.sqlite'),
			secretsKey: SECRETS_KEY,
			accounts: this.#bareAccounts,
			into: join(this.#folder, 'exported'),
		});
		this.#files = exported.map(({ file }) => file);
		this.#engine = await this.#startEngine('engine');
		this.#accounts = await this.#pair(this.#engine, count);
	}

	async engine(of: RunOf, size: LoadSize): Promise<ArrivalFigures> {
		const path = `/load-${this.#loads}`;
		const endpoint = await this.#addEndpoint(path);
		await sleep(SETTLE_MS);
		await this.#load(
			chosen(this.#accounts, of).map((account) => chatOf(account, 0)),
			size,
		);
		await this.#arrived(() => this.#receiver.call('accepted', path), size.count);
		await this.#removeEndpoint(endpoint);
		return this.#figuresAt(path);
	}

	async bare(of: RunOf, size: LoadSize): Promise<ArrivalFigures> {
		const sockets = this.#bare.get(of) ?? (await this.#openBare(of));
		await sockets.call('forget');
		await sleep(SETTLE_MS);
		await this.#load(
			chosen(this.#bareAccounts, of).map((account) => chatOf(account, 0)),
			size,
		);
		await this.#arrived(() => sockets.call('heard'), size.count);
		return figuresOf(await this.#network.call('sent'), await sockets.call('arrivals'));
	}

	/** Two receivers of the same events, each out of order for its time. */
	async outages(options: {
		readonly count: number;
		readonly perSecond: number;
		readonly outage500Ms: number;
		readonly outage404Ms: number;
	}): Promise<{ after500: ArrivalFigures; after404: ArrivalFigures }> {
		const endpoints = [await this.#addEndpoint('/500'), await this.#addEndpoint('/404')];
		const fail = async (status: number, forMs: number) => {
			await sleep(BEFORE_OUTAGE_MS);
			await this.#receiver.call('answer', `/${status}`, status);
			await sleep(forMs);
			await this.#receiver.call('answer', `/${status}`, 200);
		};
		await Promise.all([
			this.#load(this.#contacts(), options),
			fail(500, options.outage500Ms),
			fail(404, options.outage404Ms),
		]);
		for (const path of ['/500', '/404']) {
			const accepted = () => this.#receiver.call('accepted', path);
			await this.#arrived(accepted, options.count, LONGEST_OUTAGE_RUN_MS);
		}
		for (const endpoint of endpoints) await this.#removeEndpoint(endpoint);
		return { after500: await this.#figuresAt('/500'), after404: await this.#figuresAt('/404') };
	}

	/** The engine is killed when half of the events have arrived, and started again. */
	async killed(size: LoadSize): Promise<ArrivalFigures> {
		const accepted = () => this.#receiver.call('accepted', '/kill');
		const endpoint = await this.#addEndpoint('/kill');
		await this.#load(this.#contacts(), size);
		await until(async () => (await accepted()) >= size.count / 2, 'half of the events');
		this.#engine!.kill('SIGKILL');
		await this.#engine!.exited;
		this.#engine = await this.#startEngine('engine');
		await this.#arrived(async () => new Set(await this.#texts('/kill')).size, size.count);
		await sleep(SETTLE_MS);
		await this.#removeEndpoint(endpoint);
		return this.#figuresAt('/kill');
	}

	async stop(): Promise<void> {
		this.#engine?.kill('SIGKILL');
		await this.#engine?.exited;
		for (const sockets of this.#bare.values()) await sockets.stop();
		await this.#network.stop();
		await this.#receiver.stop();
	}

	async #load(chats: readonly Chat[], { count, perSecond }: LoadSize): Promise<void> {
		const load = { name: `load ${this.#loads++}`, chats, count };
		if (perSecond === undefined) await this.#network.call('burst', load);
		else await this.#network.call('pace', load, perSecond);
	}

	async #arrived(count: () => Promise<number>, expected: number, withinMs = LONGEST_RUN_MS) {
		const lastAt = Date.now() + withinMs;
		while ((await count()) < expected && Date.now() < lastAt) await sleep(100);
	}

	async #figuresAt(path: string): Promise<ArrivalFigures> {
		const sent = await this.#network.call('sent');
		return figuresOf(sent, await this.#receiver.call('arrivals', path));
	}

	async #texts(path: string): Promise<string[]> {
		return (await this.#receiver.call('arrivals', path)).map(({ text }) => text);
	}

	/** All of the first account. */
	#contacts(): Chat[] {
		return Array.from({ length: CONTACTS }, (_, contact) => chatOf(this.#accounts[0]!, contact));
	}

	async #pair(engine: EngineProcess, count: number): Promise<PairedAccount[]> {
		const [first] = await pairTalkingAccounts(engine, this.#network, {
			count: 1,
			contacts: CONTACTS,
		});
		const others = { count: count - 1, contacts: 1 };
		return [first!, ...(await pairTalkingAccounts(engine, this.#network, others))];
	}

	async #openBare(of: RunOf): Promise<CalledProcess<BareAnswers>> {
		const sockets = new CalledProcess<BareAnswers>('./arrivals-bare-main.ts');
		this.#bare.set(of, sockets);
		await sockets.call('open', await this.#network.call('url'), chosen(this.#files, of));
		return sockets;
	}

	async #startEngine(dataDir: string): Promise<EngineProcess> {
		return EngineProcess.start({
			dataDir: join(this.#folder, dataDir),
			env: {
				SECRETS_KEY,
				WHATSAPP_SOCKET_URL: await this.#network.call('url'),
				WEBHOOK_ALLOW_PRIVATE: `127.0.0.1:${await this.#receiver.call('port')}`,
				MAX_SESSIONS_PER_WORKER: String(MOST_SESSIONS),
			},
		});
	}

	async #addEndpoint(path: string): Promise<string> {
		const url = `http://127.0.0.1:${await this.#receiver.call('port')}${path}`;
		const endpoint = { url, events: ['message.received'] };
		const added = await this.#engine!.call<{ id: string }>(
			'POST',
			'/v1/webhook-endpoints',
			endpoint,
			LIVE_KEY,
		);
		return added.id;
	}

	async #removeEndpoint(id: string): Promise<void> {
		await this.#engine!.call('DELETE', `/v1/webhook-endpoints/${id}`, undefined, LIVE_KEY);
	}
}

function chosen<T>(all: readonly T[], of: RunOf): readonly T[] {
	return of === 'one' ? all.slice(0, 1) : all.slice(1);
}
