import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { testRequest, TEST_EVENT } from '../../engine/src/app/test-request.ts';
import { EVENT_NAMES } from '../../engine/src/domain/events.ts';
import { EndpointJson, NewEndpointBody } from '../../engine/src/http/webhook-endpoint-json.ts';
import { ids } from '../support/system.ts';

const text = read('docs/webhooks.md');

const events = rowsOf('event');

const test = testRequest({
	endpoint: { id: ids.next('wh'), url: 'https://receiver.test/', mode: 'live' },
	secrets: ['whsec_c2VjcmV0IG9mIHRoaXMgdGVzdA=='],
	ids,
	now: Date.UTC(2026, 0, 31, 12),
	userAgent: 'whatisup-webhooks/1.2.3',
}).request;

describe('docs/webhooks.md', () => {
	it('lists every event, and no other', () => {
		expect(events.map(([name]) => namesIn(name)[0])).toEqual([...EVENT_NAMES, TEST_EVENT]);
	});

	it.each(Object.entries(fieldsOfEvents()))('gives the fields of %s', (name, fields) => {
		const row = events.find(([cell]) => namesIn(cell)[0] === name);

		expect(namesIn(row?.at(-1))).toEqual(fields);
	});

	it('gives the fields of webhook.test', () => {
		const { data } = JSON.parse(Buffer.from(test.body).toString()) as { data: object };

		expect(namesIn(events.at(-1)?.at(-1))).toEqual(Object.keys(data));
	});

	it('shows an event with all fields of the envelope and of its data', () => {
		const [, example = ''] = /^## Events\n[^]*?```json\n([^]*?)```/m.exec(text) ?? [];
		const shown = JSON.parse(example) as { event: string; data: object };
		const envelope = JSON.parse(Buffer.from(test.body).toString()) as object;

		expect(Object.keys(shown)).toEqual(Object.keys(envelope));
		expect(Object.keys(shown.data)).toEqual(fieldsOfEvents()[shown.event]);
	});

	it('lists every header of a request, and no other', () => {
		const listed = rowsOf('header').flatMap(([name]) => namesIn(name));

		expect(listed.map((name) => name.toLowerCase()).sort()).toEqual(
			Object.keys(test.headers).sort(),
		);
	});

	it('lists every setting of an endpoint, and no other', () => {
		const listed = rowsOf('field').map(([name]) => namesIn(name)[0]);

		expect(listed.sort()).toEqual(Object.keys(NewEndpointBody.shape).sort());
	});

	it.each(Object.keys(EndpointJson.shape))('tells of the field %s of an endpoint', (field) => {
		const [, section = ''] = /^## Endpoints\n([^]*?)^## /m.exec(text) ?? [];

		expect(section).toContain(`\`${field}\``);
	});
});

/** The cells of each row of the first table whose first column has this name. */
function rowsOf(heading: string): string[][] {
	const table = new RegExp(`^\\| ${heading} .*\\n\\|[ -|]+\\n((?:\\|.*\\n)+)`, 'm').exec(text);
	const rows = table?.[1]?.trim().split('\n') ?? [];
	return rows.map((row) => row.split('|').slice(1, -1));
}

function namesIn(cell = ''): string[] {
	return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

/** Types are gone when the engine runs, so the catalogue is read as its authors wrote it. */
function fieldsOfEvents(): Readonly<Record<string, readonly string[]>> {
	const file = 'engine/src/domain/events.ts';
	const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
	const catalogue = source.statements.find(
		(statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === 'EventData',
	) as ts.InterfaceDeclaration;
	const entries = catalogue.members.map((member) => [nameOf(member), fieldsOf(member)] as const);
	return Object.fromEntries(entries);
}

function fieldsOf(member: ts.TypeElement): string[] {
	const { type } = member as ts.PropertySignature;
	return (type as ts.TypeLiteralNode).members.map(nameOf);
}

function nameOf({ name }: ts.TypeElement): string {
	return (name as ts.Identifier | ts.StringLiteral).text;
}

function read(file: string): string {
	return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}
