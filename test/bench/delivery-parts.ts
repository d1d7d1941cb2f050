import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Agent } from 'undici';
import { webhookHeaders } from '../../engine/src/app/webhook-headers.ts';
import type { DeliveryId, EndpointId, EventId } from '../../engine/src/domain/ids.ts';
import { MAX_PER_HOST, PER_COMMIT, SECRET } from './delivery-engine.ts';
import type { Asked, ClaimedPart } from './delivery-parts-thread.ts';

const ENDPOINT = 'wh_0198f3c4-0000-7000-8000-000000000000' as EndpointId;

/** Claims the next before these are gone, so that there is always something to send. */
const FEW = 128;

/**
 * What no engine can do without that keeps and signs every delivery, put together with as little as
 * possible between: the SQLite statements in a thread, undici, the two signatures. There is no
 * order, no guard, no circuit and no log. So it tells how much of the bare loop can be had at all.
 */
export class DeliveryParts {
	readonly #thread: Worker;
	readonly #waiting: ((claimed: readonly ClaimedPart[]) => void)[] = [];
	readonly #agent = new Agent({ connections: MAX_PER_HOST });
	readonly #url: URL;
	#queue: ClaimedPart[] = [];
	#settled: string[] = [];
	#isTurning = false;
	#left = 0;

	/** On the database that an engine has left behind. */
	constructor(file: string, url: string) {
		this.#url = new URL(url);
		this.#thread = new Worker(new URL('./delivery-parts-thread.ts', import.meta.url), {
			workerData: file,
		});
		this.#thread.on('message', (claimed: readonly ClaimedPart[]) =>
			this.#waiting.shift()!(claimed),
		);
	}

	/** Appends, sends and settles so many; answers how many a second. */
	async run(deliveries: number): Promise<number> {
		this.#left = deliveries;
		const begunAt = performance.now();
		await Promise.all([
			this.#append(deliveries),
			...Array.from({ length: MAX_PER_HOST }, () => this.#send()),
		]);
		return deliveries / ((performance.now() - begunAt) / 1_000);
	}

	async stop(): Promise<void> {
		await this.#agent.close();
		await this.#thread.terminate();
	}

	async #append(deliveries: number): Promise<void> {
		for (let written = 0; written < deliveries; written += PER_COMMIT) {
			await this.#ask({ append: PER_COMMIT });
		}
	}

	async #send(): Promise<void> {
		const { origin, pathname: path } = this.#url;
		while (this.#left > 0) {
			if (this.#queue.length < FEW) void this.#turn();
			const next = this.#queue.shift();
			if (next === undefined) {
				await sleep(1);
				continue;
			}
			const [id, eventId, text] = next;
			const body = Buffer.from(text);
			const headers = webhookHeaders({
				userAgent: 'whatisup-webhooks/bench',
				secrets: [SECRET],
				event: 'message.received',
				eventId: eventId as EventId,
				endpointId: ENDPOINT,
				deliveryId: id as DeliveryId,
				attempt: 1,
				correlationId: null,
				nowSeconds: Math.floor(Date.now() / 1_000),
				body,
			});
			const answer = await this.#agent.request({ origin, path, method: 'POST', headers, body });
			await answer.body.dump();
			this.#settled.push(id);
		}
	}

	/** Settles what was sent and claims the next. */
	async #turn(): Promise<void> {
		if (this.#isTurning) return;
		this.#isTurning = true;
		const settle = this.#settled;
		this.#settled = [];
		this.#queue.push(...(await this.#ask({ settle })));
		this.#left -= settle.length;
		this.#isTurning = false;
	}

	#ask(asked: Asked): Promise<readonly ClaimedPart[]> {
		return new Promise((resolve) => {
			this.#waiting.push(resolve);
			this.#thread.postMessage(asked);
		});
	}
}
