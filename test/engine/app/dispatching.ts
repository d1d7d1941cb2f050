import { Dispatcher } from '../../../engine/src/app/dispatcher.ts';
import type { Attempt } from '../../../engine/src/app/ports.ts';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../../engine/src/net/webhook-client.ts';
import { TestEngineStore } from '../../support/engine-store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Receiver } from '../../support/receiver.ts';
import { eventually, ids, silentLog } from '../../support/system.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** A dispatcher on a real database with a real client, under a clock that can be moved. */
export class Dispatching {
	readonly store: TestEngineStore;
	readonly clock = new ManualClock();
	readonly client = new UndiciWebhookClient({ guard: new ResolvingUrlGuard({ allowPrivate: [] }) });
	readonly #receivers: Receiver[] = [];
	readonly #dispatchers: Dispatcher[] = [];
	instanceId!: InstanceId;

	static async open(): Promise<Dispatching> {
		const dispatching = new Dispatching(await TestEngineStore.open());
		dispatching.instanceId = await dispatching.store.addInstance();
		return dispatching;
	}

	private constructor(store: TestEngineStore) {
		this.store = store;
	}

	async receiver(): Promise<Receiver> {
		const receiver = await new Receiver().start();
		this.#receivers.push(receiver);
		return receiver;
	}

	start(options: Partial<ConstructorParameters<typeof Dispatcher>[0]> = {}): Dispatcher {
		const dispatcher: Dispatcher = new Dispatcher({
			storage: this.store.storage,
			client: this.client,
			ids,
			clock: this.clock,
			log: silentLog,
			random: () => 0.5,
			maxPerHost: 4,
			userAgent: 'whatisup-webhooks/1.2.3',
			announce: (appended) => dispatcher.wake(appended),
			...options,
		});
		this.#dispatchers.push(dispatcher);
		dispatcher.start();
		return dispatcher;
	}

	/** Waits until every delivery has one of these statuses. */
	async settled(...statuses: string[]): Promise<void> {
		await eventually(
			async () => (await this.store.statuses()).every((status) => statuses.includes(status)),
			{ what: `every delivery to be ${statuses.join(' or ')}` },
		);
	}

	async attempts(): Promise<Attempt[]> {
		const [delivery] = await this.store.deliveries();
		return [...(await this.store.storage.deliveries.attempts(delivery!.id))];
	}

	async close(): Promise<void> {
		for (const receiver of this.#receivers) await receiver.stop();
		for (const dispatcher of this.#dispatchers) await dispatcher.stop();
		await this.client.close();
		this.clock.stop();
		await this.store.close();
	}
}
