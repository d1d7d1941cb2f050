import { networkInterfaces } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import { ResolvingUrlGuard, type Resolve } from '../../../engine/src/net/url-guard.ts';

const PUBLIC_V4 = '93.184.216.34';
const PUBLIC_V6 = '2606:4700::1';

describe('a URL', () => {
	it.each([
		['https://example.com/hook'],
		['https://example.com:8443/hook'],
		['https://example.com:5678/webhook/1?a=b'],
		['https://example.com./hook'],
		[`https://${PUBLIC_V4}/`],
		[`https://[${PUBLIC_V6}]:8443/`],
	])('%s is fine', (url) => {
		expect(guard().inspect(url, 'live')).toMatchObject({ ok: true });
		expect(guard().inspect(url, 'test')).toMatchObject({ ok: true });
	});

	it.each([
		['example.com/hook', 'invalid_url'],
		['', 'invalid_url'],
		['https://', 'invalid_url'],
		['https://a..example.com/', 'invalid_url'],
		['https://127.0.0.1../', 'invalid_url'],
		['https://localhost../', 'invalid_url'],
		['https://[::1%25lo]/', 'invalid_url'],
		['https://[fe80::1%lo]/', 'invalid_url'],
		['https://1.2.3.4.5/', 'invalid_url'],
		['ftp://example.com/', 'scheme_not_allowed'],
		['file:///etc/passwd', 'scheme_not_allowed'],
		['gopher://example.com/', 'scheme_not_allowed'],
		['data:text/plain,x', 'scheme_not_allowed'],
		['ws://example.com/', 'scheme_not_allowed'],
		['unix:/run/docker.sock', 'scheme_not_allowed'],
		['https://user@example.com/', 'credentials_not_allowed'],
		['https://:secret@example.com/', 'credentials_not_allowed'],
		['https://example.com@127.0.0.1/', 'credentials_not_allowed'],
		['https://example.com:25/', 'port_not_allowed'],
		['https://example.com:0/', 'port_not_allowed'],
		['https://example.com:6667/', 'port_not_allowed'],
	])('%s is refused in both modes: %s', (url, reason) => {
		expect(guard().inspect(url, 'live')).toMatchObject({ ok: false, reason });
		expect(guard().inspect(url, 'test')).toMatchObject({ ok: false, reason });
	});

	it('must be https in live mode and need not be in test mode', () => {
		const url = 'http://example.com/hook';

		expect(guard().inspect(url, 'live')).toMatchObject({ ok: false, reason: 'https_required' });
		expect(guard().inspect(url, 'test')).toMatchObject({ ok: true });
	});

	it.each([
		['n8n'],
		['redis'],
		['metadata'],
		['printer.local'],
		['router.lan'],
		['nas.home.arpa'],
		['host.docker.internal'],
		['metadata.google.internal'],
		['vm.localdomain'],
		['METADATA.Google.Internal.'],
	])('of the local name %s is refused in both modes', (host) => {
		const url = `https://${host}/`;

		expect(guard().inspect(url, 'live')).toMatchObject({ reason: 'host_not_allowed' });
		expect(guard().inspect(url, 'test')).toMatchObject({ reason: 'host_not_allowed' });
	});

	it.each([['localhost'], ['localhost.'], ['LOCALHOST'], ['n8n.localhost'], ['ⓛⓞⓒⓐⓛⓗⓞⓢⓣ']])(
		'of the loopback name %s is for test mode only',
		(host) => {
			expect(guard().inspect(`http://${host}:5678/`, 'test')).toMatchObject({ ok: true });
			expect(guard().inspect(`https://${host}:5678/`, 'live')).toMatchObject({
				reason: 'host_not_allowed',
			});
		},
	);

	it('is connected as it was judged, without the final dot and the fragment', () => {
		const inspection = guard().inspect('https://Example.COM.:443/a?b=c#d', 'live');

		expect(inspection).toMatchObject({ target: { host: 'example.com', port: 443 } });
		expect(inspection.ok && inspection.url.href).toBe('https://example.com/a?b=c');
	});

	it('never throws, whatever is passed', () => {
		const anyUrl = fc.oneof(
			fc.tuple(fc.domain(), fc.string()).map(([host, rest]) => `https://${host}/${rest}`),
			fc.string().map((text) => `https://${text}`),
			fc.string(),
		);
		fc.assert(
			fc.property(anyUrl, (url) => {
				expect(typeof guard().inspect(url, 'live').ok).toBe('boolean');
			}),
		);
	});
});

