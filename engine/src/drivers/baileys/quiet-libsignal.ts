/**
 * libsignal tells the console about every session that it opens or closes and prints the session
 * with it, private keys included. Nothing in it can be configured, so its sentences are stopped
 * here, by how they begin; everything else on the console passes.
 */
const LIBSIGNAL_SAYS = [
	'Closing session:',
	'Opening session:',
	'Removing old closed session:',
	'Migrating session to:',
	'Session already closed',
	'Session already open',
	'Closing open session in favor of incoming prekey bundle',
	'Failed to decrypt message with any known session',
	'Session error:',
	'Decrypted message with closed session.',
	'V1 session storage migration error',
	'Unhandled bucket type',
	'WARNING: Expected pubkey of length 33',
];

let quiet = false;

export function quietLibsignal(): void {
	if (quiet) return;
	quiet = true;
	for (const level of ['info', 'warn', 'error'] as const) {
		const print = console[level].bind(console);
		console[level] = (...args: unknown[]) => {
			const [first] = args;
			const spoken =
				typeof first === 'string' && LIBSIGNAL_SAYS.some((start) => first.startsWith(start));
			if (!spoken) print(...args);
		};
	}
}
