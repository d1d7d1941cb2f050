import { describe, expect, it } from '@jest/globals';
import { INCIDENT, isDrop } from '../../../engine/src/domain/incident.ts';
import type { InstanceState, StatusReason } from '../../../engine/src/domain/instance.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

describe('a drop', () => {
	it.each<[InstanceState, InstanceState, StatusReason]>([
		['connected', 'reconnecting', 'connection_lost'],
		['connected', 'reconnecting', 'engine_restarted'],
		['connected', 'stopped', 'replaced'],
		['connected', 'logged_out', 'logged_out'],
		['connected', 'failed', 'identity_mismatch'],
	])("is a connection lost against everyone's wish: from %s to %s, %s", (from, to, reason) => {
		expect(isDrop({ from, to, reason, at: NOON })).toBe(true);
	});

	it.each<[InstanceState, InstanceState, StatusReason | null]>([
		['connected', 'stopped', 'stopped_by_user'],
		['connected', 'reconnecting', 'restarted_by_user'],
		['connected', 'reconnecting', 'healed'],
		['connected', 'logged_out', 'logged_out_by_user'],
		['reconnecting', 'failed', 'banned'],
		['starting', 'qr', null],
	])(
		'is neither what was done by choice nor what follows: from %s to %s, %s',
		(from, to, reason) => {
			expect(isDrop({ from, to, reason, at: NOON })).toBe(false);
		},
	);

	it('is part of an incident with two others within a minute', () => {
		expect(INCIDENT).toEqual({ otherInstances: 2, withinMs: 60_000 });
	});
});
