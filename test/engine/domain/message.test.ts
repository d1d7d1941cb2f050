import { expect, it } from '@jest/globals';
import { isProgress } from '../../../engine/src/domain/message.ts';

it('only moves a message forward, whatever order the receipts come in', () => {
	expect(isProgress('queued', 'delivered')).toBe(true);
	expect(isProgress('sent', 'read')).toBe(true);
	expect(isProgress('read', 'delivered')).toBe(false);
	expect(isProgress('delivered', 'delivered')).toBe(false);
	expect(isProgress('failed', 'read')).toBe(false);
});
