import { afterEach, describe, expect, it } from '@jest/globals';
import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import {
	GuardedReceiverProbe,
	type GuardedReceiverProbeOptions,
} from '../../../engine/src/net/receiver-probe.ts';
import { ResolvingUrlGuard, type Resolve } from '../../../engine/src/net/url-guard.ts';
import { certificateBetween } from './certificates.ts';
import { certificateFor, closedPort, startTlsReceiver } from './receivers.ts';
import { closeAll, closed, closing, receive, receiveRaw, request } from './sending.ts';

const DAY_MS = 86_400_000;

afterEach(closeAll);

describe('the receiver probe', () => {
	it('sends one request and tells how it was answered', async () => {
		const receiver = await receive((response) => response.writeHead(202).end('thanks'));

		const report = await probe(`${receiver.origin}/in?key=1`);

		expect(report).toMatchObject({
			refusal: null,
			addressCount: null,
			certificate: null,
			result: { outcome: 'answered', status: 202, responseText: 'thanks', location: null },
		});
		expect(receiver.requests).toMatchObject([{ method: 'POST', path: '/in?key=1' }]);
		await closed(receiver.sockets[0]!);
	});

	it("reads the receiver's clock", async () => {
		const date = new Date(Date.UTC(2026, 0, 1)).toUTCString();
		const receiver = await receive((response) => response.setHeader('Date', date).end());

		const before = Date.now();
		const { result } = await probe(receiver.origin);

		expect(result).toMatchObject({ date: Date.UTC(2026, 0, 1) });
		expect(result).toHaveProperty('receivedAt', expect.any(Number));
		const { receivedAt } = result as { receivedAt: number };
		expect(receivedAt).toBeGreaterThanOrEqual(before);
		expect(receivedAt).toBeLessThanOrEqual(Date.now());
	});

	it.each([
		['none', undefined],
		['nonsense', 'yesterday, I think'],
	])('takes %s for a clock that is not told', async (_, date) => {
		const receiver = await receive((response) => {
			if (date === undefined) response.sendDate = false;
			else response.setHeader('Date', date);
			response.end();
		});

		expect((await probe(receiver.origin)).result).toMatchObject({ date: null });
	});

	it.each([
		['/new?token=secret#part', '/new'],
		['https://user:pass@other.example/a?b', 'https://other.example/a'],
		['javascript:alert(1)', null],
		['http://', null],
	])('shows of the redirect to %s only where it leads', async (target, shown) => {
		const receiver = await receive((response) => {
			response.writeHead(308, { location: target }).end();
		});

		const { result } = await probe(receiver.origin);

		const location = shown?.startsWith('/') ? receiver.origin + shown : shown;
		expect(result).toMatchObject({ status: 308, location });
		expect(receiver.requests).toHaveLength(1);
	});

	it('waits no longer than it may', async () => {
		const receiver = await receive(() => undefined);

		const report = await probe(receiver.origin, { totalTimeoutMs: 50 });

		expect(report.result).toEqual({ outcome: 'failed', reason: 'timeout', tlsCode: null });
		await closed(receiver.sockets[0]!);
	});

	it.each([
		['refuses connections', async () => `http://127.0.0.1:${await closedPort()}/`],
		[
			'hangs up before TLS begins',
			async () =>
				(await receiveRaw((socket) => socket.resetAndDestroy())).origin.replace('http', 'https'),
		],
	])('says of a receiver that %s only that it cannot be reached', async (_, url) => {
		const { result } = await probe(await url());

		expect(result).toEqual({ outcome: 'failed', reason: 'connect_failed', tlsCode: null });
	});
});

