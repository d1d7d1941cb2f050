import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { IdSource } from '../app/ports.ts';
import { EngineError } from '../domain/errors.ts';
import { toErrorAnswer } from './errors.ts';

/** Node's names for what it could not read as a request, and the answers that tell them apart. */
const ANSWERS: Readonly<Record<string, readonly [status: number, hint: string]>> = {
	HPE_HEADER_OVERFLOW: [431, 'Send shorter headers and a shorter path: 16 KiB for all of them.'],
	ERR_HTTP_REQUEST_TIMEOUT: [408, 'Send the whole request at once.'],
};

const MALFORMED = [400, 'Send a well-formed HTTP/1.1 request.'] as const;

/** Answers what never became a request: it reaches no route, hook or error handler. */
export function malformedRequestHandler(
	ids: IdSource,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
	return (error, socket) => {
		if (socket.writable && error.code !== 'ECONNRESET') {
			const [status, hint] = ANSWERS[error.code ?? ''] ?? MALFORMED;
			const requestId = ids.next('req');
			const refusal = new EngineError('invalid_request', {}, { hint });
			const body = JSON.stringify(toErrorAnswer(refusal, requestId));
			const head = [
				`HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
				'Content-Type: application/json; charset=utf-8',
				`Content-Length: ${Buffer.byteLength(body)}`,
				`X-Request-Id: ${requestId}`,
				'X-Content-Type-Options: nosniff',
				'Connection: close',
			];
			socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
		}
		socket.destroy(error);
	};
}
