import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Mode } from '../../../engine/src/domain/scope.ts';
import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import {
	ConnectFault,
	guardedConnector,
	guardedLookup,
} from '../../../engine/src/net/guarded-connector.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { addressIn, edgesOf, spellingsOfV4, spellingsOfV6 } from './ranges.ts';
import { client, closeAll, request } from './sending.ts';

/** Nothing that a webhook may reach, whatever it is called and whenever it is looked at. */
const BLOCKED = [
	...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '100.100.100.200/32', '169.254.0.0/16'],
	...['169.254.169.254/32', '169.254.170.2/32', '172.16.0.0/12', '192.0.0.0/24', '192.0.0.192/32'],
	...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16'],
	...['192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4'],
	...['240.0.0.0/4', '255.255.255.255/32', '168.63.129.16/32'],
	...['::/128', '::2:0/112', '::8.0.0.0/101', '::ffff:0.0.0.0/104', '::ffff:10.0.0.0/104'],
	...['::ffff:169.254.0.0/112', '::ffff:192.168.0.0/112', '::ffff:224.0.0.0/100'],
	...['::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '100:0:0:1::/64'],
	...['2001::/23', '2001::/32', '2001:2::/48', '2001:10::/28', '2001:20::/28', '2001:db8::/32'],
	...['2002::/16', '2620:4f:8000::/48', '3fff::/20', '5f00::/16', 'fc00::/7', 'fd00:ec2::254/128'],
	...['fd20:ce::254/128', 'fe80::/10', 'fec0::/10', 'ff00::/8', '4000::/2', '8000::/1'],
];

/** For live mode only: a test key may use the machine that it runs on. */
const LOOPBACK = ['127.0.0.0/8', '::1/128', '::ffff:127.0.0.0/104'];

/** Credentials of the machine are read there. */
const METADATA = [
	...['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32', 'fe80::/10'],
	...['fd00:ec2::/32', 'fd20:ce::254/128', 'fd00:42::42/128', '::ffff:169.254.0.0/112'],
];

/** As much as a list can be made to name. */
const GENEROUS = [
	...['trap.test', '10.0.0.0/8', '100.0.0.0/8', '168.0.0.0/8', '192.0.0.0/8', 'fc00::/7'],
	...['metadata.google.internal', 'metadata', '128.0.0.0/8', 'fe00::/7'],
].join(',');

const PUBLIC = '93.184.216.34';
const RUNS = 10;

interface Door {
	readonly range: string;
	readonly mode: Mode;
	readonly allow: string;
	readonly when: string;
}

const DOORS: readonly Door[] = [
	...BLOCKED.flatMap((range): Door[] => [
		{ range, mode: 'live', allow: '', when: 'in live mode' },
		{ range, mode: 'test', allow: '', when: 'in test mode' },
	]),
	...LOOPBACK.map((range): Door => ({ range, mode: 'live', allow: '', when: 'in live mode' })),
	...METADATA.map((range): Door => ({
		range,
		mode: 'live',
		allow: GENEROUS,
		when: 'with all listed',
	})),
];

afterEach(closeAll);

describe.each(DOORS)('an address in $range, $when,', (door) => {
	const { range, mode, allow } = door;
	const examples = edgesOf(range).map((edge): [string, number] => [edge, 5678]);
	const doorway = { numRuns: RUNS, examples };
	const anyPort = fc.constantFrom(80, 443, 3000, 5678, 8443, 65535);

	it('is refused in every spelling when an endpoint is made, and before an attempt', async () => {
		const guard = guardOf(allow);
		const sender = client({ guard });
		const check = fc.asyncProperty(addressIn(range), anyPort, async (address, port) => {
			for (const url of urlsOf(address, port)) {
				const created = await guard.check(url, mode);
				const sent = await sender.send({ ...request(url), mode });

				expect([url, created.ok]).toEqual([url, false]);
				expect(sent).toMatchObject({ outcome: 'failed', reason: 'blocked', sent: 'nothing' });
			}
		});

		await fc.assert(check, doorway);
	});

	it('is refused when it is about to be connected', async () => {
		const guard = guardOf(allow);
		const check = fc.asyncProperty(addressIn(range), anyPort, async (address, port) => {
			const fault = await connect(guard, { address, port, mode });

			expect(fault).toBeInstanceOf(ConnectFault);
			expect(fault).toMatchObject({ reason: 'blocked' });
		});

		await fc.assert(check, doorway);
	});

	it('is refused behind a name, alone or among public ones', async () => {
		const check = fc.asyncProperty(addressIn(range), anyPort, async (address, port) => {
			for (const addresses of [[address], [PUBLIC, address], [address, PUBLIC]]) {
				const guard = guardOf(allow, addresses);

				const created = await guard.check(`https://trap.test:${port}/`, mode);
				const connected = await lookUp(guard, port, mode);

				expect([address, created.ok]).toEqual([address, false]);
				expect(connected).toMatchObject({ name: 'ConnectFault', reason: 'blocked' });
			}
		});

		await fc.assert(check, doorway);
	});
});

