import type { EndpointId } from '../domain/ids.ts';
import type { SecretBox } from './secret-box.ts';

/** The signing secrets of one endpoint, newest first, as the column that holds them sealed. */
export function sealSigningSecrets(
	box: SecretBox,
	id: EndpointId,
	secrets: readonly string[],
): Uint8Array {
	return box.seal(Buffer.from(JSON.stringify(secrets)), owner(id));
}

export function openSigningSecrets(box: SecretBox, id: EndpointId, sealed: Uint8Array): string[] {
	return JSON.parse(Buffer.from(box.open(sealed, owner(id))).toString()) as string[];
}

function owner(id: EndpointId): string[] {
	return ['webhook_endpoints', id, 'signing_secrets'];
}
