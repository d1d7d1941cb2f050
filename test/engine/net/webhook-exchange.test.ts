import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closedPort, startRawReceiver } from './receivers.ts';
import {
	client,
	closeAll,
	closed,
	closing,
	receive,
	receiveRaw,
	request,
	send,
	type RawAnswer,
} from './sending.ts';

afterEach(closeAll);

describe('a webhook that is answered', () => {
	it('arrives as it was handed over', async () => {
		const receiver = await receive((response) => response.writeHead(202).end('taken'));
		const body = Buffer.from('{"text":"Olá 👋"}');

		const outcome = await send(`${receiver.origin}/hook/1?a=b%20c#d`, {
			headers: { 'content-type': 'application/json', 'x-whatisup-event': 'message.received' },
			body,
		});

		expect(outcome).toEqual({
			outcome: 'answered',
			status: 202,
			retryAfterMs: undefined,
			responseText: 'taken',
			latencyMs: expect.any(Number),
			address: '127.0.0.1',
		});
		expect(receiver.requests).toMatchObject([
			{
				method: 'POST',
				path: '/hook/1?a=b%20c',
				headers: {
					host: `127.0.0.1:${receiver.port}`,
					'content-type': 'application/json',
					'content-length': String(body.length),
					'x-whatisup-event': 'message.received',
				},
				body,
			},
		]);
	});

	it.each([
		['an empty body', new Uint8Array()],
		['one megabyte', new Uint8Array(1024 * 1024).fill(97)],
		['bytes that are no text', Uint8Array.of(0, 255, 128)],
		['a window into a larger buffer', new Uint8Array(100).fill(98).subarray(10, 20)],
	])('arrives with %s', async (_name, body) => {
		const receiver = await receive();

		await send(receiver.origin, { body });

		expect(receiver.requests[0]!.body.equals(body)).toBe(true);
	});

	it.each([200, 204, 301, 400, 404, 410, 429, 500, 599])(
		'with %i is answered, not failed',
		async (status) => {
			const receiver = await receive((response) => response.writeHead(status).end());

			expect(await send(receiver.origin)).toMatchObject({ outcome: 'answered', status });
		},
	);

	it.each([301, 302, 303, 307, 308])('with %i is not redirected', async (status) => {
		const target = await receive();
		const receiver = await receive((response) => {
			response.writeHead(status, { location: `${target.origin}/` }).end();
		});

		expect(await send(receiver.origin)).toMatchObject({ outcome: 'answered', status });
		expect(target.sockets).toEqual([]);
	});

	it.each([
		[429, '7', 7_000],
		[503, '120', 120_000],
		[503, 'Thu, 01 Jan 2026 12:00:00 GMT', 0],
		[503, 'soon', undefined],
		[301, '7', 7_000],
	])('with %i and Retry-After: %s asks to wait for %s ms', async (status, header, retryAfterMs) => {
		const receiver = await receive((response) => {
			response.writeHead(status, { 'retry-after': header }).end();
		});

		expect(await send(receiver.origin)).toMatchObject({ status, retryAfterMs });
	});

	it('may be announced by an informational answer', async () => {
		const receiver = await receiveRaw((socket) => {
			socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
			socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
		});

		expect(await send(receiver.origin)).toMatchObject({ outcome: 'answered', status: 201 });
	});

	it.each([
		['its first kilobyte', 'a'.repeat(5_000), 'a'.repeat(1024)],
		['no half character', `${'a'.repeat(1023)}é`, 'a'.repeat(1023)],
		['no zero character', 'a\0b', 'a\uFFFDb'],
	])('keeps of the response %s', async (_name, text, kept) => {
		const receiver = await receive((response) => response.end(text));

		expect(await send(receiver.origin)).toMatchObject({ responseText: kept });
	});

	it('stops reading a body that is too large', async () => {
		const chunk = Buffer.alloc(16 * 1024, 97);
		const receiver = await receive((response) => {
			const more = () => {
				while (!response.destroyed && response.write(chunk));
			};
			response.on('drain', more);
			more();
		});

		const outcome = await send(receiver.origin);

		expect(outcome).toMatchObject({ outcome: 'answered', status: 200 });
		await closed(receiver.sockets[0]!);
	});

	it('stays answered when the body never ends', async () => {
		const receiver = await receive((response) => response.write('started'));

		const outcome = await send(receiver.origin, {}, { totalTimeoutMs: 100 });

		expect(outcome).toMatchObject({ outcome: 'answered', status: 200, responseText: 'started' });
		await closed(receiver.sockets[0]!);
	});

	it('stays answered when the body breaks off', async () => {
		const receiver = await receiveRaw((socket) => {
			socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
		});

		expect(await send(receiver.origin)).toMatchObject({ status: 200, responseText: 'half' });
	});
});