describe('the allow-list', () => {
	it.each([
		['n8n:5678', 'http://n8n:5678/webhook', true],
		['n8n:5678', 'http://n8n./webhook', false],
		['n8n:5678', 'https://n8n/webhook', false],
		['n8n', 'http://n8n:5678/webhook', true],
		['n8n', 'http://n8n.lan:5678/', false],
		['n8n.lan', 'http://n8n.lan/', true],
		['10.0.0.0/8', 'http://10.1.2.3:5678/', true],
		['10.0.0.0/8', 'http://[::ffff:10.1.2.3]:5678/', true],
		['10.0.0.0/8', 'http://0xa010203:5678/', true],
		['10.0.0.0/8', 'http://11.1.2.3:5678/', false],
		['[fd00::5]:5678', 'http://[fd00::5]:5678/', true],
		['[fd00::5]:5678', 'http://[fd00::5]:5679/', false],
		['127.0.0.1:5678', 'http://127.0.0.1:5678/', true],
		['hooks.example.com', 'http://hooks.example.com/', true],
		['n8n', 'http://n8n:6000/', false],
		['100.64.0.0/10', 'http://100.100.100.200/', false],
		['192.0.0.0/24', 'http://192.0.0.192/', false],
		['fd00::/8', 'http://[fd00:ec2::254]/', false],
	])('with %s makes %s in live mode: %s', (allow, url, ok) => {
		expect(guard({ allow }).inspect(url, 'live').ok).toBe(ok);
	});

	it('lets a listed name resolve to private addresses, and to no metadata address', async () => {
		const listed = guard({ allow: 'n8n', resolve: () => Promise.resolve(['172.18.0.2']) });
		const turned = guard({ allow: 'n8n', resolve: () => Promise.resolve(['169.254.169.254']) });

		expect(await listed.check('http://n8n:5678/', 'live')).toEqual({ ok: true });
		expect(await turned.check('http://n8n:5678/', 'live')).toMatchObject({
			reason: 'address_not_allowed',
		});
	});

	it('is named in the hint, with the entry to add', async () => {
		const name = guard().inspect('https://n8n:5678/', 'live');
		const address = guard().inspect('https://[fd00::5]/', 'live');
		const resolved = await guard({ resolve: () => Promise.resolve(['10.0.0.5']) }).check(
			'https://crm.example.com/',
			'live',
		);

		expect(name).toMatchObject({ hint: expect.stringContaining('n8n:5678 to WEBHOOK_ALLOW') });
		expect(address).toMatchObject({ hint: expect.stringContaining('[fd00::5]:443 to') });
		expect(resolved).toMatchObject({ hint: expect.stringContaining('crm.example.com:443 to') });
		expect(resolved).toMatchObject({ hint: expect.not.stringContaining('10.0.0.5') });
	});
});

