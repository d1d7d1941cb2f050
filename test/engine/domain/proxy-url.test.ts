import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseProxyUrl, publicProxyUrl } from '../../../engine/src/domain/proxy-url.ts';

describe('the URL of a proxy', () => {
	it.each([
		['http://proxy.example', 'http', 'proxy.example', 80],
		['https://proxy.example/', 'https', 'proxy.example', 443],
		['socks5://proxy.example', 'socks5', 'proxy.example', 1080],
		['SOCKS5://Proxy.Example:9050', 'socks5', 'proxy.example', 9050],
		['http://93.184.216.34:3128', 'http', '93.184.216.34', 3128],
		['socks5://0x5db8d822:1080', 'socks5', '93.184.216.34', 1080],
		['socks5://[2606:4700::1]:1080', 'socks5', '[2606:4700::1]', 1080],
		['  http://proxy.example:8080\n', 'http', 'proxy.example', 8080],
	])('%j is read', (text, scheme, hostname, port) => {
		expect(parseProxyUrl(text)).toEqual({
			ok: true,
			proxy: { scheme, hostname, port, credentials: null },
		});
	});

	it.each([
		['proxy.example:3128', 'scheme_not_allowed'],
		['socks4://proxy.example', 'scheme_not_allowed'],
		['socks5h://proxy.example', 'scheme_not_allowed'],
		['ftp://proxy.example', 'scheme_not_allowed'],
		['', 'invalid_url'],
		['proxy.example', 'invalid_url'],
		['http://', 'invalid_url'],
		['socks5://', 'invalid_url'],
		['socks5:proxy.example', 'invalid_url'],
		['socks5://999.1.1.1', 'invalid_url'],
		['http://proxy.example:99999', 'invalid_url'],
		['http://user:%zz@proxy.example', 'invalid_url'],
		['http://user:%ff@proxy.example', 'invalid_url'],
		['http://proxy.example/path', 'path_not_allowed'],
		['socks5://proxy.example/path', 'path_not_allowed'],
		['http://proxy.example?session=1', 'path_not_allowed'],
		['http://proxy.example/#part', 'path_not_allowed'],
		['http://us%3Aer:secret@proxy.example', 'credentials_not_usable'],
		['socks5://:secret@proxy.example', 'credentials_not_usable'],
		[`socks5://user:${'x'.repeat(256)}@proxy.example`, 'credentials_not_usable'],
	])('%j is refused: %s', (text, reason) => {
		expect(parseProxyUrl(text)).toMatchObject({ ok: false, reason });
	});

	it('may hold any user and password, percent-encoded', () => {
		const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
		fc.assert(
			fc.property(text, text, (user, password) => {
				const login = [user, password].map(encodeURIComponent).join(':');

				const parsed = parseProxyUrl(`socks5://${login}@proxy.example`);

				expect(parsed).toMatchObject({ ok: true, proxy: { credentials: { user, password } } });
			}),
		);
	});

	it('is shown with its port, and of its credentials only that there are some', () => {
		expect(publicProxyUrl('http://user:secret@proxy.example')).toEqual({
			url: 'http://proxy.example:80',
			hasCredentials: true,
		});
		expect(publicProxyUrl('socks5://[2606:4700::1]')).toEqual({
			url: 'socks5://[2606:4700::1]:1080',
			hasCredentials: false,
		});
	});
});
