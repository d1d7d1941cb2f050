import { makeWASocket, S_WHATSAPP_NET, type WASocket } from '@whiskeysockets/baileys';
import type { AuthStateStore, Clock, Log, OpenSession } from '../../app/ports.ts';
import { BaileysAuthState } from './auth-state.ts';
import { ProxyRoute, type ProxyRoutes } from './proxy-agent.ts';
import { socketLogger } from './socket-log.ts';
import type { WebVersion } from './web-version.ts';

export interface UnlinkOptions extends Omit<OpenSession, 'listener'> {
	readonly authState: AuthStateStore;
	readonly clock: Clock;
	readonly log: Log;
	readonly proxies: ProxyRoutes | undefined;
	readonly version: WebVersion;
}

/** WhatsApp answers within a second; a caller waits for this. */
const PATIENCE_MS = 15_000;

/** What WhatsApp closes a connection with whose device it no longer knows. */
const LOGGED_OUT = 401;

/** After the link was made WhatsApp wants one new connection before anything else. */
const RESTART_REQUIRED = 515;

/**
 * Logs in once more, only to be taken off the phone's list of linked devices. What WhatsApp has
 * queued for the instance is not looked at and not acknowledged: it belongs to somebody else, if
 * the wrong phone was linked, and to nobody after this.
 */
export async function unlink(options: UnlinkOptions): Promise<boolean> {
	const until = options.clock.now() + PATIENCE_MS;
	for (;;) {
		const outcome = await tryOnce(options, until - options.clock.now());
		if (outcome !== 'again') return outcome === 'confirmed';
	}
}

async function tryOnce(
	options: UnlinkOptions,
	patienceMs: number,
): Promise<'confirmed' | 'unconfirmed' | 'again'> {
	const { instanceId, socketUrl, authState, clock, log, version } = options;
	const auth = await BaileysAuthState.load(instanceId, authState, () => undefined);
	const route = new ProxyRoute(options);
	const sock = makeWASocket({
		...(version.current ? { version: version.current } : {}),
		...route.config,
		auth: { creds: auth.creds, keys: auth.keys },
		waWebSocketUrl: socketUrl,
		logger: socketLogger(log, { instance_id: instanceId }),
		markOnlineOnConnect: false,
		fireInitQueries: false,
	});
	for (const stanza of ['CB:message', 'CB:receipt', 'CB:notification', 'CB:call']) {
		sock.ws.removeAllListeners(stanza);
	}
	const outcome = await new Promise<'confirmed' | 'unconfirmed' | 'again'>((resolve) => {
		const cancel = clock.after(Math.max(0, patienceMs), () => resolve('unconfirmed'));
		sock.ws.on('unexpected-response', () => resolve('unconfirmed'));
		sock.ev.on('connection.update', ({ connection, lastDisconnect }) => {
			if (connection === 'open') {
				askToBeRemoved(sock).then(
					() => resolve('confirmed'),
					() => undefined,
				);
			}
			if (connection === 'close') {
				cancel();
				const code = codeOf(lastDisconnect?.error);
				if (code === LOGGED_OUT) resolve('confirmed');
				else resolve(code === RESTART_REQUIRED ? 'again' : 'unconfirmed');
			}
		});
	});
	auth.abandon();
	route.close();
	await sock.end(undefined);
	return outcome;
}

async function askToBeRemoved(sock: WASocket): Promise<void> {
	const jid = sock.authState.creds.me?.id;
	if (!jid) throw new Error('there is no account to unlink');
	await sock.query({
		tag: 'iq',
		attrs: { to: S_WHATSAPP_NET, type: 'set', xmlns: 'md' },
		content: [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }],
	});
}

function codeOf(error: unknown): number | undefined {
	return (error as { output?: { statusCode?: number } } | undefined)?.output?.statusCode;
}
