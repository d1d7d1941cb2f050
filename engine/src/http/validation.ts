import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { EngineError, type ErrorCode } from '../domain/errors.ts';
import { MOST_NAME_CHARACTERS } from './errors.ts';

/**
 * Checks one part of a request against its schema. What does not fit becomes an `invalid_request`
 * that names every field at fault in plain words, and never repeats what was sent.
 *
 * An id of the wrong shape is an exception: it cannot exist, so it is not found, wherever in the
 * request it stands. That is the answer which a well-formed id that nobody has gets, too.
 */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
	return (data) => {
		const result = schema.safeParse(data, { error: explain });
		return result.success
			? { value: result.data }
			: { error: refusal(result.error.issues, httpPart ?? 'request') };
	};
};

/** The fields that hold an id, and what is not there when it cannot be one. */
const NOT_FOUND: Readonly<Record<string, ErrorCode>> = {
	instance_id: 'instance_not_found',
	instance_ids: 'instance_not_found',
	message_id: 'message_not_found',
	endpoint_id: 'endpoint_not_found',
	delivery_id: 'delivery_not_found',
	replay_id: 'replay_not_found',
};

const MOST_ISSUES = 20;

interface Issue {
	readonly path: string;
	readonly message: string;
}

function refusal(issues: readonly z.core.$ZodIssue[], part: string): EngineError {
	const [first] = issues;
	const missing = first && issues.length === 1 && first.code === 'invalid_format';
	const field = missing && first.path.findLast((part) => typeof part === 'string');
	const notFound = field && NOT_FOUND[field];
	if (notFound) return new EngineError(notFound);
	return new EngineError('invalid_request', {
		issues: issues.flatMap((issue) => toIssues(issue, part)).slice(0, MOST_ISSUES),
	});
}

function toIssues(issue: z.core.$ZodIssue, part: string): Issue[] {
	if (issue.code !== 'unrecognized_keys') {
		return [{ path: pathOf(issue.path) || part, message: issue.message }];
	}
	return issue.keys.map((key) => ({
		path: pathOf([...issue.path, key.slice(0, MOST_NAME_CHARACTERS)]),
		message: issue.message,
	}));
}

function pathOf(path: readonly PropertyKey[]): string {
	return path.map(String).join('.');
}

const NOUNS: Readonly<Record<string, string>> = {
	string: 'text',
	number: 'a number',
	int: 'a whole number',
	boolean: 'true or false',
	array: 'a list',
	object: 'an object',
	record: 'an object',
};

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

/** Words for what a schema found; a schema that has words of its own keeps them. */
function explain(issue: z.core.$ZodRawIssue): string {
	switch (issue.code) {
		case 'invalid_type':
			return issue.input === undefined
				? 'is required'
				: `must be ${NOUNS[issue.expected] ?? issue.expected}`;
		case 'unrecognized_keys':
			return 'is not a known field';
		case 'invalid_value':
			return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
		case 'too_small':
			return Number(issue.minimum) === 1 && issue.origin in UNITS
				? 'must not be empty'
				: `must be at least ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
		case 'too_big':
			return `must be at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
		default:
			return 'is not valid';
	}
}
