import { expect, it } from '@jest/globals';
import type { InstanceId } from '../../../engine/src/domain/ids.ts';
import { laneOf } from '../../../engine/src/domain/lane.ts';
import { ids } from '../../support/system.ts';

it('gives every chat of every instance a lane of its own that databases can hold', () => {
	const instances: (InstanceId | null)[] = [
		null,
		...Array.from({ length: 50 }, () => ids.next('inst')),
	];
	const chats = [
		undefined,
		...Array.from({ length: 1_000 }, (_, i) => `${5511900000000 + i}@s.whatsapp.net`),
	];

	const lanes = instances.flatMap((instance) => chats.map((chat) => laneOf(instance, chat)));

	expect(lanes.every((lane) => Number.isSafeInteger(lane) && lane >= 0)).toBe(true);
	expect(new Set(lanes).size).toBe(lanes.length);
});

it('knows a chat again', () => {
	const instance = ids.next('inst');

	expect(laneOf(instance, '1@g.us')).toBe(laneOf(instance, '1@g.us'));
});
