/** The checks of what an endpoint does not ask for. By design most of it, so hardly an error. */
import type { DiagnosisFacts } from './diagnosis-facts.ts';
import { error, info, ok, UNKNOWN, warning, type Judgement } from './finding.ts';
import type { EventCounts } from './left-out.ts';

export function instanceFilter({ instances, endpoint }: DiagnosisFacts): Judgement {
	if (endpoint.instanceIds.length === 0) return ok('The endpoint listens to every instance.');
	if (!instances) return UNKNOWN;
	const { deleted, present } = instances;
	if (deleted.length === 0) {
		return ok('Every instance that the endpoint listens to exists.', { instances: present });
	}
	const evidence = { deleted_instance_ids: deleted, instances: present };
	const fix = 'Set instance_ids of the endpoint to instances that exist, or to none for all.';
	return present === 0
		? error('Every instance that the endpoint listens to was deleted.', evidence, fix)
		: warning('Instances that the endpoint listens to were deleted.', evidence, fix);
}

export function eventsFilter({ events }: DiagnosisFacts): Judgement {
	if (!events) return UNKNOWN;
	const { seen, wanted, notSubscribed, ofOtherInstances, filtered } = events;
	if (seen.count === 0) {
		return info('Nothing happened in the last 24 hours, so nothing was to be delivered.', {
			events: 0,
		});
	}
	const excluded = total(notSubscribed) + total(ofOtherInstances) + total(filtered);
	const evidence = {
		events: seen.count,
		is_exact: seen.isExact,
		wanted,
		not_subscribed: notSubscribed,
		of_other_instances: ofOtherInstances,
		filtered,
	};
	if (excluded === 0) {
		const all = seen.isExact ? 'all that happened' : `all of the first ${seen.count} events`;
		return ok(`The endpoint asks for ${all} in 24 hours.`, evidence);
	}
	const all = wanted === 0 ? 'all of them' : String(excluded);
	return info(
		`Of ${seen.count} events in the last 24 hours, the endpoint leaves out ${all}.`,
		evidence,
		'If you miss one of these, change events, instance_ids or the filters of the endpoint.',
	);
}

function total(counts: EventCounts): number {
	return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
