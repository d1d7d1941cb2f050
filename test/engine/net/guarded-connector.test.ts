import { Resolver } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { buildConnector } from 'undici';
import type { Mode } from '../../../engine/src/domain/scope.ts';
import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import { ConnectFault, guardedConnector } from '../../../engine/src/net/guarded-connector.ts';
import { ResolvingUrlGuard, type Resolve } from '../../../engine/src/net/url-guard.ts';
import { UndiciWebhookClient } from '../../../engine/src/net/webhook-client.ts';
import { startNameServer } from './receivers.ts';
import { closeAll, closing, receive, request } from './sending.ts';

const PUBLIC = '93.184.216.34';
const LOOPBACK = '127.0.0.1';

afterEach(closeAll);

describe('the guarded connector', () => {
	it('judges a literal address, which no lookup ever sees', async () => {
		const receiver = await receive();
		let lookups = 0;
		const unguarded = buildConnector({
			lookup: (_host, _options, callback) => {
				lookups += 1;
				callback(new Error('refused by the lookup'), '');
			},
		});
		const guarded = connectorOf(new ResolvingUrlGuard({ allowPrivate: [] }), receiver.port);

		const passed = await connect(unguarded, LOOPBACK, receiver.port);
		const refused = await connect(guarded, LOOPBACK, receiver.port);

		expect(lookups).toBe(0);
		expect(passed).not.toBeInstanceOf(Error);
		expect(refused).toMatchObject({ name: 'ConnectFault', reason: 'blocked' });
		expect(receiver.sockets).toHaveLength(1);
		(passed as Socket).destroy();
	});

	it.each([['::1'], ['::ffff:127.0.0.1'], ['::ffff:7f00:1'], ['10.0.0.1'], ['169.254.169.254']])(
		'refuses the literal address %s',
		async (address) => {
			const guarded = connectorOf(new ResolvingUrlGuard({ allowPrivate: [] }), 5678);

			const refused = await connect(guarded, address, 5678);

			expect(refused).toMatchObject({ name: 'ConnectFault', reason: 'blocked' });
		},
	);

	it.each([
		['a private address', [LOOPBACK]],
		['a private address among public ones', [PUBLIC, LOOPBACK]],
		['a private address before a public one', [LOOPBACK, PUBLIC]],
		['a mapped private address', ['::ffff:127.0.0.1']],
		['a metadata address', ['169.254.169.254']],
	])('refuses a name with %s', async (_name, addresses) => {
		const receiver = await receive();
		const guard = new ResolvingUrlGuard({
			allowPrivate: [],
			resolve: () => Promise.resolve(addresses),
		});

		const refused = await connect(connectorOf(guard, receiver.port), 'a.test', receiver.port);

		expect(refused).toBeInstanceOf(ConnectFault);
		expect(refused).toMatchObject({ reason: 'blocked' });
		expect(receiver.sockets).toEqual([]);
	});
});

describe('a name that changes its address', () => {
	it('is refused at delivery, though it was permitted at creation', async () => {
		const receiver = await receive();
		const answers = [PUBLIC, LOOPBACK];
		const guard = guardWith(() => Promise.resolve([answers.shift() ?? LOOPBACK]));
		const url = `https://rebind.test:${receiver.port}/`;

		const created = await guard.check(url, 'live');
		const delivered = await post(guard, url, 'live');

		expect(created).toEqual({ ok: true });
		expect(delivered).toMatchObject({ outcome: 'failed', reason: 'blocked', sent: 'nothing' });
		expect(receiver.sockets).toEqual([]);
	});

	it('is asked for once per connection, and that answer is the one connected', async () => {
		const receiver = await receive();
		const names = closing(await startNameServer([LOOPBACK, '10.0.0.1']));
		const guard = guardWith(resolverOf(names.address));

		const delivered = await post(guard, `http://rebind.test:${receiver.port}/`, 'test');

		expect(delivered).toMatchObject({ outcome: 'answered', status: 200 });
		expect(names.questions).toBe(1);
		expect(receiver.requests).toMatchObject([
			{ headers: { host: `rebind.test:${receiver.port}` } },
		]);
	});

	it('is refused by a real name server turning to loopback', async () => {
		const receiver = await receive();
		const names = closing(await startNameServer([PUBLIC, LOOPBACK]));
		const guard = guardWith(resolverOf(names.address));
		const url = `https://rebind.test:${receiver.port}/`;

		const created = await guard.check(url, 'live');
		const delivered = await post(guard, url, 'live');

		expect(created).toEqual({ ok: true });
		expect(delivered).toMatchObject({ reason: 'blocked' });
		expect(names.questions).toBe(2);
		expect(receiver.sockets).toEqual([]);
	});

	it.each([
		['another private address', ['10.0.0.1']],
		['a metadata address', ['169.254.169.254']],
		['the unspecified address', ['0.0.0.0']],
	])('is refused by its next attempt when it has turned to %s', async (_name, turned) => {
		const receiver = await receive((response) => {
			response.writeHead(500, { connection: 'close' }).end();
		});
		const names = closing(await startNameServer([LOOPBACK, ...turned]));
		const sender = clientOf(guardWith(resolverOf(names.address)));
		const attempt = request(`http://rebind.test:${receiver.port}/`);

		const first = await sender.send(attempt);
		const second = await sender.send(attempt);

		expect(first).toMatchObject({ outcome: 'answered', status: 500 });
		expect(second).toMatchObject({ reason: 'blocked', sent: 'nothing' });
		expect(receiver.requests).toHaveLength(1);
	});

	it.each([
		['loopback', '0:0:0:0:0:0:0:1'],
		['IPv4 in disguise', '0:0:0:0:0:ffff:7f00:1'],
		['a private network', 'fd00:0:0:0:0:0:0:5'],
		['a metadata address', 'fd00:ec2:0:0:0:0:0:254'],
	])('is refused when a real name server adds an IPv6 address that is %s', async (_name, v6) => {
		const receiver = await receive();
		const names = closing(await startNameServer([PUBLIC], v6));
		const guard = guardWith(resolverOf(names.address));
		const url = `https://rebind.test:${receiver.port}/`;

		const created = await guard.check(url, 'live');
		const delivered = await post(guard, url, 'live');

		expect(created).toMatchObject({ ok: false, reason: 'address_not_allowed' });
		expect(delivered).toMatchObject({ reason: 'blocked', sent: 'nothing' });
		expect(receiver.sockets).toEqual([]);
	});

	it('cannot reach through the connection that test mode has open', async () => {
		const receiver = await receive();
		const sender = clientOf(guardWith(() => Promise.resolve([LOOPBACK])));
		const body = new Uint8Array();
		const url = `http://dev.test:${receiver.port}/`;
		await sender.send({ url, mode: 'test', headers: {}, body });

		const live = await sender.send({
			url: url.replace('http', 'https'),
			mode: 'live',
			headers: {},
			body,
		});

		expect(live).toMatchObject({ reason: 'blocked' });
		expect(receiver.requests).toHaveLength(1);
	});
});

