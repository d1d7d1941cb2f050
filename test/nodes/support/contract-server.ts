import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IDataObject } from 'n8n-workflow';
import {
	change,
	ok,
	page,
	refused,
	type Answer,
	type ReceivedRequest,
	type Route,
} from './contract-answers';
import { WebhookContract } from './contract-webhooks';

export const API_KEY = 'zpk_test_key-of-the-contract-server';

/** A picture of one black pixel. */
export const PNG_BASE64 =
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4AWNgAAAAAgABc3UBGAAAAABJRU5ErkJggg==';

/**
 * A small HTTP server that answers as the engine's contract says, for what the nodes use of it.
 * It keeps what it is given in memory, so that a test sees what a node did by looking here.
 */
export class ContractServer {
	readonly requests: ReceivedRequest[] = [];
	readonly instances: IDataObject[] = [];
	readonly messages: IDataObject[] = [];
	readonly transitions: IDataObject[] = [];
	/** Answers for the next requests, one each, instead of what the contract says. */
	readonly overrides: Answer[] = [];
	readonly webhooks = new WebhookContract((...of) => this.#add(...of));
	readonly #server: Server;
	#count = 0;

	constructor() {
		this.#server = createServer((request, response) => void this.#serve(request, response));
	}

	async start(): Promise<void> {
		await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	get baseUrl(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	get lastRequest(): ReceivedRequest | undefined {
		return this.requests.at(-1);
	}

	addInstance(fields: IDataObject = {}): IDataObject {
		const fresh = { phone_number: null, status: 'pending', state: 'pending', metadata: {} };
		return this.#add(this.instances, 'inst', { name: 'Shop', ...fresh, ...fields });
	}

	get endpoints(): IDataObject[] {
		return this.webhooks.endpoints;
	}

	get deliveries(): IDataObject[] {
		return this.webhooks.deliveries;
	}

	addDelivery(fields: IDataObject = {}): IDataObject {
		return this.webhooks.addDelivery(fields);
	}

	addEndpoint(fields: IDataObject = {}): IDataObject {
		return this.webhooks.addEndpoint(fields);
	}

	readonly #routes: readonly Route[] = [
		[/^GET \/v1\/instances$/, ({ query }) => page(this.instances, query)],
		[/^POST \/v1\/instances$/, ({ body }) => ok(this.addInstance(body), 201)],
		[/^GET \/v1\/instances\/([^/]+)$/, (_, id) => this.#found(this.instances, id, 'instance')],
		[/^DELETE \/v1\/instances\/([^/]+)$/, (_, id) => this.#remove(this.instances, id, 'instance')],
		[/^PATCH \/v1\/instances\/([^/]+)$/, ({ body }, id) => this.#of(id, (it) => change(it, body))],
		[
			/^POST \/v1\/instances\/([^/]+)\/(start|stop|restart)$/,
			(_, id, action) => this.#of(id, (it) => change(it, { state: STATE_AFTER[action] })),
		],
		[/^POST \/v1\/instances\/([^/]+)\/logout$/, (_, id) => this.#of(id, unlink)],
		[/^GET \/v1\/instances\/([^/]+)\/status$/, (_, id) => this.#of(id, statusOf)],
		[/^GET \/v1\/instances\/([^/]+)\/me$/, (_, id) => this.#of(id, accountOf)],
		[
			/^POST \/v1\/instances\/([^/]+)\/pair-code$/,
			(_, id) => this.#of(id, () => ok({ code: 'ABCD1234', expires_at: SOON })),
		],
		[
			/^POST \/v1\/instances\/([^/]+)\/pairing-link$/,
			(_, id) => this.#of(id, () => ok({ url: `${this.baseUrl}/pair/t`, expires_at: SOON }, 201)),
		],
		[
			/^DELETE \/v1\/instances\/([^/]+)\/pairing-link$/,
			(_, id) => this.#of(id, () => ({ status: 204 })),
		],
		[
			/^GET \/v1\/instances\/([^/]+)\/transitions$/,
			({ query }, id) => this.#of(id, () => page(this.transitions, query)),
		],
		[/^GET \/v1\/uptime$/, ({ query }) => this.#uptime(query)],
		[/^GET \/v1\/groups\/([^/]+)$/, (_, name) => this.#group(name)],
		[/^POST \/v1\/groups\/([^/]+)\/messages$/, ({ body }, name) => this.#sendBy(name, body)],
		[/^GET \/v1\/instances\/([^/]+)\/qr$/, (_, id) => this.#qr(id)],
		[/^POST \/v1\/instances\/([^/]+)\/messages$/, ({ body }, id) => this.#send(id, body)],
		[/^GET \/v1\/instances\/[^/]+\/messages\/([^/]+)$/, (_, id) => this.#message(id)],
		...this.webhooks.routes,
	];

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
		const received: ReceivedRequest = {
			method: request.method ?? '',
			path: pathname,
			query: Object.fromEntries(searchParams),
			body: await bodyOf(request),
		};
		this.requests.push(received);

		const { status, body } = this.overrides.shift() ?? this.#answer(received, request);
		const isText = typeof body === 'string';
		response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' });
		response.end(isText || body === undefined ? body : JSON.stringify(body));
	}

	#answer(received: ReceivedRequest, { headers }: IncomingMessage): Answer {
		if (headers.authorization !== `Bearer ${API_KEY}`) return refused(401, 'auth_invalid');
		for (const [pattern, handler] of this.#routes) {
			const match = pattern.exec(`${received.method} ${received.path}`);
			if (!match) continue;
			const [, id = '', part = ''] = match.map(decodeURIComponent);
			return handler(received, id, part);
		}
		return refused(404, 'route_not_found');
	}

	#found(entries: readonly IDataObject[], id: string, noun: string): Answer {
		const entry = entries.find((candidate) => candidate.id === id);
		return entry ? ok(entry) : refused(404, `${noun}_not_found`);
	}

	#of(id: string, answer: (instance: IDataObject) => Answer): Answer {
		const instance = this.instances.find((candidate) => candidate.id === id);
		return instance ? answer(instance) : refused(404, 'instance_not_found');
	}

	#uptime({ from, to, instance_id: wanted, ...paging }: Record<string, string>): Answer {
		const instances = this.instances.filter(({ id }) => wanted === undefined || id === wanted);
		const answer = page(instances, paging);
		const { data, next_cursor } = answer.body as { data: IDataObject[]; next_cursor: unknown };
		const rows = data.map(({ id, name }) => ({
			instance_id: id,
			name,
			uptime_percent: 99.5,
			hourly: [{ at: from, uptime_percent: 99.5 }],
		}));
		return ok({ from, to, data: rows, next_cursor });
	}

	#members(name: string): IDataObject[] {
		return this.instances
			.filter(({ group }) => group === name)
			.sort((one, other) => Number(one.priority) - Number(other.priority));
	}

	#group(name: string): Answer {
		const members = this.#members(name);
		return members.length > 0 ? ok({ name, instances: members }) : refused(404, 'group_not_found');
	}

	#sendBy(name: string, body: IDataObject): Answer {
		const members = this.#members(name);
		const sender = members.find(({ state }) => state === 'connected');
		if (members.length === 0) return refused(404, 'group_not_found');
		if (!sender) return refused(409, 'group_unavailable', { instances: members });
		return this.#send(String(sender.id), body);
	}

	#qr(id: string): Answer {
		return this.#of(id, ({ state }) => {
			if (state === 'connected') return refused(409, 'no_qr', { state });
			const qr = `data:image/png;base64,${PNG_BASE64}`;
			return ok({ instance_id: id, qr, code: '2@code', expires_at: SOON });
		});
	}

	#send(id: string, body: IDataObject): Answer {
		return this.#of(id, () => {
			const { id: message_id } = this.#add(this.messages, 'msg', { instance_id: id, ...body });
			const client_ref = body.client_ref ?? null;
			return ok({ message_id, instance_id: id, client_ref, status: 'queued' }, 202);
		});
	}

