import type { IDataObject } from 'n8n-workflow';
import { change, ok, page, refused, type Answer, type Route } from './contract-answers';

type Add = (to: IDataObject[], prefix: string, fields: IDataObject) => IDataObject;

/** What the contract says of webhooks: endpoints, replays of their deliveries, and deliveries. */
export class WebhookContract {
	readonly endpoints: IDataObject[] = [];
	readonly deliveries: IDataObject[] = [];
	readonly replays: IDataObject[] = [];
	/** What a diagnosis finds. */
	readonly findings: IDataObject[] = [];
	/** What the attempts of every delivery were. */
	readonly attempts: IDataObject[] = [];
	/** Fields of endpoints that this server does not know, as an older engine or a hosted one. */
	readonly unknownFields: string[] = [];
	/** What a deletion with notice meets: this engine, or a server that knows none. */
	notice: 'given' | 'ignored' | 'refused' = 'given';
	readonly #add: Add;

	constructor(add: Add) {
		this.#add = add;
	}

	addDelivery(fields: IDataObject = {}): IDataObject {
		const fresh = { event: 'message.received', status: 'success', instance_id: null };
		return this.#add(this.deliveries, 'dlv', { ...fresh, ...fields });
	}

	addEndpoint(fields: IDataObject = {}): IDataObject {
		return this.#add(this.endpoints, 'wh', { instance_id: null, enabled: true, ...fields });
	}

	readonly routes: readonly Route[] = [
		[/^GET \/v1\/webhook-endpoints$/, ({ query }) => page(this.endpoints, query)],
		[/^POST \/v1\/webhook-endpoints$/, ({ body }) => this.#register(body)],
		[/^GET \/v1\/webhook-endpoints\/([^/]+)$/, (_, id) => this.#of(id, ok)],
		[/^PATCH \/v1\/webhook-endpoints\/([^/]+)$/, ({ body }, id) => this.#change(id, body)],
		[/^DELETE \/v1\/webhook-endpoints\/([^/]+)$/, ({ query }, id) => this.#remove(id, query)],
		[
			/^POST \/v1\/webhook-endpoints\/([^/]+)\/(enable|disable)$/,
			(_, id, act) => this.#of(id, (it) => change(it, { enabled: act === 'enable' })),
		],
		[
			/^POST \/v1\/webhook-endpoints\/([^/]+)\/rotate-secret$/,
			({ body: { signing_secret = 'whsec_made' } }, id) =>
				this.#of(id, (it) => ok({ ...it, signing_secret })),
		],
		[
			/^POST \/v1\/webhook-endpoints\/([^/]+)\/test$/,
			(_, id) => this.#of(id, () => ok({ delivered: false, status: 404, hint: 'Activate it.' })),
		],
		[
			/^POST \/v1\/webhook-endpoints\/([^/]+)\/(replay|recover)$/,
			({ body }, id) => this.#of(id, () => this.#replay(id, body)),
		],
		[
			/^GET \/v1\/webhook-endpoints\/[^/]+\/replays\/([^/]+)$/,
			(_, id) => this.#ofReplay(id, (replay) => ok(replay)),
		],
		[
			/^POST \/v1\/webhook-endpoints\/[^/]+\/replays\/([^/]+)\/cancel$/,
			(_, id) => this.#ofReplay(id, (replay) => change(replay, { status: 'cancelled' })),
		],
		[
			/^GET \/v1\/webhook-endpoints\/([^/]+)\/diagnose$/,
			(_, id) => this.#of(id, () => this.#diagnosis(id)),
		],
		[/^GET \/v1\/webhook-deliveries$/, ({ query }) => this.#list(query)],
		[/^GET \/v1\/webhook-deliveries\/([^/]+)$/, (_, id) => this.#ofDelivery(id, ok)],
		[
			/^GET \/v1\/webhook-deliveries\/([^/]+)\/attempts$/,
			({ query }, id) =>
				this.#ofDelivery(id, () =>
					'limit' in query ? refused(400, 'invalid_request') : ok({ data: this.attempts }),
				),
		],
		[
			/^POST \/v1\/webhook-deliveries\/([^/]+)\/redeliver$/,
			(_, id) => this.#ofDelivery(id, (it) => ok({ ...it, status: 'pending' }, 202)),
		],
	];

	#of(id: string, answer: (endpoint: IDataObject) => Answer): Answer {
		const endpoint = this.endpoints.find((candidate) => candidate.id === id);
		return endpoint ? answer(endpoint) : refused(404, 'endpoint_not_found');
	}

	#ofDelivery(id: string, answer: (delivery: IDataObject) => Answer): Answer {
		const delivery = this.deliveries.find((candidate) => candidate.id === id);
		return delivery ? answer(delivery) : refused(404, 'delivery_not_found');
	}

	#ofReplay(id: string, answer: (replay: IDataObject) => Answer): Answer {
		const replay = this.replays.find((candidate) => candidate.id === id);
		return replay ? answer(replay) : refused(404, 'replay_not_found');
	}

	/** As the engine's strict bodies do. */
	#refuseUnknown(body: IDataObject): Answer | undefined {
		const issues = Object.keys(body)
			.filter((name) => this.unknownFields.includes(name))
			.map((path) => ({ path, message: 'is not a known field' }));
		return issues.length === 0 ? undefined : refused(400, 'invalid_request', { issues });
	}

	#register(body: IDataObject): Answer {
		const { signing_secret = 'whsec_made', ...fields } = body;
		const refusal = this.#refuseUnknown(body);
		if (refusal) return refusal;
		const endpoint = this.addEndpoint({ ...fields, has_custom_signing_secret: true });
		return ok({ ...endpoint, signing_secret }, 201);
	}