describe('a webhook that fails', () => {
	it('says that nothing was sent when nobody listens', async () => {
		const outcome = await send(`http://127.0.0.1:${await closedPort()}/`);

		expect(outcome).toMatchObject({ reason: 'connect_failed', sent: 'nothing' });
	});

	it('tells a closed port from a silent one by nothing but time', async () => {
		const silent = await receiveRaw(() => undefined);
		const refused = `https://127.0.0.1:${await closedPort()}/`;

		const outcomes = await Promise.all([
			send(refused),
			send(`https://127.0.0.1:${silent.port}/`, {}, { connectTimeoutMs: 100 }),
		]);

		const failure = {
			outcome: 'failed',
			reason: 'connect_failed',
			message: 'The receiver cannot be reached.',
			sent: 'nothing',
			latencyMs: expect.any(Number),
			address: null,
		};
		expect(outcomes).toEqual([failure, failure]);
	});

	it.each<[string, RawAnswer]>([
		['never answers', () => undefined],
		['drips its headers', (socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx-long: aaaaaaaaaaaaaaa')],
		['hints for ever', (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(50), 27)],
	])('times out when the receiver %s, and closes the socket', async (_name, answer) => {
		const receiver = await receiveRaw(answer);

		const outcome = await send(receiver.origin, {}, { totalTimeoutMs: 150 });

		expect(outcome).toMatchObject({ outcome: 'failed', reason: 'timeout', sent: 'maybe' });
		expect(outcome.latencyMs).toBeGreaterThanOrEqual(140);
		await closed(receiver.sockets[0]!);
	});

	it('times out when the receiver never reads', async () => {
		const receiver = closing(await startRawReceiver((socket) => socket.pause()));
		const body = new Uint8Array(32 * 1024 * 1024);

		const outcome = await send(receiver.origin, { body }, { totalTimeoutMs: 150 });

		expect(outcome).toMatchObject({ reason: 'timeout', sent: 'maybe' });
	});

	it.each<[string, RawAnswer]>([
		['hangs up', (socket) => socket.destroy()],
		['resets the connection', (socket) => socket.resetAndDestroy()],
		['does not speak HTTP', (socket) => socket.end('220 mail.example.com ESMTP\r\n')],
		['wants to switch protocols', (socket) => socket.write(SWITCHING)],
		['sends endless headers', (socket) => socket.write(`HTTP/1.1 200 OK\r\n${LONG_HEADERS}`)],
	])('has no answer when the receiver %s', async (_name, answer) => {
		const receiver = await receiveRaw(answer);

		const outcome = await send(receiver.origin);

		expect(outcome).toMatchObject({ outcome: 'failed', reason: 'no_answer', sent: 'maybe' });
	});

	it('says that nothing was sent when it never got a connection', async () => {
		const receiver = await receiveRaw(() => undefined);
		const sender = client({ totalTimeoutMs: 300, maxConnectionsPerOrigin: 1 });
		const signal = AbortSignal.timeout(50);

		const outcomes = await Promise.all([
			sender.send(request(receiver.origin)),
			sender.send({ ...request(receiver.origin), signal }),
		]);

		expect(outcomes).toMatchObject([
			{ reason: 'timeout', sent: 'maybe' },
			{ reason: 'aborted', sent: 'nothing' },
		]);
		await closed(receiver.sockets[0]!);
		expect(receiver.sockets).toHaveLength(1);
	});

	it('reads an answer with long headers', async () => {
		const cookies = `set-cookie: ${'a'.repeat(1_000)}\r\n`.repeat(40);
		const answer = `HTTP/1.1 200 OK\r\n${cookies}content-length: 2\r\n\r\nok`;
		const receiver = await receiveRaw((socket) => socket.write(answer));

		const outcome = await send(receiver.origin);

		expect(outcome).toMatchObject({ outcome: 'answered', status: 200 });
	});

	it('ends at once when it is cancelled', async () => {
		const cancel = new AbortController();
		const receiver = await receiveRaw(() => cancel.abort());

		const outcome = await send(receiver.origin, { signal: cancel.signal });

		expect(outcome).toMatchObject({ reason: 'aborted', sent: 'maybe' });
		await closed(receiver.sockets[0]!);
	});

	it('is not sent when it is cancelled before', async () => {
		const receiver = await receive();

		const outcome = await send(receiver.origin, { signal: AbortSignal.abort() });

		expect(outcome).toMatchObject({ reason: 'aborted', sent: 'nothing' });
		expect(receiver.sockets).toEqual([]);
	});

	it('throws for a broken header, which no receiver could mend', async () => {
		const receiver = await receive();

		const sending = send(receiver.origin, { headers: { 'x-event': 'a\nb' } });

		await expect(sending).rejects.toThrow('header');
		expect(receiver.sockets).toEqual([]);
	});
});

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n';
const LONG_HEADERS = `x-long: ${'a'.repeat(1_000)}\r\n`.repeat(80);

/** Some characters at a time, until the other side has had enough. */
function drip(socket: Socket, text: string, step = 1): void {
	let sent = 0;
	const timer = setInterval(() => {
		socket.write(text.slice(sent, sent + step));
		sent += step;
	}, 10);
	socket.on('close', () => clearInterval(timer));
}
