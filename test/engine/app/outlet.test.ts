import { beforeEach, describe, expect, it } from '@jest/globals';
import { Outlet } from '../../../engine/src/app/outlet.ts';
import type { Claimed, ClaimedDelivery, Predecessor } from '../../../engine/src/app/ports.ts';
import type {
	CustomerId,
	DeliveryId,
	EndpointId,
	EventId,
} from '../../../engine/src/domain/ids.ts';
import { NOON } from '../storage/records.ts';

const ENDPOINT = 'wh_1' as EndpointId;
const LANE = 7;
const MINUTE = 60_000;

describe('An outlet gives back what must wait for an earlier one of its chat', () => {
	let outlet: Outlet;

	beforeEach(() => {
		outlet = new Outlet(ENDPOINT);
	});

	it('not when that one is on its way here', () => {
		const first = accept(1, [delivery('a')])[0]!;

		expect(outlet.accept(claimed([delivery('b', 'a')]), 2)).toEqual([]);

		outlet.done(first, undefined);
		expect(outlet.next()?.id).toBe('b');
	});

	it('not when that one waits here too', () => {
		const first = accept(1, [delivery('a'), delivery('b')])[0]!;

		expect(outlet.accept(claimed([delivery('c', 'b')]), 2)).toEqual([]);

		outlet.done(first, undefined);
		expect(outlet.next()?.id).toBe('b');
	});

	it('not when that one was done before the claim was known here', () => {
		const first = accept(1, [delivery('a')])[0]!;
		outlet.done(first, 2);

		expect(accept(2, [delivery('b', 'a')])).toMatchObject([{ id: 'b' }]);
	});

	it('when that one has failed before the claim was known here', () => {
		const first = accept(1, [delivery('a')])[0]!;
		outlet.block(first, NOON + MINUTE, 2);

		const putOff = outlet.accept(claimed([delivery('b', 'a'), delivery('c')]), 2);

		expect(putOff).toMatchObject([
			{ delivery: { id: 'b' }, dueAt: NOON + MINUTE, behind: 'a' },
			{ delivery: { id: 'c' }, dueAt: NOON + MINUTE, behind: 'a' },
		]);
	});

	it('when that one is in other hands, though an even earlier one is here', () => {
		accept(1, [delivery('a')]);

		const putOff = outlet.accept(claimed([delivery('c', 'b'), delivery('d')]), 2);

		expect(putOff).toMatchObject([
			{ delivery: { id: 'c' }, dueAt: NOON, behind: 'b' },
			{ delivery: { id: 'd' }, dueAt: NOON, behind: 'b' },
		]);
	});

	it('when that one is in other hands, and an even earlier one was claimed with it', () => {
		const putOff = outlet.accept(claimed([delivery('a'), delivery('c', 'b')]), 1);

		expect(putOff).toMatchObject([{ delivery: { id: 'c' }, dueAt: NOON, behind: 'b' }]);
		expect(outlet.next()?.id).toBe('a');
	});

	it('and forgets what came before an earlier claim', () => {
		const first = accept(1, [delivery('a')])[0]!;
		outlet.block(first, NOON + MINUTE, 2);

		expect(accept(3, [delivery('a')])).toMatchObject([{ id: 'a' }]);
	});

	/** Accepts these, and answers those that may go out at once. */
	function accept(turn: number, deliveries: readonly ClaimedDelivery[]): ClaimedDelivery[] {
		expect(outlet.accept(claimed(deliveries), turn)).toEqual([]);
		const going: ClaimedDelivery[] = [];
		while (outlet.isReady) going.push(outlet.next()!);
		return going;
	}
});

function claimed(deliveries: readonly ClaimedDelivery[]): Claimed {
	return {
		destination: {
			id: ENDPOINT,
			customerId: 'cust_1' as CustomerId,
			mode: 'test',
			url: 'https://receiver.example/hook',
			signingSecrets: [],
			maxAgeSeconds: null,
			maxPerSecond: null,
			failingSince: null,
			workedUntil: null,
		},
		deliveries,
	};
}

function delivery(id: string, waitsForId?: string): ClaimedDelivery {
	const waitsFor: Predecessor | undefined =
		waitsForId === undefined ? undefined : { id: waitsForId as DeliveryId, until: NOON };
	return {
		id: id as DeliveryId,
		eventId: `evt_${id}` as EventId,
		event: 'message.received',
		body: '{}',
		correlationId: null,
		lane: LANE,
		attempt: 1,
		attemptOfRun: 1,
		since: NOON,
		isRedelivered: false,
		leasedUntil: NOON + MINUTE,
		waitsFor,
	};
}
