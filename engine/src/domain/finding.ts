export type Severity = 'ok' | 'info' | 'warning' | 'error';

export interface Finding {
	readonly check: string;
	readonly severity: Severity;
	/** What was found, for people. */
	readonly message: string;
	/** Figures and instants behind it, ready for JSON. Never a secret or a query string. */
	readonly evidence: Readonly<Record<string, unknown>>;
	/** What to do; `null` when there is nothing to. */
	readonly fix: string | null;
}

/** A finding that has not the name of its check yet. */
export type Judgement = Omit<Finding, 'check'>;

type Evidence = Finding['evidence'];

export function ok(message: string, evidence: Evidence = {}): Judgement {
	return { severity: 'ok', message, evidence, fix: null };
}

export function info(
	message: string,
	evidence: Evidence = {},
	fix: string | null = null,
): Judgement {
	return { severity: 'info', message, evidence, fix };
}

/** Works, but not for long or not for everything. */
export function warning(message: string, evidence: Evidence, fix: string | null): Judgement {
	return { severity: 'warning', message, evidence, fix };
}

/** Nothing arrives, or nothing that arrives is accepted, until somebody mends it. */
export function error(message: string, evidence: Evidence, fix: string | null): Judgement {
	return { severity: 'error', message, evidence, fix };
}

/** For a check that could not be made; `why` is a whole sentence. */
export function notChecked(why: string): Judgement {
	return info(`Not checked. ${why}`);
}

/** For a check whose facts the engine could not find out. */
export const UNKNOWN = notChecked('The engine could not find this out in time. Try again.');
