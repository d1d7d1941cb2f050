import type { InstanceId } from './ids.ts';

/**
 * The number of a lane: the events of one chat of one instance, or those of an instance that are
 * about no chat. Deliveries to one endpoint in one lane leave one after another.
 *
 * It is a hash of 53 bits, because a number is quicker to compare and to store than two ids. Two
 * chats with the same number would merely wait for each other.
 */
export function laneOf(instanceId: InstanceId | null, chat: string | undefined): number {
	const name = `${instanceId ?? ''} ${chat ?? ''}`;
	// Two multiplicative hashes side by side, 32 and 21 bits of which are used.
	let low = 0x9e3779b1;
	let high = 0x85ebca77;
	for (let index = 0; index < name.length; index++) {
		const code = name.charCodeAt(index);
		low = Math.imul(low ^ code, 0x01000193);
		high = Math.imul(high ^ code, 0xc2b2ae3d);
		high ^= high >>> 15;
	}
	low ^= low >>> 16;
	return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
