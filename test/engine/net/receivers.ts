import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
	createServer as createRawServer,
	type AddressInfo,
	type Server,
	type Socket,
} from 'node:net';

/** A server on a free loopback port that remembers its connections. */
export interface Receiver {
	readonly port: number;
	readonly origin: string;
	/** Every connection there ever was; `destroyed` tells the closed ones. */
	readonly sockets: readonly Socket[];
	readonly requests: readonly ReceivedRequest[];
	close(): Promise<void>;
}

export interface ReceivedRequest {
	readonly method: string;
	readonly path: string;
	readonly headers: IncomingMessage['headers'];
	readonly body: Buffer;
}

export type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

export async function startReceiver(answer: Answer = accept): Promise<Receiver> {
	const requests: ReceivedRequest[] = [];
	const server = createServer((message, response) => void record(message, response));
	return await listen(server, 'http', requests);

	async function record(message: IncomingMessage, response: ServerResponse): Promise<void> {
		const request = await read(message);
		requests.push(request);
		answer(response, request);
	}
}

export async function startTlsReceiver(pem: string): Promise<Receiver> {
	const requests: ReceivedRequest[] = [];
	const server = createTlsServer({ key: pem, cert: pem }, (message, response) => {
		void read(message).then((request) => {
			requests.push(request);
			response.end('ok');
		});
	});
	return await listen(server, 'https', requests);
}

/** A server that speaks whatever the test makes it speak. */
export async function startRawReceiver(onSocket: (socket: Socket) => void): Promise<Receiver> {
	return await listen(createRawServer(onSocket), 'http', []);
}

/** A loopback port where nobody listens. */
export async function closedPort(): Promise<number> {
	const receiver = await startReceiver();
	await receiver.close();
	return receiver.port;
}

/** A self-signed certificate and its key in one PEM text. */
export function certificateFor(name: string): string {
	const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
	const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

	const args = ['req', '-x509', ...key, '-days', '2', ...subject, '-keyout', '-'];
	return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

export interface NameServer {
	readonly address: string;
	readonly questions: number;
	close(): Promise<void>;
}

/**
 * A DNS server that answers each A question with the next of these addresses, TTL 0, and each
 * AAAA question with the one of `v6`, if any.
 */
export async function startNameServer(
	addresses: readonly string[],
	v6?: string,
): Promise<NameServer> {
	const socket = createSocket('udp4');
	let questions = 0;
	socket.on('message', (query, peer) => {
		if (isForV6(query)) {
			socket.send(
				answerWith(query, v6 === undefined ? undefined : v6Bytes(v6)),
				peer.port,
				peer.address,
			);
			return;
		}
		const address = addresses[Math.min(questions, addresses.length - 1)]!;
		questions += 1;
		socket.send(
			answerWith(query, Buffer.from(address.split('.').map(Number))),
			peer.port,
			peer.address,
		);
	});
	socket.bind(0, '127.0.0.1');
	await once(socket, 'listening');
	return {
		address: `127.0.0.1:${socket.address().port}`,
		get questions() {
			return questions;
		},
		close: () => new Promise((resolve) => socket.close(() => resolve())),
	};
}

const AAAA = 28;

function isForV6(query: Buffer): boolean {
	return query.readUInt16BE(endOfName(query)) === AAAA;
}

/** The only name in a question stands after twelve bytes of header and ends with a zero. */
function endOfName(query: Buffer): number {
	return query.indexOf(0, 12) + 1;
}

function answerWith(query: Buffer, address: Buffer | undefined): Buffer {
	const question = query.subarray(12, endOfName(query) + 4);
	const header = Buffer.from(query.subarray(0, 12));
	header.writeUInt16BE(0x8180, 2); // a response, recursion available, no error
	header.writeUInt16BE(address === undefined ? 0 : 1, 6); // how many answers
	header.writeUInt32BE(0, 8); // nothing else, EDNS included
	if (address === undefined) return Buffer.concat([header, question]);

	const sameName = Buffer.of(0xc0, 0x0c);
	const typeAndClass = question.subarray(-4);
	const timeToLive = Buffer.alloc(4);
	const length = Buffer.of(0, address.length);
	return Buffer.concat([header, question, sameName, typeAndClass, timeToLive, length, address]);
}

/** All eight groups written out. */
function v6Bytes(address: string): Buffer {
	return Buffer.from(
		address
			.split(':')
			.map((group) => group.padStart(4, '0'))
			.join(''),
		'hex',
	);
}

async function listen(
	server: Server,
	scheme: string,
	requests: readonly ReceivedRequest[],
): Promise<Receiver> {
	const sockets: Socket[] = [];
	server.on('connection', (socket) => {
		sockets.push(socket);
		socket.on('error', () => socket.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return {
		port,
		origin: `${scheme}://127.0.0.1:${port}`,
		sockets,
		requests,
		close: async () => {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		},
	};
}

async function read(message: IncomingMessage): Promise<ReceivedRequest> {
	const chunks: Buffer[] = [];
	for await (const chunk of message) chunks.push(chunk as Buffer);
	const { method = '', url = '', headers } = message;
	return { method, path: url, headers, body: Buffer.concat(chunks) };
}

function accept(response: ServerResponse): void {
	response.end('ok');
}