describe('a URL', () => {
	it('with a user or a password is refused, whoever they are', () => {
		const guard = guardOf('');
		const name = fc.string({ minLength: 1 }).map(encodeURIComponent);
		const host = fc.constantFrom('example.com', '127.0.0.1', '[::1]', 'localhost', PUBLIC);
		fc.assert(
			fc.property(name, name, host, (user, password, where) => {
				const urls = [`${user}@`, `${user}:${password}@`, `:${password}@`].map((userinfo) => {
					return `https://${userinfo}${where}/`;
				});

				const reasons = urls.map((url) => guard.inspect(url, 'test'));

				expect(reasons).toMatchObject(urls.map(() => ({ reason: 'credentials_not_allowed' })));
			}),
		);
	});

	it.each([
		['https://1.1.1.1\\@127.0.0.1/', '1.1.1.1'],
		['https://1.1.1.1#@127.0.0.1/', '1.1.1.1'],
		['https://1.1.1.1?@127.0.0.1/', '1.1.1.1'],
		['https://1.1.1.1/@127.0.0.1/', '1.1.1.1'],
		['https:\\\\1.1.1.1/', '1.1.1.1'],
		['https:1.1.1.1', '1.1.1.1'],
		['\thttps://1.1.\n1.1/', '1.1.1.1'],
	])('that parsers read in different ways, %j, is connected as it was judged', (url, host) => {
		const inspection = guardOf('').inspect(url, 'live');

		expect(inspection).toMatchObject({ ok: true, target: { host, port: 443 } });
		expect(inspection.ok && inspection.url.hostname).toBe(host);
	});
});

describe('a refusal', () => {
	it('reads the same for every port of a private address', async () => {
		const sender = client();
		const ports = [80, 443, 5432, 5678, 6379, 8443];

		const outcomes = await Promise.all(
			ports.map((port) => sender.send({ ...request(`https://10.0.0.5:${port}/`), mode: 'live' })),
		);

		const texts = outcomes.map((outcome, i) => {
			return outcome.outcome === 'failed' && outcome.message.replace(`:${ports[i]}`, ':PORT');
		});
		expect(new Set(texts).size).toBe(1);
		expect(texts[0]).toContain('10.0.0.5:PORT to WEBHOOK_ALLOW_PRIVATE');
	});
});

function guardOf(allow: string, addresses: readonly string[] = []): ResolvingUrlGuard {
	const { entries } = parseAllowList(allow);
	return new ResolvingUrlGuard({
		allowPrivate: entries,
		resolve: () => Promise.resolve(addresses),
	});
}

function urlsOf(address: string, port: number): string[] {
	const hosts = isIP(address) === 4 ? spellingsOfV4(address) : spellingsOfV6(address);
	return hosts.flatMap((host) => [`https://${host}:${port}/`, `http://${host}:${port}/`]);
}

interface Attempt {
	readonly address: string;
	readonly port: number;
	readonly mode: Mode;
}

/** The error, or undefined for a connection. */
function connect(guard: ResolvingUrlGuard, { address, port, mode }: Attempt) {
	const target = { host: address, port };
	const connector = guardedConnector({ guard, target, mode, connectTimeoutMs: 500 });
	return new Promise<Error | undefined>((resolve) => {
		const options = { hostname: address, protocol: 'https:', port: String(port) };
		connector(options, (error, socket) => {
			socket?.destroy();
			resolve(error ?? undefined);
		});
	});
}

function lookUp(guard: ResolvingUrlGuard, port: number, mode: Mode) {
	const lookup = guardedLookup(guard, { host: 'trap.test', port }, mode);
	return new Promise<Error | string | LookupAddress[]>((resolve) => {
		lookup('trap.test', { all: true }, (error, found) => resolve(error ?? found));
	});
}
