import fc from 'fast-check';

interface Network {
	readonly first: bigint;
	readonly last: bigint;
	readonly spell: (value: bigint) => string;
}

/** Any address of a range in CIDR notation. */
export function addressIn(range: string): fc.Arbitrary<string> {
	const { first, last, spell } = parseNetwork(range);
	return fc.bigInt({ min: first, max: last }).map(spell);
}

/** Its first and its last. */
export function edgesOf(range: string): string[] {
	const { first, last, spell } = parseNetwork(range);
	return [spell(first), spell(last)];
}

/** Arithmetic of its own, so that the library under test does not check itself. */
function parseNetwork(range: string): Network {
	const [base, bits] = range.split('/') as [string, string];
	const isV6 = base.includes(':');
	const width = isV6 ? 128 : 32;
	const first = isV6 ? v6ToNumber(base) : v4ToNumber(base);
	const last = first + (1n << BigInt(width - Number(bits))) - 1n;
	return { first, last, spell: isV6 ? spellV6 : spellV4 };
}

export function v4ToNumber(text: string): bigint {
	return text.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function v6ToNumber(text: string): bigint {
	const groups = (half: string) => {
		return half
			.split(':')
			.filter((group) => group !== '')
			.flatMap((group) => (group.includes('.') ? v4Groups(group) : [BigInt(`0x${group}`)]));
	};
	const [head = '', tail = ''] = text.split('::');
	const before = groups(head);
	const after = groups(tail);
	const zeros = Array<bigint>(8 - before.length - after.length).fill(0n);
	return [...before, ...zeros, ...after].reduce((sum, group) => sum * 65536n + group, 0n);
}

function v4Groups(text: string): bigint[] {
	const value = v4ToNumber(text);
	return [value >> 16n, value & 0xffffn];
}

function spellV4(value: bigint): string {
	return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function spellV6(value: bigint): string {
	const hex = value.toString(16).padStart(32, '0');
	return hex.match(/.{4}/g)!.join(':');
}

/** The ways to write one IPv4 address that some parser or other accepts. */
export function spellingsOfV4(dotted: string): string[] {
	const [a, b, c, d] = dotted.split('.').map(Number) as [number, number, number, number];
	const number = ((a * 256 + b) * 256 + c) * 256 + d;
	const hex = number.toString(16).padStart(8, '0');
	return [
		dotted,
		`${dotted}.`,
		String(number),
		`0x${hex}`,
		`0X${hex.toUpperCase()}`,
		`0${number.toString(8)}`,
		[a, b, c, d].map((part) => `0${part.toString(8)}`).join('.'),
		[a, b, c, d].map((part) => `0x${part.toString(16)}`).join('.'),
		`${a}.${b}.${c * 256 + d}`,
		`${a}.${(b * 256 + c) * 256 + d}`,
		`0x${a.toString(16)}.${b}.0${c.toString(8)}.${d}`,
		dotted.replaceAll('.', '。'),
		dotted.replaceAll('.', '%2e'),
		dotted.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
		dotted.replaceAll(/[1-9]/g, (digit) => String.fromCodePoint(0x245f + Number(digit))),
		`[::ffff:${dotted}]`,
		`[::FFFF:${hex.slice(0, 4)}:${hex.slice(4)}]`,
		`[0:0:0:0:0:ffff:${dotted}]`,
	];
}

/** The ways to write one IPv6 address as the host of a URL. `whole` has eight groups of four. */
export function spellingsOfV6(whole: string): string[] {
	const groups = whole.split(':').map((group) => Number.parseInt(group, 16));
	const [high, low] = groups.slice(6) as [number, number];
	const octets = [high >> 8, high & 255, low >> 8, low & 255].join('.');
	return [
		`[${whole}]`,
		`[${whole.toUpperCase()}]`,
		`[${groups.map((group) => group.toString(16)).join(':')}]`,
		`[${whole.split(':').slice(0, 6).join(':')}:${octets}]`,
	];
}
