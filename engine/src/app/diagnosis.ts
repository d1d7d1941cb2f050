import { diagnose, isHealthy } from '../domain/diagnosis.ts';
import {
	FAILED_DAYS,
	type BoundedCount,
	type DeliveryFacts,
	type DiagnosisFacts,
	type EventFacts,
	type InstanceFacts,
	type ReceiverFacts,
	type ReceiverResult,
} from '../domain/diagnosis-facts.ts';
import { isTooOld } from '../domain/dropping.ts';
import { EngineError } from '../domain/errors.ts';
import type { Finding } from '../domain/finding.ts';
import { firstIdAt, type EndpointId } from '../domain/ids.ts';
import { leftOut } from '../domain/left-out.ts';
import type { Scope } from '../domain/scope.ts';
import { inTime } from './in-time.ts';
import type {
	Clock,
	Delivery,
	Dispatching,
	Endpoint,
	IdSource,
	Log,
	ReceiverProbe,
	Stores,
} from './ports.ts';
import { hintFor } from './receiver-advice.ts';
import { testRequest } from './test-request.ts';

export interface DiagnosisOptions {
	readonly storage: Pick<Stores, 'endpoints' | 'deliveries' | 'events' | 'instances'>;
	readonly dispatching: Pick<Dispatching, 'circuit'>;
	readonly probe: ReceiverProbe;
	readonly ids: IdSource;
	readonly clock: Clock;
	readonly log: Log;
	readonly userAgent: string;
	/** How long to look for each fact; all are looked for side by side. */
	readonly timeoutMs?: number | undefined;
}

export interface DiagnosisReport {
	readonly endpointId: EndpointId;
	readonly checkedAt: number;
	readonly healthy: boolean;
	readonly findings: readonly Finding[];
}

/** Longer than the probe takes at worst. */
const TIMEOUT_MS = 20_000;
const DAY_MS = 86_400_000;

/** How much is looked at. What is beyond is told as "or more". */
const MOST_FAILED = 1_000;
const MOST_WAITING = 5_000;
const MOST_READ = 100;
const MOST_EVENTS = 1_000;
const MOST_ENDPOINTS = 1_000;
const MOST_RIVALS = 20;

/**
 * The doctor for webhooks: looks at an endpoint from every side, sends its receiver one signed
 * `webhook.test`, and tells what is wrong. What cannot be found out, or not in time, is a finding
 * as well: an examination always ends with a report.
 */
export class Diagnosis {
	readonly #options: DiagnosisOptions;
	/**
	 * Who asks while an examination is under way gets its report: receivers are not hammered. Not
	 * after a change, though: the key tells which state of the endpoint is examined.
	 */
	readonly #underWay = new Map<string, Promise<DiagnosisReport>>();

	constructor(options: DiagnosisOptions) {
		this.#options = options;
	}

	async examine(scope: Scope, id: EndpointId): Promise<DiagnosisReport> {
		const endpoint = await this.#options.storage.endpoints.find(scope, id);
		if (!endpoint) throw new EngineError('endpoint_not_found');
		const key = `${id} ${endpoint.updatedAt}`;
		const known = this.#underWay.get(key);
		if (known) return known;
		const examination = this.#examine(scope, endpoint).finally(() => this.#underWay.delete(key));
		this.#underWay.set(key, examination);
		return examination;
	}

