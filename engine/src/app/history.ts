import { EngineError } from '../domain/errors.ts';
import type { InstanceId, TransitionId } from '../domain/ids.ts';
import { INCIDENT, isDrop } from '../domain/incident.ts';
import type { Scope } from '../domain/scope.ts';
import { dropsWithin, measureUptime, type TimeRange, type Uptime } from '../domain/uptime.ts';
import type {
	Clock,
	Instance,
	InstanceStore,
	Page,
	TimedTransition,
	Transition,
	TransitionStore,
} from './ports.ts';

export interface HistoryOptions {
	readonly instances: InstanceStore;
	readonly transitions: TransitionStore;
	readonly clock: Clock;
}

export interface FlaggedTransition extends TimedTransition {
	/** Other instances lost their connection with it: `domain/incident.ts` says when it is one. */
	readonly incident: boolean;
}

export interface UptimeRequest {
	/** By default 24 hours before `to`. */
	readonly from?: number | undefined;
	/** By default now. */
	readonly to?: number | undefined;
	/** By default every instance of the scope, page by page. */
	readonly instanceId?: InstanceId | undefined;
}

export interface InstanceUptime extends Uptime {
	readonly id: InstanceId;
	readonly name: string;
	/** How many of its drops are part of an incident. */
	readonly incidents: number;
}

export interface UptimeReport extends TimeRange {
	readonly instances: readonly InstanceUptime[];
}

const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_RANGE_MS = DAY_MS;

/** Long enough for a month; it bounds the hours in an answer, a hundred instances times 745. */
const MAX_RANGE_DAYS = 31;

/** What has become of instances over time, for audits. Deleted instances are not shown. */
export class History {
	readonly #options: HistoryOptions;

	constructor(options: HistoryOptions) {
		this.#options = options;
	}

	/** Newest first. */
	async transitions(scope: Scope, id: InstanceId, page: Page): Promise<FlaggedTransition[]> {
		await this.#get(scope, id);
		const transitions = await this.#options.transitions.list(id, page);
		const inIncident = await this.#incidentsAmong(transitions);
		return transitions.map((transition) => ({
			...transition,
			incident: inIncident.has(transition.id),
		}));
	}

	/** The instances in the order of their list, newest first. */
	async uptime(scope: Scope, request: UptimeRequest, page: Page): Promise<UptimeReport> {
		const { instances, transitions, clock } = this.#options;
		const now = clock.now();
		const range = toRange(request, now);
		const shown = request.instanceId
			? [await this.#get(scope, request.instanceId)]
			: await instances.list(scope, page);
		const rows = await transitions.listBetween(
			shown.map(({ id }) => id),
			range,
		);
		const inIncident = await this.#incidentsAmong(dropsWithin(rows, range));
		const changesOf = byInstance(rows);
		return {
			...range,
			instances: shown.map(({ id, name, createdAt }) => {
				const changes = changesOf.get(id) ?? [];
				return {
					id,
					name,
					...measureUptime({ createdAt, knownUntil: now, changes }, range),
					incidents: changes.filter((change) => inIncident.has(change.id)).length,
				};
			}),
		};
	}

	async #get(scope: Scope, id: InstanceId): Promise<Instance> {
		const instance = await this.#options.instances.find(scope, id);
		if (!instance) throw new EngineError('instance_not_found');
		return instance;
	}

	/** Asks once for all of them. */
	#incidentsAmong(rows: readonly Transition[]): Promise<ReadonlySet<TransitionId>> {
		const drops = rows.filter(isDrop).map(({ id }) => id);
		return this.#options.transitions.findInIncident(drops, INCIDENT);
	}
}

function byInstance(rows: readonly Transition[]): ReadonlyMap<InstanceId, Transition[]> {
	const groups = new Map<InstanceId, Transition[]>();
	for (const row of rows) {
		const group = groups.get(row.instanceId);
		if (group) group.push(row);
		else groups.set(row.instanceId, [row]);
	}
	return groups;
}

function toRange({ from, to }: UptimeRequest, now: number): TimeRange {
	const range = { from: from ?? (to ?? now) - DEFAULT_RANGE_MS, to: to ?? now };
	if (range.from >= range.to) {
		throw refusal(
			'must be before to, which is the present unless it is given',
			'Send a from that is earlier, or a later to.',
		);
	}
	if (range.to - range.from > MAX_RANGE_DAYS * DAY_MS) {
		throw refusal(
			`must be at most ${MAX_RANGE_DAYS} days before to, which is the present unless it is given`,
			'Ask for one month after the other; hours, drops and times add up.',
		);
	}
	return range;
}

function refusal(message: string, hint: string): EngineError {
	return new EngineError('invalid_request', { issues: [{ path: 'from', message }] }, { hint });
}
