import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SecretBox } from '../../../engine/src/storage/secret-box.ts';

const OWNER = ['auth_state', 'inst_1', 'session', '5511'];

describe('SecretBox', () => {
	const box = new SecretBox('the right key, thirty-two or more');

	it('opens what it has sealed, whatever the bytes', () => {
		const property = fc.property(fc.uint8Array({ maxLength: 4_000 }), (clear) => {
			const opened = box.open(box.seal(clear, OWNER), OWNER);

			expect(Buffer.from(opened).equals(clear)).toBe(true);
		});

		fc.assert(property, { numRuns: 50 });
	});

	it('opens with the same secret in another process, and with no other', () => {
		const sealed = box.seal(bytes('ratchet'), OWNER);

		const same = new SecretBox('the right key, thirty-two or more');
		const other = new SecretBox('another key, just as long as that');

		expect(text(same.open(sealed, OWNER))).toBe('ratchet');
		expect(() => other.open(sealed, OWNER)).toThrow();
	});

	it('does not open where it was copied to', () => {
		const sealed = box.seal(bytes('ratchet'), OWNER);

		expect(() => box.open(sealed, ['auth_state', 'inst_2', 'session', '5511'])).toThrow();
		expect(() => box.open(sealed, ['auth_state', 'inst_1', 'session5511'])).toThrow();
		expect(() => box.open(sealed, ['auth_state', 'inst_1', 'session,5511'])).toThrow();
	});

	it('does not open when any byte of it has changed, its version included', () => {
		const sealed = box.seal(bytes('ratchet'), OWNER);

		for (let index = 0; index < sealed.length; index++) {
			const changed = Uint8Array.from(sealed);
			changed[index]! ^= 1;
			expect(() => box.open(changed, OWNER)).toThrow();
		}
	});

	it('refuses what is cut short', () => {
		const sealed = box.seal(bytes(''), OWNER);

		for (let length = 0; length < sealed.length; length++) {
			expect(() => box.open(sealed.subarray(0, length), OWNER)).toThrow();
		}
	});

	it('seals the same bytes differently each time', () => {
		const [first, second] = [box.seal(bytes('a'), OWNER), box.seal(bytes('a'), OWNER)];

		expect(Buffer.from(first).equals(second)).toBe(false);
	});
});

function bytes(clear: string): Uint8Array {
	return Buffer.from(clear);
}

function text(clear: Uint8Array): string {
	return Buffer.from(clear).toString();
}