	async #examine(scope: Scope, endpoint: Endpoint): Promise<DiagnosisReport> {
		const { clock, dispatching } = this.#options;
		const now = clock.now();
		const [receiver, deliveries, instances, events, rivals] = await Promise.all([
			this.#find('receiver', () => this.#probe(endpoint, now)),
			this.#find('deliveries', () => this.#deliveriesOf(scope, endpoint, now)),
			this.#find('instances', () => this.#instancesOf(scope, endpoint)),
			this.#find('events', () => this.#eventsFor(scope, endpoint, now)),
			this.#find('rivals', () => this.#rivalsOf(scope, endpoint, now)),
		]);
		const circuit = dispatching.circuit(endpoint.id);
		const facts: DiagnosisFacts = {
			...{ now, endpoint, circuit, receiver, deliveries, instances, events, rivals },
		};
		const findings = diagnose(facts);
		return { endpointId: endpoint.id, checkedAt: now, healthy: isHealthy(findings), findings };
	}

	/** `undefined` for what fails or takes too long. */
	async #find<Fact>(name: string, work: () => Promise<Fact>): Promise<Fact | undefined> {
		const { clock, log, timeoutMs = TIMEOUT_MS } = this.#options;
		try {
			return await inTime(clock, timeoutMs, work);
		} catch (error) {
			log.warn({ fact: name, error: String(error) }, 'a fact for a diagnosis was not found out');
			return undefined;
		}
	}

	async #probe(endpoint: Endpoint, now: number): Promise<ReceiverFacts> {
		const { storage, probe, ids, userAgent } = this.#options;
		const secrets = await storage.endpoints.signingSecrets(endpoint.id, now);
		const { request } = testRequest({ endpoint, secrets, ids, now, userAgent });
		const report = await probe.probe(request);
		return { ...report, advice: report.result && adviceOn(report.result, endpoint.url) };
	}

	async #deliveriesOf(
		scope: Scope,
		{ id: endpointId }: Endpoint,
		now: number,
	): Promise<DeliveryFacts> {
		const { deliveries } = this.#options.storage;
		const from = now - FAILED_DAYS * DAY_MS;
		const page = { limit: MOST_READ };
		const readOf = (status: Delivery['status']) =>
			deliveries.list(scope, { endpointId, status, from }, page);
		const [failed, pending, retrying] = await Promise.all([
			readOf('failed'),
			readOf('pending'),
			readOf('retrying'),
		]);
		const failures = {
			statuses: ['failed' as const],
			events: [],
			from,
			to: now,
			settledFrom: null,
		};
		const failedCount = await deliveries.countForReplay(endpointId, failures, MOST_FAILED);
		const waitingCount = await deliveries.countUnsettled(endpointId, MOST_WAITING);
		const waiting = [...pending.deliveries, ...retrying.deliveries];
		const dropped = failed.deliveries.filter(({ lastError }) => isTooOld(lastError ?? ''));
		return {
			failed: bounded(failedCount, MOST_FAILED),
			tooOld: { count: dropped.length, isExact: failed.next === undefined },
			waiting: bounded(waitingCount, MOST_WAITING),
			waitingSince: earliest(waiting),
			lastFailure: lastFailure([...failed.deliveries, ...retrying.deliveries]),
		};
	}

	async #instancesOf(scope: Scope, { instanceIds }: Endpoint): Promise<InstanceFacts> {
		const { instances } = this.#options.storage;
		const found = await Promise.all(instanceIds.map((id) => instances.find(scope, id)));
		const deleted = instanceIds.filter((_, index) => !found[index]);
		return { deleted, present: instanceIds.length - deleted.length };
	}

	async #eventsFor(scope: Scope, endpoint: Endpoint, now: number): Promise<EventFacts> {
		const events = await this.#options.storage.events.listAfter(scope, {
			after: firstIdAt('evt', now - DAY_MS),
			limit: MOST_EVENTS,
		});
		return { seen: bounded(events.length, MOST_EVENTS), ...leftOut(endpoint, events) };
	}

	/** Only enabled ones: the others send nothing. */
	async #rivalsOf(scope: Scope, endpoint: Endpoint, now: number): Promise<EndpointId[]> {
		const { endpoints } = this.#options.storage;
		const others = await endpoints.list(scope, { limit: MOST_ENDPOINTS });
		const sameUrl = others
			.filter(({ id, url, enabled }) => id !== endpoint.id && enabled && url === endpoint.url)
			.slice(0, MOST_RIVALS);
		const secretOf = async (id: EndpointId) => (await endpoints.signingSecrets(id, now))[0];
		const own = await secretOf(endpoint.id);
		const secrets = await Promise.all(sameUrl.map(({ id }) => secretOf(id)));
		return sameUrl.filter((_, index) => secrets[index] !== own).map(({ id }) => id);
	}
}

/** The same as the test of the endpoint gives. What it does not look at is filled in. */
function adviceOn(result: ReceiverResult, url: string): string {
	const common = { address: null, latencyMs: 0 };
	return result.outcome === 'answered'
		? hintFor({ ...common, ...result }, url)
		: hintFor({ ...common, ...result, message: '' }, url);
}

function bounded(count: number, most: number): BoundedCount {
	return { count, isExact: count < most };
}

function earliest(deliveries: readonly Delivery[]): number | null {
	return deliveries.length === 0
		? null
		: Math.min(...deliveries.map(({ redeliveredAt, createdAt }) => redeliveredAt ?? createdAt));
}

/** Of those that were tried: what was dropped unsent tells nothing of the receiver. */
function lastFailure(deliveries: readonly Delivery[]): DeliveryFacts['lastFailure'] {
	const tried = deliveries.filter(({ lastError }) => lastError !== null && !isTooOld(lastError));
	const [last] = tried.toSorted((one, other) => other.updatedAt - one.updatedAt);
	return last
		? { at: last.updatedAt, error: last.lastError, status: last.lastResponseStatus }
		: null;
}
