import type { Selectable } from 'kysely';
import type { EndpointId } from '../domain/ids.ts';
import type { WebhookEndpointsTable } from './schema.ts';
import type { SecretBox } from './secret-box.ts';

export type SigningSecretColumns = Pick<
	Selectable<WebhookEndpointsTable>,
	'id' | 'sealed_signing_secrets' | 'previous_secret_until'
>;

/** The signing secrets of one endpoint, newest first, as the column that holds them sealed. */
export function sealSigningSecrets(
	box: SecretBox,
	id: EndpointId,
	secrets: readonly string[],
): Uint8Array {
	return box.seal(Buffer.from(JSON.stringify(secrets)), owner(id));
}

/** Those that sign at `now`: a second one, which was rotated out, only until its time is over. */
export function openSigningSecrets(
	box: SecretBox,
	now: number,
	row: SigningSecretColumns,
): readonly string[] {
	return signingAt(now, row, open(box, row));
}

/** Opens what one process reads again and again; a sealed value that has changed is opened anew. */
export class SigningSecretsCache {
	readonly #box: SecretBox;
	readonly #opened = new Map<
		EndpointId,
		{ readonly sealed: Buffer; readonly secrets: readonly string[] }
	>();

	constructor(box: SecretBox) {
		this.#box = box;
	}

	at(now: number, row: SigningSecretColumns): readonly string[] {
		const known = this.#opened.get(row.id);
		if (known?.sealed.equals(row.sealed_signing_secrets)) {
			return signingAt(now, row, known.secrets);
		}
		const secrets = open(this.#box, row);
		this.#opened.set(row.id, { sealed: Buffer.from(row.sealed_signing_secrets), secrets });
		return signingAt(now, row, secrets);
	}
}

function signingAt(
	now: number,
	{ previous_secret_until: until }: SigningSecretColumns,
	secrets: readonly string[],
): readonly string[] {
	return until !== null && until > now ? secrets : secrets.slice(0, 1);
}

function open(box: SecretBox, row: SigningSecretColumns): string[] {
	const sealed = box.open(row.sealed_signing_secrets, owner(row.id));
	return JSON.parse(Buffer.from(sealed).toString()) as string[];
}

function owner(id: EndpointId): string[] {
	return ['webhook_endpoints', id, 'signing_secrets'];
}
