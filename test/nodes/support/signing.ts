import { createHmac } from 'node:crypto';

/** Signs as the contract describes it, with nothing of the trigger's own code. */
export function sign(rawBody: Buffer | string, secret: string, seconds: number | string): string {
	const body = Buffer.from(rawBody);
	const signed = Buffer.concat([Buffer.from(`${seconds}.`), body]);
	return createHmac('sha256', Buffer.from(secret, 'utf8')).update(signed).digest('hex');
}

/** The whole header value, with one `v1` for each secret. */
export function signatureHeader(
	rawBody: Buffer | string,
	secrets: readonly string[],
	seconds: number,
): string {
	return [`t=${seconds}`, ...secrets.map((secret) => `v1=${sign(rawBody, secret, seconds)}`)].join(
		',',
	);
}
