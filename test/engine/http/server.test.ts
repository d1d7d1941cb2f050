import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/system.ts';
import { Api } from './api.ts';

describe('The HTTP server', () => {
	let api: Api;

	let port: number | undefined;

	beforeEach(async () => {
		port = undefined;
		api = await Api.open();
	});

	afterEach(() => api.close());

	it('names every request by an id of its own, whatever name the caller sends', async () => {
		const headers = { 'x-request-id': 'mine' };

		const answers = [
			await api.call('GET', '/healthz', { headers }),
			await api.call('GET', '/v1/instances', { headers }),
			await api.call('GET', '/v1/instances', { key: null, headers }),
			await api.call('GET', '/nowhere', { headers }),
			await api.call('GET', '/%', { headers }),
		];

		const names = answers.map((answer) => answer.headers['x-request-id']);
		expect(names).toEqual(names.map(() => expect.stringMatching(/^req_[0-9a-f-]{36}$/)));
		expect(new Set(names).size).toBe(answers.length);
	});

	it('forbids to guess content types, and to keep what is behind a key', async () => {
		const { headers } = await api.call('GET', '/v1/instances');

		expect(headers['x-content-type-options']).toBe('nosniff');
		expect(headers['cache-control']).toBe('no-store');
		expect(headers).not.toHaveProperty('access-control-allow-origin');
	});

	it('logs one line for each request, with no id, query or secret in it', async () => {
		const id = await api.newInstance();
		api.log.length = 0;

		const { headers } = await api.call('GET', `/v1/instances/${id}?secret=1`);

		await eventually(() => api.log.length);
		expect(api.log).toEqual([
			{
				level: 'info',
				fields: {
					method: 'GET',
					route: '/v1/instances/:instance_id',
					status: 400,
					ms: expect.any(Number),
					request_id: headers['x-request-id'],
				},
				message: 'request refused',
			},
		]);
		await api.call('GET', `/v1/instances/${id}`);
		await eventually(() => api.log.length > 1);
		expect(api.log[1]).toMatchObject({ level: 'debug', fields: { status: 200 } });
		expect(JSON.stringify(api.log)).not.toMatch(new RegExp(`${id}|secret|zpk_`));
	});

	it.each([
		['no HTTP', 'hello\r\n\r\n', 400],
		['an unknown method', 'FETCH / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
		[
			'two lengths',
			'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
			400,
		],
		['long headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
	])('answers %s with an error and the end of the connection', async (_, request, status) => {
		const socket = await dial();
		socket.write(request);

		const [head, body] = (await everythingFrom(socket)).split('\r\n\r\n');

		expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
		const answer = JSON.parse(body!);
		expect(answer).toEqual({
			error: {
				code: 'invalid_request',
				message: expect.any(String),
				hint: expect.stringMatching(/^Send /),
				details: {},
			},
			request_id: expect.stringMatching(/^req_/),
		});
		expect(head).toContain(`X-Request-Id: ${answer.request_id}`);
	});

	it('refuses a body that announces too much, without waiting for it', async () => {
		const socket = await dial();
		const head = `POST /v1/instances HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.keys.test}\r\n`;
		socket.write(`${head}Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{`);

		const answer = await everythingFrom(socket);

		expect(answer).toMatch(/^HTTP\/1.1 413 /);
		expect(answer).toContain('"payload_too_large"');
	});

	it('survives callers that go away in the middle of a body', async () => {
		const socket = await dial();
		const head = `POST /v1/instances HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.keys.test}\r\n`;
		socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
		await wait(50);
		socket.destroy();

		await eventually(() => api.log.length, { what: 'the line of the lost request' });
		expect(api.log).toMatchObject([{ level: 'info', message: 'request given up by its caller' }]);
		expect(await api.call('GET', '/healthz')).toMatchObject({ status: 200 });
	});

	it('finishes what is under way when it closes, takes nothing new, and is quick about it', async () => {
		const { begun, finish } = holdReadiness();
		const [busy, late, waiting, fresh] = [await dial(), await dial(), await dial(), await dial()];
		const answers = [busy, late, waiting, fresh].map(everythingFrom);
		for (const socket of [late, waiting]) {
			socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
			await once(socket, 'data');
		}
		busy.write('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n');
		late.write('GET /healthz HTTP/1.1\r\nHost: a\r\n');
		await begun;

		await wait(100);
		const closed = api.app.close();
		late.write('\r\n');
		const [, afterwards] = await Promise.all([answers[3], answers[1]]);
		const before = Date.now();
		finish();
		await closed;

		expect(Date.now() - before).toBeLessThan(2_000);
		expect(await answers[0]).toMatch(/^HTTP\/1.1 200 OK[^]*"status":"ok"/);
		expect(afterwards).toMatch(/"status":"ok"}HTTP\/1.1 503 [^]*"shutting_down"/);
		expect((await answers[2])?.match(/HTTP\/1.1/g)).toHaveLength(1);
		expect(await answers[3]).toBe('');
		await expect(dial()).rejects.toThrow(/ECONNREFUSED/);
	});

	/** Makes /readyz answer no sooner than `finish` is called. */
	function holdReadiness(): { begun: Promise<void>; finish: () => void } {
		let finish = () => {};
		const finished = new Promise<void>((resolve) => (finish = resolve));
		const begun = new Promise<void>((begin) => {
			api.ready = async () => {
				begin();
				await finished;
				return { checks: {}, sessions: { connected: 0, open: 0, capacity: 3 } };
			};
		});
		return { begun, finish };
	}

	async function dial(): Promise<Socket> {
		if (port === undefined) {
			await api.app.listen({ host: '127.0.0.1', port: 0 });
			port = (api.app.server.address() as AddressInfo).port;
		}
		const socket = connect({ host: '127.0.0.1', port });
		await once(socket, 'connect');
		return socket;
	}
});

async function everythingFrom(socket: Socket): Promise<string> {
	let text = '';
	socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
	// The server may reset what it does not read to the end.
	socket.on('error', () => undefined);
	await new Promise((resolve) => socket.once('close', resolve));
	return text;
}

/** Long enough for the server to have read what was written. */
function wait(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