	#message(id: string): Answer {
		const message = this.messages.find((candidate) => candidate.id === id);
		if (!message) return refused(404, 'message_not_found');
		return ok({ ...message, message_id: id, status: 'delivered' });
	}

	#remove(from: IDataObject[], id: string, noun: string): Answer {
		const index = from.findIndex((entry) => entry.id === id);
		if (index < 0) return refused(404, `${noun}_not_found`);
		from.splice(index, 1);
		return { status: 204 };
	}

	#add(to: IDataObject[], prefix: string, fields: IDataObject): IDataObject {
		const number = String(++this.#count).padStart(12, '0');
		const entry = { id: `${prefix}_0198f3c4-7a60-7cc3-9c0e-${number}`, ...fields };
		to.unshift(entry);
		return entry;
	}
}

const SOON = '2026-01-01T12:00:20.000Z';

const STATE_AFTER: Readonly<Record<string, string>> = {
	start: 'starting',
	stop: 'stopped',
	restart: 'reconnecting',
};

function unlink(instance: IDataObject): Answer {
	Object.assign(instance, { state: 'logged_out', phone_number: null });
	return ok({ instance, confirmed: true, hint: null });
}

function statusOf({ id, name, state, status }: IDataObject): Answer {
	return ok({ instance_id: id, name, state, status, status_reason: null, attempt: 0 });
}

function accountOf({ phone_number: phone }: IDataObject): Answer {
	if (!phone) return refused(409, 'not_paired');
	return ok({ jid: `${phone}@s.whatsapp.net`, lid: null, phone_number: phone, push_name: 'Ana' });
}

async function bodyOf(request: IncomingMessage): Promise<IDataObject> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const text = Buffer.concat(chunks).toString('utf8');
	return text === '' ? {} : (JSON.parse(text) as IDataObject);
}
