import { Cron } from 'croner';
import type { CronSchedule } from '../app/ports.ts';

/** Cron expressions of five fields (six with seconds in front), in a time zone of the IANA list. */
export class CronerSchedule implements CronSchedule {
	faultOf(cron: string, timeZone: string): string | undefined {
		try {
			const next = schedule(cron, timeZone).nextRun();
			return next === null ? 'never comes to pass' : undefined;
		} catch (error) {
			return error instanceof Error ? error.message : String(error);
		}
	}

	next(cron: string, timeZone: string, after: number): number | undefined {
		return schedule(cron, timeZone).nextRun(new Date(after))?.getTime();
	}
}

/** Paused: it only answers when, and starts no timer of its own. */
function schedule(cron: string, timeZone: string): Cron {
	return new Cron(cron, { timezone: timeZone, paused: true });
}
