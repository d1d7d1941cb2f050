import { z } from 'zod';
import { idPattern, type Id, type IdPrefix } from '../domain/ids.ts';
import { MAX_TEXT_LENGTH } from '../domain/message.ts';

/** The id of one noun. `validation.ts` answers a malformed one as not found. */
export function id<Prefix extends IdPrefix>(prefix: Prefix): z.ZodType<Id<Prefix>> {
	const schema = z.string().regex(idPattern(prefix), 'is not an id of this kind');
	return schema as unknown as z.ZodType<Id<Prefix>>;
}

export const InstanceParams = z.object({ instance_id: id('inst') });

/** Unix milliseconds inside, ISO 8601 outside. */
export const Instant = z.string().meta({ format: 'date-time' });

export function toInstant(ms: number): string {
	return new Date(ms).toISOString();
}

export function toInstantOrNull(ms: number | null): string | null {
	return ms === null ? null : toInstant(ms);
}

const NO_TEXT = /[\0\p{Surrogate}]/u;

/**
 * Text of people. NUL and halves of surrogate pairs are refused, because Postgres stores no NUL and
 * UTF-8 has no halves: what was accepted would not come back as it was.
 */
export function text(maxLength: number) {
	return z
		.string()
		.min(1)
		.max(maxLength)
		.refine((value) => !NO_TEXT.test(value), {
			error: 'has a character that is not text (NUL or half of a surrogate pair)',
		});
}

export const PhoneNumber = z
	.string()
	.regex(/^\+?\d{7,15}$/, 'must be a phone number with its country code, 7 to 15 digits')
	.transform((number) => number.replace('+', ''));

export const PushName = text(100).describe('The name that its owner gave the phone');

export const TextBody = z.strictObject({
	type: z.literal('text'),
	text: text(MAX_TEXT_LENGTH),
});
