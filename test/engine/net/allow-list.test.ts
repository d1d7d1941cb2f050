import { describe, expect, it } from '@jest/globals';
import { allowsAddress, allowsHost, parseAllowList } from '../../../engine/src/net/allow-list.ts';

describe('the allow-list', () => {
	it('is empty by default', () => {
		expect(parseAllowList('')).toEqual({ entries: [], faults: [] });
		expect(parseAllowList(' , ,')).toEqual({ entries: [], faults: [] });
	});

	it.each([
		['n8n', { kind: 'host', host: 'n8n', port: undefined }],
		['n8n:5678', { kind: 'host', host: 'n8n', port: 5678 }],
		['n8n:80', { kind: 'host', host: 'n8n', port: 80 }],
		['N8N.Lan.:443', { kind: 'host', host: 'n8n.lan', port: 443 }],
		['my_n8n-1.home.arpa', { kind: 'host', host: 'my_n8n-1.home.arpa', port: undefined }],
		['bücher.lan', { kind: 'host', host: 'xn--bcher-kva.lan', port: undefined }],
		['localhost:5678', { kind: 'host', host: 'localhost', port: 5678 }],
		['192.168.1.20', { kind: 'range', range: '192.168.1.20/32', port: undefined }],
		['192.168.1.20:5678', { kind: 'range', range: '192.168.1.20/32', port: 5678 }],
		['127.1:5678', { kind: 'range', range: '127.0.0.1/32', port: 5678 }],
		['fd00::5', { kind: 'range', range: 'fd00::5/128', port: undefined }],
		['[FD00::5]', { kind: 'range', range: 'fd00::5/128', port: undefined }],
		['[fd00::5]:5678', { kind: 'range', range: 'fd00::5/128', port: 5678 }],
		['[::ffff:10.0.0.5]:80', { kind: 'range', range: '10.0.0.5/32', port: 80 }],
		['172.18.0.0/16', { kind: 'range', range: '172.18.0.0/16', port: undefined }],
		['10.0.0.0/8', { kind: 'range', range: '10.0.0.0/8', port: undefined }],
		['fc00::/7', { kind: 'range', range: 'fc00::/7', port: undefined }],
	])('reads %s', (text, entry) => {
		expect(parseAllowList(text)).toEqual({ entries: [entry], faults: [] });
	});

	it.each([
		['http://n8n:5678', 'without http://'],
		['*.lan', 'wildcard'],
		['n8n:', 'is no host'],
		['n8n:x', 'is no host'],
		['n8n:5678:1', 'is no host'],
		['user@n8n', 'is no host'],
		['n8n?x', 'is no host'],
		['n8n#x', 'is no host'],
		['a..b', 'is no host'],
		['-n8n', 'is no host'],
		['n 8n', 'is no host'],
		['1.2.3.4.5', 'is no host'],
		['[n8n]', 'is no host'],
		['[fd00::5', 'is no host'],
		['[fd00::5]5678', 'is no host'],
		['n8n:65536', 'never sent to'],
		['n8n:0', 'never sent to'],
		['n8n:25', 'never sent to'],
		['10.0.0.0/33', 'no valid CIDR'],
		['10.1/16', 'no valid CIDR'],
		['10.0.0.0/8:80', 'no valid CIDR'],
		['n8n/webhook', 'no valid CIDR'],
		['0.0.0.0/0', 'wider than'],
		['10.0.0.0/7', 'wider than'],
		['::/0', 'wider than'],
		['::ffff:10.0.0.0/104', 'as an IPv4 range'],
		['169.254.169.254', 'nothing may reach'],
		['169.254.0.0/16', 'nothing may reach'],
		['[fd00:ec2::254]:80', 'nothing may reach'],
		['64:ff9b::/96', 'nothing may reach'],
		['2002::/16', 'nothing may reach'],
	])('refuses %s', (text, reason) => {
		const { entries, faults } = parseAllowList(text);

		expect(entries).toEqual([]);
		expect(faults).toEqual([expect.stringContaining(reason)]);
		expect(faults[0]).toContain(`"${text}"`);
	});

	it('reports every fault and keeps the good entries', () => {
		const { entries, faults } = parseAllowList('n8n:5678, *.lan,10.0.0.0/8 ,http://x');

		expect(entries).toHaveLength(2);
		expect(faults).toHaveLength(2);
	});

	it('opens a host on its port only', () => {
		const { entries } = parseAllowList('n8n:5678,other');

		expect(allowsHost(entries, { host: 'n8n', port: 5678 })).toBe(true);
		expect(allowsHost(entries, { host: 'n8n', port: 5679 })).toBe(false);
		expect(allowsHost(entries, { host: 'other', port: 1234 })).toBe(true);
		expect(allowsHost(entries, { host: 'another', port: 1234 })).toBe(false);
		expect(allowsHost(entries, { host: 'sub.n8n', port: 5678 })).toBe(false);
	});

	it('opens the addresses of a range, and an address on its port only', () => {
		const { entries } = parseAllowList('172.18.0.0/16,192.168.1.20:5678');

		expect(allowsAddress(entries, '172.18.255.1', 80)).toBe(true);
		expect(allowsAddress(entries, '::ffff:172.18.255.1', 80)).toBe(true);
		expect(allowsAddress(entries, '172.19.0.1', 80)).toBe(false);
		expect(allowsAddress(entries, '192.168.1.20', 5678)).toBe(true);
		expect(allowsAddress(entries, '192.168.1.20', 80)).toBe(false);
		expect(allowsAddress(entries, '192.168.1.21', 5678)).toBe(false);
	});
});