describe('a name', () => {
	it.each([
		[[PUBLIC_V4], true],
		[[PUBLIC_V4, PUBLIC_V6], true],
		[['10.0.0.1'], false],
		[[PUBLIC_V4, '10.0.0.1'], false],
		[['10.0.0.1', PUBLIC_V4], false],
		[[PUBLIC_V4, '::1'], false],
		[[PUBLIC_V4, '::ffff:127.0.0.1'], false],
		[[PUBLIC_V4, '64:ff9b::7f00:1'], false],
		[[PUBLIC_V4, '168.63.129.16'], false],
		[[PUBLIC_V4, 'not an address'], false],
	])('with the addresses %j is permitted in live mode: %s', async (addresses, ok) => {
		const resolving = guard({ resolve: () => Promise.resolve(addresses) });

		const verdict = await resolving.check('https://example.com/', 'live');

		expect(verdict.ok).toBe(ok);
	});

	it('may point to loopback in test mode only', async () => {
		const resolving = guard({ resolve: () => Promise.resolve(['127.0.0.1', '::1']) });

		expect((await resolving.check('https://dev.example.com/', 'test')).ok).toBe(true);
		expect((await resolving.check('https://dev.example.com/', 'live')).ok).toBe(false);
	});

	it.each<[string, Resolve]>([
		['does not exist', () => Promise.reject(new Error('ENOTFOUND'))],
		['has no address', () => Promise.resolve([])],
		['is not answered in time', () => new Promise(() => undefined)],
	])('that %s is refused', async (_name, resolve) => {
		const resolving = guard({ resolve, resolveTimeoutMs: 20 });

		const verdict = await resolving.check('https://example.com/', 'live');

		expect(verdict).toMatchObject({ ok: false, reason: 'host_not_found' });
	});

	it('is not asked for again while its server is silent', async () => {
		const questions: PromiseWithResolvers<readonly string[]>[] = [];
		const resolve = () => {
			questions.push(Promise.withResolvers());
			return questions.at(-1)!.promise;
		};
		const resolving = guard({ resolve, resolveTimeoutMs: 20 });
		const check = () => resolving.check('https://example.com/', 'live');
		const silent = await Promise.all([check(), check()]);
		silent.push(await check());

		const late = check();
		questions[0]!.resolve(['93.184.216.34']);

		expect(await late).toEqual({ ok: true });
		expect(silent.every(({ ok }) => !ok)).toBe(true);
		expect(questions).toHaveLength(1);
		const next = check();
		questions[1]!.resolve(['93.184.216.34']);
		expect(await next).toEqual({ ok: true });
	});

	it('is resolved by the system unless told otherwise', async () => {
		const system = new ResolvingUrlGuard({ allowPrivate: [] });

		expect(await system.check('http://localhost:5678/', 'test')).toEqual({ ok: true });
		expect(await system.check('https://no-such-host.invalid/', 'live')).toMatchObject({
			reason: 'host_not_found',
		});
	});

	it('that is refused already is not looked up', async () => {
		let lookups = 0;
		const counting = guard({ resolve: () => Promise.resolve([String((lookups += 1))]) });

		await counting.check('https://n8n/', 'live');
		await counting.check('https://127.0.0.1/', 'live');
		await counting.check(`https://${PUBLIC_V4}/`, 'live');

		expect(lookups).toBe(0);
	});
});

describe('the engine itself', () => {
	it('is no receiver, whatever is allowed', () => {
		const own = guard({ ownPort: 3000, allow: '127.0.0.1,10.0.0.0/8' });

		expect(own.inspect('http://127.0.0.1:3000/', 'test').ok).toBe(false);
		expect(own.inspect('http://[::1]:3000/', 'test').ok).toBe(false);
		expect(own.inspect('http://127.0.0.1:3000/', 'live').ok).toBe(false);
		expect(own.inspect('http://127.0.0.1:3001/', 'test').ok).toBe(true);
		expect(own.inspect('http://10.255.255.254:3000/', 'live').ok).toBe(true);
	});

	it('is known by every address of the machine', () => {
		const own = guard({ ownPort: 3000 });
		const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);

		for (const { address } of addresses) {
			expect(own.permits(address, { host: address, port: 3000 }, 'test')).toBe(false);
		}
	});

	it('is known by every spelling of an address that is listed', () => {
		const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
		const listed = addresses.filter(({ address }) => parseAllowList(address).faults.length === 0);
		const own = guard({ ownPort: 3000, allow: listed.map(({ address }) => address).join(',') });

		for (const { address, family } of listed) {
			const hosts = [
				address.toUpperCase(),
				...(family === 'IPv4' ? [`::ffff:${address}`, `0:0:0:0:0:FFFF:${address}`] : []),
			];
			const target = { host: 'here.test', port: 3000 };
			expect(hosts.filter((host) => own.permits(host, target, 'live'))).toEqual([]);
			expect(hosts.filter((host) => own.permits(host, { ...target, port: 3001 }, 'live'))).toEqual(
				hosts,
			);
		}
	});
});

interface GuardOptions {
	readonly allow?: string;
	readonly resolve?: Resolve;
	readonly resolveTimeoutMs?: number;
	readonly ownPort?: number;
}

function guard({ allow = '', ...options }: GuardOptions = {}): ResolvingUrlGuard {
	const { entries, faults } = parseAllowList(allow);
	expect(faults).toEqual([]);
	return new ResolvingUrlGuard({ allowPrivate: entries, ...options });
}
