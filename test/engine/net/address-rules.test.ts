import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
	canonicalAddress,
	classifyAddress,
	isInRange,
	type AddressKind,
} from '../../../engine/src/net/address-rules.ts';
import { addressIn, edgesOf, v4ToNumber } from './ranges.ts';

type Row = readonly [range: string, kind: AddressKind];

/** Every range that is not the public internet, with what may open it. */
const NOT_PUBLIC: readonly Row[] = [
	['0.0.0.0/8', 'forbidden'],
	['10.0.0.0/8', 'private'],
	['100.64.0.0/11', 'private'],
	['100.112.0.0/12', 'private'],
	['100.100.100.200/32', 'forbidden'],
	['127.0.0.0/8', 'loopback'],
	['169.254.0.0/16', 'forbidden'],
	['172.16.0.0/12', 'private'],
	['192.0.0.0/25', 'private'],
	['192.0.0.192/32', 'forbidden'],
	['192.0.2.0/24', 'private'],
	['192.31.196.0/24', 'private'],
	['192.52.193.0/24', 'private'],
	['192.88.99.0/24', 'private'],
	['192.168.0.0/16', 'private'],
	['192.175.48.0/24', 'private'],
	['198.18.0.0/15', 'private'],
	['198.51.100.0/24', 'private'],
	['203.0.113.0/24', 'private'],
	['224.0.0.0/4', 'private'],
	['240.0.0.0/4', 'private'],
	['255.255.255.255/32', 'private'],
	['168.63.129.16/32', 'forbidden'],
	['::/128', 'forbidden'],
	['::1/128', 'loopback'],
	['::8.0.0.0/101', 'forbidden'],
	['::ffff:0:0:0/96', 'forbidden'],
	['64:ff9b::/96', 'forbidden'],
	['64:ff9b:1::/48', 'forbidden'],
	['100::/64', 'private'],
	['100:0:0:1::/64', 'private'],
	['2001::/32', 'forbidden'],
	['2001:1::/32', 'private'],
	['2001:2::/48', 'private'],
	['2001:10::/28', 'private'],
	['2001:20::/28', 'private'],
	['2001:100::/24', 'private'],
	['2001:db8::/32', 'private'],
	['2002::/16', 'forbidden'],
	['2620:4f:8000::/48', 'private'],
	['3fff::/20', 'private'],
	['4000::/3', 'private'],
	['5f00::/16', 'private'],
	['8000::/2', 'private'],
	['fc00::/8', 'private'],
	['fd12:3456::/32', 'private'],
	['fd00:ec2::254/128', 'forbidden'],
	['fd00:ec2::23/128', 'forbidden'],
	['fd20:ce::254/128', 'forbidden'],
	['fd00:42::42/128', 'forbidden'],
	['fe80::/10', 'forbidden'],
	['fec0::/10', 'private'],
	['ff00::/8', 'private'],
];

const PUBLIC: readonly Row[] = [
	['1.0.0.0/8', 'public'],
	['8.8.8.8/32', 'public'],
	['9.255.255.255/32', 'public'],
	['11.0.0.0/32', 'public'],
	['100.63.255.255/32', 'public'],
	['100.128.0.0/32', 'public'],
	['126.255.255.255/32', 'public'],
	['128.0.0.0/32', 'public'],
	['168.63.129.15/32', 'public'],
	['168.63.129.17/32', 'public'],
	['169.253.255.255/32', 'public'],
	['169.255.0.0/32', 'public'],
	['172.15.255.255/32', 'public'],
	['172.32.0.0/32', 'public'],
	['192.0.1.0/24', 'public'],
	['192.167.255.255/32', 'public'],
	['192.169.0.0/32', 'public'],
	['198.17.255.255/32', 'public'],
	['198.20.0.0/32', 'public'],
	['223.255.255.255/32', 'public'],
	['2001:200::/24', 'public'],
	['2003::/16', 'public'],
	['2400::/12', 'public'],
	['2606:4700::/32', 'public'],
	['2a00::/12', 'public'],
	['3ffe::/16', 'public'],
];

