import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A self-signed certificate for this name and its key in one PEM text, valid between two instants.
 * Only `openssl ca` can be told when a certificate begins, and it wants a small household for that.
 */
export function certificateBetween(name: string, from: Date, to: Date): string {
	const folder = mkdtempSync(join(tmpdir(), 'whatisup-certificate-'));
	const file = (entry: string) => join(folder, entry);
	try {
		writeFileSync(file('database'), '');
		writeFileSync(file('config'), householdIn(folder));
		openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', [
			...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`],
			...['-keyout', file('key'), '-out', file('request')],
		]);
		openssl('ca', '-batch', '-selfsign', '-notext', '-config', file('config'), [
			...['-keyfile', file('key'), '-in', file('request'), '-out', file('certificate')],
			...['-startdate', opensslTime(from), '-enddate', opensslTime(to)],
		]);
		return readFileSync(file('key'), 'utf8') + readFileSync(file('certificate'), 'utf8');
	} finally {
		rmSync(folder, { recursive: true });
	}
}

function openssl(...args: (string | string[])[]): void {
	execFileSync('openssl', args.flat(), { stdio: 'pipe' });
}

function householdIn(folder: string): string {
	return `
[ca]
default_ca = household
[household]
database = ${join(folder, 'database')}
new_certs_dir = ${folder}
rand_serial = yes
default_md = sha256
copy_extensions = copy
policy = names
[names]
commonName = supplied
`;
}

/** `20260131120000Z` */
function opensslTime(date: Date): string {
	return `${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`;
}
