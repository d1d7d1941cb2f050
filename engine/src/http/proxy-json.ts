/** A proxy as it may be shown: whether there are credentials, and not which. */
export function publicProxyUrl(url: string): {
	readonly url: string;
	readonly has_credentials: boolean;
} {
	const parsed = new URL(url);
	const hasCredentials = parsed.username !== '' || parsed.password !== '';
	parsed.username = '';
	parsed.password = '';
	return { url: parsed.href.replace(/\/$/, ''), has_credentials: hasCredentials };
}
