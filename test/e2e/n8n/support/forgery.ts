import { createHmac } from 'node:crypto';
import type { RecordedCall } from './recording-proxy.ts';

export interface Forgery {
	readonly body?: string;
	/** No header at all when left out. */
	readonly signature?: string;
}

/** A call that the engine made, with another body or signature. */
export function forge(call: RecordedCall, { body, signature }: Forgery): RecordedCall {
	const content = body === undefined ? call.body : Buffer.from(body);
	const rawHeaders = ['content-length', String(content.byteLength)];
	if (signature !== undefined) rawHeaders.push('x-whatisup-signature', signature);
	for (let i = 0; i + 1 < call.rawHeaders.length; i += 2) {
		const [name, value] = call.rawHeaders.slice(i, i + 2) as [string, string];
		if (!['content-length', 'x-whatisup-signature'].includes(name.toLowerCase())) {
			rawHeaders.push(name, value);
		}
	}
	return { ...call, rawHeaders, body: content };
}

/** The header as the contract describes it, with nothing of the code under test. */
export function sign(body: string, secret: string, seconds: number): string {
	const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
	return `t=${seconds},v1=${digest}`;
}
