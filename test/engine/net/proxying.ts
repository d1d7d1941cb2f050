import { parseAllowList } from '../../../engine/src/net/allow-list.ts';
import { SessionProxies } from '../../../engine/src/net/session-proxy.ts';
import { ResolvingUrlGuard, type Resolve } from '../../../engine/src/net/url-guard.ts';
import { Socks5Proxy } from '../../support/proxies.ts';
import { certificateFor } from './receivers.ts';
import { closing } from './sending.ts';

/** No resolver knows it, so only a proxy can lead there. */
export const WHATSAPP = 'web.whatsapp.test';

/** The certificate of WhatsApp, and of proxies under its name. */
export const PEM = certificateFor(WHATSAPP);

export interface ProxiesOptions {
	readonly scheme?: 'ws' | 'wss';
	readonly allow?: string;
	/** Every name leads to this machine, unless a test says otherwise. */
	readonly resolve?: Resolve;
	readonly timeoutMs?: number;
}

/** Proxies to a WhatsApp on this port. */
export function proxies(port: number, options: ProxiesOptions = {}): SessionProxies {
	const { scheme = 'ws', allow = '', timeoutMs } = options;
	const resolve = options.resolve ?? (() => Promise.resolve(['127.0.0.1']));
	const guard = new ResolvingUrlGuard({ allowPrivate: parseAllowList(allow).entries, resolve });
	const socketUrl = () => `${scheme}://${WHATSAPP}:${port}/ws/chat`;
	return new SessionProxies({ guard, socketUrl, timeoutMs, ca: PEM });
}

export async function startSocks(): Promise<Socks5Proxy> {
	return closing(await new Socks5Proxy().start());
}
