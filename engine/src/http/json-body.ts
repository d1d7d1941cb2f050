import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { invalidRequest } from './errors.ts';

/**
 * Reads bodies: JSON in UTF-8 and nothing else. An empty body is no body, for many programs send
 * the content type with every request; a schema that needs one then says what it needs.
 */
export function readJsonBodies(app: FastifyInstance): void {
	const parse = app.getDefaultJsonParser('error', 'error');
	app.removeAllContentTypeParsers();
	app.addContentTypeParser<Buffer>(
		'application/json',
		{ parseAs: 'buffer' },
		(request, body, done) => {
			if (body.length === 0) {
				done(null);
				return;
			}
			if (!isUtf8(body)) {
				done(invalidRequest('body', 'is not text in UTF-8'));
				return;
			}
			const text = body.toString('utf8');
			void parse(request, text, (error, value) => {
				if (error) done(notJson(text));
				else done(null, value);
			});
		},
	);
}

function notJson(text: string): Error {
	const fault = faultOf(text);
	return invalidRequest('body', `is not JSON (${fault})`, `Correct the JSON: ${fault}.`);
}

/** What the parser says of it and where, without the part of the body that it quotes. */
function faultOf(text: string): string {
	try {
		JSON.parse(text);
	} catch (error) {
		const [fault] = (error as SyntaxError).message.split(/(?:^|, (?:\.\.\.)?)"/);
		return (
			fault?.replace(/ (?:in|after|of) JSON(?: input| at position \d+)?/, '') || 'some other text'
		);
	}
	return 'a field may not be named __proto__ or constructor.prototype';
}