describe('an address', () => {
	it.each([...NOT_PUBLIC, ...PUBLIC])('anywhere in %s is %s', (range, kind) => {
		fc.assert(
			fc.property(addressIn(range), (address) => {
				expect([address, classifyAddress(address)]).toEqual([address, kind]);
			}),
			{ numRuns: 50, examples: edgesOf(range).map((edge) => [edge]) },
		);
	});

	it.each(NOT_PUBLIC.concat(PUBLIC).filter(([range]) => !range.includes(':')))(
		'in %s is as %s when it is mapped into IPv6',
		(range, kind) => {
			fc.assert(
				fc.property(addressIn(range), (address) => {
					for (const mapped of mappedSpellings(address)) {
						expect([mapped, classifyAddress(mapped)]).toEqual([mapped, kind]);
					}
				}),
				{ numRuns: 20 },
			);
		},
	);

	it('inside a tunnel or a translation prefix is forbidden, even a public one', () => {
		const carried = [
			'::8.8.8.8',
			'::808:808',
			'::ffff:0:8.8.8.8',
			'64:ff9b::8.8.8.8',
			'64:ff9b::a9fe:a9fe',
			'64:ff9b:1::8.8.8.8',
			'2002:808:808::1',
			'2002:a9fe:a9fe::',
			'2001:0:4136:e378:8000:63bf:3fff:fdd2',
		];

		expect(carried.map(classifyAddress)).toEqual(carried.map(() => 'forbidden'));
	});

	it.each([
		['', '127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '127.0.0.1.', '127.0.0.1:80'],
		['localhost', '[::1]', '::1%lo', 'fd00::1%eth0', '2606:4700::1%eth0', '1.2.3.4/8', '::g'],
	])('that the resolver would not spell so is forbidden', (...texts) => {
		expect(texts.map(classifyAddress)).toEqual(texts.map(() => 'forbidden'));
	});

	it('is public or not for any sequence of bytes, and never fails', () => {
		fc.assert(
			fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
				const kind = classifyAddress(text);

				expect(['public', 'loopback', 'private', 'forbidden']).toContain(kind);
				if (!isIPv4(text) && !isIPv6(text)) expect(kind).toBe('forbidden');
			}),
		);
	});

	it('has one spelling', () => {
		const texts = ['FD00::0:5', '::ffff:10.0.0.5', '::ffff:a00:5', '10.0.0.5', 'fe80::1%lo', 'x'];

		const spellings = texts.map(canonicalAddress);

		expect(spellings).toEqual([
			'fd00::5',
			'10.0.0.5',
			'10.0.0.5',
			'10.0.0.5',
			undefined,
			undefined,
		]);
	});

	it('is in a range of its own family only', () => {
		expect(isInRange('10.1.2.3', '10.0.0.0/8')).toBe(true);
		expect(isInRange('::ffff:10.1.2.3', '10.0.0.0/8')).toBe(true);
		expect(isInRange('11.1.2.3', '10.0.0.0/8')).toBe(false);
		expect(isInRange('fd00::1', 'fc00::/7')).toBe(true);
		expect(isInRange('fd00::1', '10.0.0.0/8')).toBe(false);
		expect(isInRange('::ffff:10.1.2.3', '::/1')).toBe(false);
		expect(isInRange('nonsense', '10.0.0.0/8')).toBe(false);
	});
});

function mappedSpellings(v4: string): string[] {
	const hex = v4ToNumber(v4).toString(16).padStart(8, '0');
	const pair = `${hex.slice(0, 4)}:${hex.slice(4)}`;
	return [`::ffff:${v4}`, `::FFFF:${pair}`, `0:0:0:0:0:ffff:${v4}`, `0000::0000:ffff:${pair}`];
}
