import type { HealAction, NewEvent } from '../domain/events.ts';
import { planHealing, withinLastHour } from '../domain/healing.ts';
import type { InstanceId } from '../domain/ids.ts';
import { isRunning, type InstanceInput } from '../domain/instance.ts';
import type { Clock, CronSchedule, Instance } from './ports.ts';
import type { Attached } from './step-recorder.ts';

export interface HealerOptions {
	readonly clock: Clock;
	readonly cron: CronSchedule;
	/** Looks at the instance again and heals it if it still needs that. */
	readonly heal: (id: InstanceId) => void;
	readonly restartOnSchedule: (id: InstanceId) => void;
}

export interface HealAct {
	readonly input: InstanceInput;
	readonly attached: Attached;
}

/** Decides when the engine restarts an instance by itself; the sessions do it. */
export class Healer {
	readonly #options: HealerOptions;
	readonly #heals = new Map<InstanceId, () => void>();
	readonly #schedules = new Map<InstanceId, () => void>();

	constructor(options: HealerOptions) {
		this.#options = options;
	}

	/**
	 * To be called after each change of the instance. Answers the event that healing has come to its
	 * limit for now, when it has just done so.
	 */
	watch(instance: Instance, isNewState: boolean): NewEvent | undefined {
		const { clock, heal } = this.#options;
		const { id, status, healedAt } = instance;
		this.#schedule(instance);
		if (!isNewState && this.#heals.has(id)) return undefined;
		this.#cancelHeal(id);
		const now = clock.now();
		const plan = planHealing(status, instance.heal, healedAt, now);
		if (plan.type === 'none') return undefined;
		this.#heals.set(
			id,
			clock.after(plan.at - now, () => {
				this.#heals.delete(id);
				heal(id);
			}),
		);
		if (plan.type === 'restart') return undefined;
		return {
			event: 'instance.heal_exhausted',
			occurredAt: now,
			data: {
				reason: status.reason,
				restarts_last_hour: withinLastHour(healedAt, now).length,
				next_try_at: new Date(plan.at).toISOString(),
			},
		};
	}

	forget(id: InstanceId): void {
		this.#cancelHeal(id);
		this.#schedules.get(id)?.();
		this.#schedules.delete(id);
	}

	stop(): void {
		for (const id of [...this.#heals.keys(), ...this.#schedules.keys()]) this.forget(id);
	}

	/** Whether the instance still needs this: much may have happened since the timer was set. */
	isDue({ status, heal }: Instance, action: HealAction): boolean {
		switch (action) {
			case 'restart':
				return heal.enabled && status.state === 'failed';
			case 'stuck_restart':
				return heal.enabled && isRunning(status.state);
			case 'scheduled_restart':
				return status.state === 'connected';
		}
	}

	/** The input of a healing act, with its event and audit row. */
	act(instance: Instance, action: HealAction): HealAct {
		const now = this.#options.clock.now();
		const healedAt = [...withinLastHour(instance.healedAt, now), now];
		const { reason } = instance.status;
		const data = { action, reason, restarts_last_hour: healedAt.length };
		return {
			input: { type: INPUT[action] },
			attached: {
				change: { healedAt },
				events: [{ event: 'instance.healed', occurredAt: now, data }],
				audit: { action: 'instance.healed', details: data },
			},
		};
	}

	#cancelHeal(id: InstanceId): void {
		this.#heals.get(id)?.();
		this.#heals.delete(id);
	}

	/** One timer at most, until the policy or the state changes. */
	#schedule({ id, status, heal: { scheduledRestart } }: Instance): void {
		this.#schedules.get(id)?.();
		this.#schedules.delete(id);
		if (!scheduledRestart || status.state !== 'connected') return;
		const { clock, cron, restartOnSchedule } = this.#options;
		const now = clock.now();
		const at = cron.next(scheduledRestart.cron, scheduledRestart.timeZone, now);
		if (at === undefined) return;
		this.#schedules.set(
			id,
			clock.after(at - now, () => {
				this.#schedules.delete(id);
				restartOnSchedule(id);
			}),
		);
	}
}

const INPUT = {
	restart: 'heal',
	scheduled_restart: 'scheduled_restart',
	stuck_restart: 'stuck',
} as const satisfies Record<HealAction, InstanceInput['type']>;
