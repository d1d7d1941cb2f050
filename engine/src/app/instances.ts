import { EngineError } from '../domain/errors.ts';
import type { InstanceId } from '../domain/ids.ts';
import { NEW_INSTANCE, type InstanceState } from '../domain/instance.ts';
import type { Scope } from '../domain/scope.ts';
import type { Clock, IdSource, Instance, InstanceChange, InstanceStore, Page } from './ports.ts';
import type { QrCode, Sessions } from './sessions.ts';

export interface InstancesOptions {
	readonly instances: InstanceStore;
	readonly sessions: Sessions;
	readonly ids: IdSource;
	readonly clock: Clock;
}

/** How long a request for a QR code waits for WhatsApp to send one. */
const QR_WAIT_MS = 10_000;

/** What a caller does with instances. */
export class Instances {
	readonly #options: InstancesOptions;

	constructor(options: InstancesOptions) {
		this.#options = options;
	}

	async create(
		scope: Scope,
		{ name, metadata = {} }: { name: string; metadata?: Record<string, unknown> | undefined },
	): Promise<Instance> {
		const { instances, ids, clock } = this.#options;
		const now = clock.now();
		const instance: Instance = {
			id: ids.next('inst'),
			...scope,
			name,
			metadata,
			status: NEW_INSTANCE,
			statusSince: now,
			account: null,
			lastSeenAt: null,
			createdAt: now,
			updatedAt: now,
		};
		await instances.add(instance);
		return instance;
	}

	list(scope: Scope, page: Page): Promise<Instance[]> {
		return this.#options.instances.list(scope, page);
	}

	async get(scope: Scope, id: InstanceId): Promise<Instance> {
		const instance = await this.#options.instances.find(scope, id);
		if (!instance) throw new EngineError('instance_not_found');
		return instance;
	}

	async change(
		scope: Scope,
		id: InstanceId,
		change: Pick<InstanceChange, 'name' | 'metadata'>,
	): Promise<Instance> {
		await this.get(scope, id);
		const { instances, clock } = this.#options;
		const changed = await instances.change(id, change, clock.now());
		if (!changed) throw new EngineError('instance_not_found');
		return changed;
	}

	async remove(scope: Scope, id: InstanceId): Promise<void> {
		await this.get(scope, id);
		const { instances, sessions, clock } = this.#options;
		await sessions.remove(id, () => instances.remove(id, clock.now()));
	}

	async start(scope: Scope, id: InstanceId): Promise<Instance> {
		await this.get(scope, id);
		await this.#options.sessions.start(id);
		return this.get(scope, id);
	}

	async stop(scope: Scope, id: InstanceId): Promise<Instance> {
		await this.get(scope, id);
		await this.#options.sessions.stop(id);
		return this.get(scope, id);
	}

	/** Starts an instance that waits to be paired and answers its QR code as soon as there is one. */
	async qr(scope: Scope, id: InstanceId): Promise<QrCode> {
		const { sessions, clock } = this.#options;
		const until = clock.now() + QR_WAIT_MS;
		const { state } = (await this.get(scope, id)).status;
		if (state === 'pending' || state === 'logged_out') await sessions.start(id);
		for (;;) {
			sessions.refuseWhenStopping();
			const { changes } = sessions;
			const { status } = await this.get(scope, id);
			const qr = sessions.qrOf(id);
			if (qr && status.state === 'qr') return qr;
			const remainingMs = until - clock.now();
			const mayCome = status.state === 'starting' || status.state === 'qr';
			if (!mayCome || remainingMs <= 0) {
				throw new EngineError(
					'no_qr',
					{ state: status.state, reason: status.reason },
					{ hint: NO_QR_HINT[status.state] },
				);
			}
			await sessions.changed(id, changes, remainingMs);
		}
	}
}

const NO_QR_HINT: Readonly<Record<InstanceState, string>> = {
	pending: 'The QR codes ran out unscanned. Ask for the QR code again to get new ones.',
	starting: 'WhatsApp has not sent a QR code yet. Try again in a few seconds.',
	qr: 'WhatsApp has not sent a QR code yet. Try again in a few seconds.',
	connected: 'The instance is connected: there is nothing to scan.',
	reconnecting: 'The instance is paired and reconnects by itself: there is nothing to scan.',
	stopped: 'The instance was stopped. Start it first, then ask for the QR code.',
	logged_out: 'The phone unlinked the instance. Ask again to get a new QR code.',
	failed: 'The instance failed; see details.reason. Start it to try again.',
};
