import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import { ResolvingUrlGuard } from '../../../engine/src/net/url-guard.ts';
import { certificateFor, startTlsReceiver, type Receiver } from './receivers.ts';
import { client, closeAll, closed, closing, receive, request, send } from './sending.ts';

afterEach(closeAll);

describe('a webhook over TLS', () => {
	const pem = certificateFor('receiver.test');
	const named = new ResolvingUrlGuard({
		allowPrivate: parseAllowList('receiver.test,other.test').entries,
		resolve: () => Promise.resolve(['127.0.0.1']),
	});

	it('reaches a receiver with a trusted certificate', async () => {
		const receiver = await receiveTls();
		const url = `https://receiver.test:${receiver.port}/`;

		const outcome = await send(url, { mode: 'live' }, { guard: named, ca: pem });

		expect(outcome).toMatchObject({ outcome: 'answered', status: 200 });
		expect(receiver.requests[0]!.headers.host).toBe(`receiver.test:${receiver.port}`);
	});

	it.each([
		['that nobody signed', 'receiver.test', undefined, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
		['for another name', 'other.test', pem, 'ERR_TLS_CERT_ALTNAME_INVALID'],
	])('refuses a certificate %s', async (_name, host, ca, code) => {
		const receiver = await receiveTls();
		const url = `https://${host}:${receiver.port}/`;

		const outcome = await send(url, { mode: 'live' }, { guard: named, ca });

		expect(outcome).toMatchObject({ reason: 'tls_failed', sent: 'nothing' });
		expect(outcome).toMatchObject({ message: expect.stringContaining(code) });
		expect(receiver.requests).toEqual([]);
	});

	it('fails when the receiver speaks plain HTTP', async () => {
		const receiver = await receive();

		const outcome = await send(`https://127.0.0.1:${receiver.port}/`);

		expect(outcome).toMatchObject({ reason: 'tls_failed', sent: 'nothing' });
	});

	async function receiveTls(): Promise<Receiver> {
		return closing(await startTlsReceiver(pem));
	}
});

describe('the connections of the webhook client', () => {
	it('are used again for the same receiver', async () => {
		const receiver = await receive();
		const sender = client();

		for (let i = 0; i < 3; i++) {
			await sender.send(request(receiver.origin));
			await nextTurn();
		}

		expect(receiver.requests).toHaveLength(3);
		expect(receiver.sockets).toHaveLength(1);
	});

	it('are not shared by live and test mode', async () => {
		const receiver = await receive();
		const { entries } = parseAllowList('127.0.0.1');
		const sender = client({ guard: new ResolvingUrlGuard({ allowPrivate: entries }) });

		await sender.send({ ...request(receiver.origin), mode: 'test' });
		await sender.send({ ...request(receiver.origin), mode: 'live' });

		expect(receiver.requests).toHaveLength(2);
		expect(receiver.sockets).toHaveLength(2);
	});

	it('are refused to live mode where only test mode may go, also for a known URL', async () => {
		const receiver = await receive();
		const sender = client();

		for (const mode of ['test', 'live', 'test'] as const) {
			const outcome = await sender.send({ ...request(receiver.origin), mode });

			expect(outcome.outcome).toBe(mode === 'test' ? 'answered' : 'failed');
		}
		expect(receiver.requests).toHaveLength(2);
	});

	it('are limited per receiver', async () => {
		const receiver = await receive((response) => setTimeout(() => response.end(), 20));
		const sender = client({ maxConnectionsPerOrigin: 2 });

		const outcomes = await Promise.all(
			Array.from({ length: 6 }, () => sender.send(request(receiver.origin))),
		);

		expect(outcomes.every(({ outcome }) => outcome === 'answered')).toBe(true);
		expect(receiver.sockets).toHaveLength(2);
	});

	it('are closed with the client, after the running requests', async () => {
		const receiver = await receive((response) => setTimeout(() => response.end(), 50));
		const sender = client();
		const running = sender.send(request(receiver.origin));
		await wait(10);

		await sender.close();

		expect(await running).toMatchObject({ outcome: 'answered' });
		await closed(receiver.sockets[0]!);
		expect(await sender.send(request(receiver.origin))).toMatchObject({
			reason: 'aborted',
			sent: 'nothing',
		});
	});

	it('go to the receiver, not to a proxy of the environment', async () => {
		const [receiver, proxy] = [await receive(), await receive()];
		const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
		for (const name of names) process.env[name] = proxy.origin;

		await send(receiver.origin);

		for (const name of names) delete process.env[name];
		expect(receiver.requests).toHaveLength(1);
		expect(proxy.sockets).toEqual([]);
	});
});