describe('the guard before the receiver probe', () => {
	it('lets nothing out to a private address', async () => {
		const receiver = await receive();

		const report = await probe(receiver.origin, { mode: 'live' });

		expect(report).toMatchObject({ refusal: { reason: 'address_not_allowed' }, result: null });
		expect(receiver.sockets).toEqual([]);
	});

	it('counts the addresses of a name without telling them', async () => {
		const receiver = await receive();

		const report = await probe(`http://receiver.test:${receiver.port}/`, {
			guard: named(() => Promise.resolve(['127.0.0.1', '127.0.0.2'])),
		});

		expect(report).toMatchObject({ addressCount: 2, result: { status: 200 } });
		expect(JSON.stringify(report)).not.toContain('127.0.0.2');
	});

	it('says that a name has no address', async () => {
		const report = await probe('https://receiver.test/', {
			guard: named(() => Promise.resolve([])),
		});

		expect(report).toMatchObject({ refusal: { reason: 'host_not_found' }, result: null });
	});

	it('judges the address that is connected, not the one that was looked up before', async () => {
		const receiver = await receive();
		const addresses = ['127.0.0.1', '10.0.0.1'];

		const report = await probe(`http://receiver.test:${receiver.port}/`, {
			guard: new ResolvingUrlGuard({
				allowPrivate: [],
				resolve: () => Promise.resolve([addresses.shift()!]),
			}),
		});

		expect(report.result).toMatchObject({ outcome: 'failed', reason: 'blocked' });
		expect(receiver.sockets).toEqual([]);
	});
});

describe('the receiver probe over TLS', () => {
	const pem = certificateFor('receiver.test');

	it('tells until when a good certificate is valid', async () => {
		const report = await probeTls(pem, { ca: pem });

		expect(report.result).toMatchObject({ outcome: 'answered', status: 200 });
		const { endsAt } = report.certificate!;
		expect(Math.round((endsAt - Date.now()) / DAY_MS)).toBe(2);
	});

	it.each([
		['that nobody signed', pem, undefined, 'receiver.test', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
		['for another name', pem, pem, 'other.test', 'ERR_TLS_CERT_ALTNAME_INVALID'],
		...[certificateFrom(-3, -1)].map(
			(expired) =>
				['that has expired', expired, expired, 'receiver.test', 'CERT_HAS_EXPIRED'] as const,
		),
		...[certificateFrom(1, 3)].map(
			(early) => ['of tomorrow', early, early, 'receiver.test', 'CERT_NOT_YET_VALID'] as const,
		),
	])('names what is wrong with a certificate %s', async (_, own, ca, host, tlsCode) => {
		const report = await probeTls(own, { ca, host });

		expect(report).toMatchObject({
			certificate: null,
			result: { outcome: 'failed', reason: 'tls_failed', tlsCode },
		});
	});

	it('tells a receiver that speaks plain HTTP', async () => {
		const receiver = await receive();

		const { result } = await probe(receiver.origin.replace('http', 'https'));

		expect(result).toMatchObject({ tlsCode: expect.stringMatching(/^ERR_SSL_/) });
	});

	async function probeTls(
		own: string,
		{ ca, host = 'receiver.test' }: { ca?: string | undefined; host?: string },
	) {
		const receiver = closing(await startTlsReceiver(own));
		const guard = named(() => Promise.resolve(['127.0.0.1']));
		return probe(`https://${host}:${receiver.port}/`, { guard, ca });
	}
});

/** A guard for which names end in `test` and may lead to this machine. */
function named(resolve: Resolve): ResolvingUrlGuard {
	return new ResolvingUrlGuard({
		allowPrivate: parseAllowList('receiver.test,other.test').entries,
		resolve,
	});
}

function certificateFrom(fromDays: number, toDays: number): string {
	const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);
	return certificateBetween('receiver.test', inDays(fromDays), inDays(toDays));
}

function probe(
	url: string,
	{
		mode = 'test',
		guard = new ResolvingUrlGuard({ allowPrivate: [] }),
		...options
	}: Partial<GuardedReceiverProbeOptions> & { mode?: 'live' | 'test' } = {},
) {
	return new GuardedReceiverProbe({ guard, ...options }).probe({ ...request(url), mode });
}