describe('the webhook client', () => {
	it.each([
		['http://127.0.0.1:PORT/'],
		['https://127.0.0.1:PORT/'],
		['http://2130706433:PORT/'],
		['http://0x7f.1:PORT/'],
		['http://[::ffff:127.0.0.1]:PORT/'],
		['http://localhost:PORT/'],
		['http://0:PORT/'],
		['http://user@127.0.0.1:PORT/'],
	])('sends nothing to %s in live mode', async (template) => {
		const receiver = await receive();

		const url = template.replace('PORT', String(receiver.port));
		const outcome = await post(new ResolvingUrlGuard({ allowPrivate: [] }), url, 'live');

		expect(outcome).toMatchObject({ outcome: 'failed', reason: 'blocked', sent: 'nothing' });
		expect(receiver.sockets).toEqual([]);
	});

	it('sends to a private name that is listed, in live mode and in clear text', async () => {
		const receiver = await receive();
		const guard = guardWith(() => Promise.resolve([LOOPBACK]), `n8n:${receiver.port}`);

		const outcome = await post(guard, `http://n8n:${receiver.port}/webhook`, 'live');

		expect(outcome).toMatchObject({ outcome: 'answered', status: 200 });
	});

	it('sends to a listed name on the listed port only', async () => {
		const receiver = await receive();
		const guard = guardWith(() => Promise.resolve([LOOPBACK]), 'dev.test:9');
		const elsewhere = guardWith(() => Promise.resolve([LOOPBACK]), 'dev.test:5678');

		const url = `https://dev.test:${receiver.port}/`;

		expect(await post(guard, url, 'live')).toMatchObject({ reason: 'blocked' });
		expect(await post(elsewhere, url, 'live')).toMatchObject({ reason: 'blocked' });
		expect(receiver.sockets).toEqual([]);
	});

	it('names a host that cannot be resolved', async () => {
		const guard = guardWith(() => Promise.reject(new Error('ENOTFOUND')));

		const outcome = await post(guard, 'https://gone.test/', 'live');

		expect(outcome).toMatchObject({ reason: 'dns_failed', sent: 'nothing' });
	});
});

function guardWith(resolve: Resolve, allow = ''): ResolvingUrlGuard {
	return new ResolvingUrlGuard({ allowPrivate: parseAllowList(allow).entries, resolve });
}

function resolverOf(server: string): Resolve {
	const resolver = new Resolver();
	resolver.setServers([server]);
	return async (host) => {
		const [v4, v6] = await Promise.all([
			resolver.resolve4(host),
			// A name without IPv6 addresses is an error to the resolver.
			resolver.resolve6(host).catch(() => []),
		]);
		return [...v4, ...v6];
	};
}

function clientOf(guard: ResolvingUrlGuard): UndiciWebhookClient {
	return closing(new UndiciWebhookClient({ guard }));
}

async function post(guard: ResolvingUrlGuard, url: string, mode: Mode) {
	return await clientOf(guard).send({ url, mode, headers: {}, body: Buffer.from('{}') });
}

function connectorOf(guard: ResolvingUrlGuard, port: number): buildConnector.connector {
	const target = { host: 'a.test', port };
	return guardedConnector({ guard, target, mode: 'live', connectTimeoutMs: 1_000 });
}

function connect(connector: buildConnector.connector, hostname: string, port: number) {
	return new Promise<Socket | Error>((resolve) => {
		connector({ hostname, protocol: 'http:', port: String(port) }, (error, socket) => {
			resolve(error ?? socket!);
		});
	});
}
