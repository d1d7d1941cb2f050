import { parseRecipient, phoneOf } from '../domain/address.ts';
import { EngineError } from '../domain/errors.ts';
import { DEFAULT_HEAL_POLICY, withinLastHour } from '../domain/healing.ts';
import type { InstanceId } from '../domain/ids.ts';
import { NEW_INSTANCE, type InstanceState } from '../domain/instance.ts';
import type { Scope } from '../domain/scope.ts';
import type { QrCode } from './held-sessions.ts';
import type {
	Account,
	Clock,
	CronSchedule,
	HealPolicy,
	IdSource,
	Instance,
	InstanceStore,
	Page,
	ProxyGuard,
} from './ports.ts';
import type { Sessions } from './sessions.ts';

export interface InstancesOptions {
	readonly instances: InstanceStore;
	readonly sessions: Sessions;
	readonly cron: CronSchedule;
	readonly proxies: ProxyGuard;
	readonly ids: IdSource;
	readonly clock: Clock;
}

/** What callers may set. A field that is left out keeps its value, or gets the default. */
export interface InstanceSettings {
	readonly name?: string | undefined;
	readonly metadata?: Readonly<Record<string, unknown>> | undefined;
	readonly group?: string | null | undefined;
	readonly priority?: number | undefined;
	readonly expectedPhoneNumber?: string | null | undefined;
	readonly heal?: Partial<Unset<HealPolicy>> | undefined;
	/** URL with its credentials. */
	readonly proxyUrl?: string | null | undefined;
}

type Unset<T> = { readonly [Field in keyof T]: T[Field] | undefined };

/** Whether the phone took the instance off its list, as far as WhatsApp said so. */
export interface Unlinking {
	readonly instance: Instance;
	readonly confirmed: boolean;
}

/** How long a request for a QR code waits for WhatsApp to send one. */
const QR_WAIT_MS = 10_000;

const DEFAULT_PRIORITY = 100;

/** What a caller does with instances. */
export class Instances {
	readonly #options: InstancesOptions;

	constructor(options: InstancesOptions) {
		this.#options = options;
	}

	async create(
		scope: Scope,
		{ name, ...settings }: InstanceSettings & { readonly name: string },
	): Promise<Instance> {
		const { instances, ids, clock } = this.#options;
		const checked = await this.#checked(scope, settings);
		const now = clock.now();
		const instance: Instance = {
			id: ids.next('inst'),
			...scope,
			name,
			metadata: checked.metadata ?? {},
			status: NEW_INSTANCE,
			statusSince: now,
			account: null,
			group: checked.group ?? null,
			priority: checked.priority ?? DEFAULT_PRIORITY,
			expectedPhoneNumber: checked.expectedPhoneNumber ?? null,
			heal: merged(DEFAULT_HEAL_POLICY, checked.heal),
			healedAt: [],
			proxyUrl: checked.proxyUrl ?? null,
			restrictedUntil: null,
			attentionLevel: 0,
			attentionDueAt: null,
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

	/** A new proxy counts from the next connection on. */
	async change(scope: Scope, id: InstanceId, settings: InstanceSettings): Promise<Instance> {
		const { heal } = await this.get(scope, id);
		const { instances, sessions, clock } = this.#options;
		const checked = await this.#checked(scope, settings);
		const change = { ...checked, heal: checked.heal && merged(heal, checked.heal) };
		const changed = await instances.change(id, change, clock.now());
		if (!changed) throw new EngineError('instance_not_found');
		sessions.reconsider(changed);
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

	async restart(scope: Scope, id: InstanceId): Promise<Instance> {
		await this.get(scope, id);
		await this.#options.sessions.restart(id);
		return this.get(scope, id);
	}

	async logout(scope: Scope, id: InstanceId): Promise<Unlinking> {
		await this.get(scope, id);
		const confirmed = await this.#options.sessions.logout(id);
		return { instance: await this.get(scope, id), confirmed };
	}

	/** How often the engine has restarted the instance by itself within the last hour. */
	restartsLastHour({ healedAt }: Instance): number {
		return withinLastHour(healedAt, this.#options.clock.now()).length;
	}

	/** The linked WhatsApp account. */
	async me(scope: Scope, id: InstanceId): Promise<Account> {
		const { account, status } = await this.get(scope, id);
		if (!account) throw new EngineError('not_paired', { state: status.state });
		return account;
	}

	/** Starts an instance that waits to be paired and answers its QR code as soon as there is one. */
	async qr(scope: Scope, id: InstanceId): Promise<QrCode> {
		const { sessions, clock } = this.#options;
		const until = clock.now() + QR_WAIT_MS;
		const { state } = (await this.get(scope, id)).status;
		if (state === 'pending' || state === 'logged_out') await sessions.start(id);
		for (;;) {
			sessions.refuseWhenStopping();
			const since = sessions.changes.count;
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
			await sessions.changes.next(id, since, remainingMs);
		}
	}

	async #checked(scope: Scope, settings: InstanceSettings): Promise<InstanceSettings> {
		const { cron, proxies } = this.#options;
		const { expectedPhoneNumber, heal, proxyUrl } = settings;
		const schedule = heal?.scheduledRestart;
		const fault = schedule && cron.faultOf(schedule.cron, schedule.timeZone);
		if (fault) throw invalid('heal.scheduled_restart', fault);
		if (proxyUrl) {
			const verdict = await proxies.check(proxyUrl, scope.mode);
			if (!verdict.ok) {
				throw new EngineError(verdict.code, { reason: verdict.reason }, { hint: verdict.hint });
			}
		}
		if (!expectedPhoneNumber) return settings;
		const digits = phoneOf(parseRecipient(expectedPhoneNumber) ?? '');
		if (!digits)
			throw invalid('expected_phone_number', 'is not a phone number with its country code');
		return { ...settings, expectedPhoneNumber: digits };
	}
}

function merged(policy: HealPolicy, change: InstanceSettings['heal'] = {}): HealPolicy {
	const given = Object.entries(change).filter(([, value]) => value !== undefined);
	return { ...policy, ...(Object.fromEntries(given) as Partial<HealPolicy>) };
}

function invalid(path: string, message: string): EngineError {
	return new EngineError('invalid_request', { issues: [{ path, message }] });
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
