import type { IDataObject } from 'n8n-workflow';

/** What one check of a diagnosis came to. */
export interface Finding extends IDataObject {
	check: string;
	severity: string;
	message: string;
	fix: string | null;
}

/** The severities that somebody has to look at, worst first, and what they are called. */
const TROUBLES = [
	['error', 'Error'],
	['warning', 'Warning'],
] as const;

/** The findings in a few lines that can go into a message: what is wrong and what to do. */
export function summaryOf(findings: readonly Finding[]): string {
	const lines = TROUBLES.flatMap(([severity, word]) =>
		findings
			.filter((finding) => finding.severity === severity)
			.map(({ message, fix }) => [`${word}: ${message}`, fix].filter(Boolean).join(' ')),
	);
	return lines.length > 0 ? lines.join('\n') : 'Nothing is wrong.';
}