	#change(id: string, body: IDataObject): Answer {
		return this.#of(id, (endpoint) => {
			const changes = {
				...body,
				...single(body),
				...('delete_at' in endpoint && { delete_at: null }),
			};
			return this.#refuseUnknown(body) ?? change(endpoint, changes);
		});
	}

	#remove(id: string, { after_seconds: seconds }: Record<string, string>): Answer {
		return this.#of(id, (endpoint) => {
			if (seconds !== undefined && this.notice === 'refused') return refused(400, 'bad_request');
			if (seconds !== undefined && this.notice === 'given') {
				endpoint.delete_at = new Date(Date.now() + Number(seconds) * 1_000).toISOString();
				return { status: 204 };
			}
			this.endpoints.splice(this.endpoints.indexOf(endpoint), 1);
			return { status: 204 };
		});
	}

	#replay(endpoint_id: string, { dry_run }: IDataObject): Answer {
		const total = this.deliveries.filter(({ status }) => status === 'failed').length;
		if (dry_run === true) return ok({ dry_run: true, total, total_is_exact: true });
		const running = { endpoint_id, status: 'running', total };
		return ok(this.#add(this.replays, 'rpl', running), 202);
	}

	#diagnosis(endpoint_id: string): Answer {
		const healthy = this.findings.every(({ severity }) => severity !== 'error');
		const checked_at = '2026-01-01T12:00:00.000Z';
		return ok({ endpoint_id, checked_at, healthy, findings: this.findings });
	}

	#list({ from = '', to = '~', ...query }: Record<string, string>): Answer {
		const filters = Object.entries(query).filter(([name]) => !['limit', 'cursor'].includes(name));
		const matching = this.deliveries.filter((delivery) => {
			const at = String(delivery.created_at ?? '');
			return from <= at && at < to && filters.every(([name, value]) => delivery[name] === value);
		});
		return page(matching, query);
	}
}

/** The one instance, where it is exactly one. */
function single({ instance_ids }: IDataObject): IDataObject {
	if (!Array.isArray(instance_ids)) return {};
	return { instance_id: instance_ids.length === 1 ? instance_ids[0] : null };
}
