import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../../engine/src/domain/errors.ts';
import { Api } from './api.ts';

const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options', 'trace'];

interface Operation {
	readonly operationId: string;
	readonly summary: string;
	readonly tags: readonly string[];
	readonly security?: readonly object[];
	readonly parameters?: readonly { readonly in: string; readonly name: string }[];
	readonly requestBody?: { readonly required: boolean; readonly content: object };
	readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

interface Document {
	readonly openapi: string;
	readonly tags: readonly { readonly name: string }[];
	readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
	readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

describe('/openapi.json', () => {
	const routes: string[] = [];
	let api: Api;
	let document: Document;

	beforeAll(async () => {
		api = await Api.open();
		api.app.addHook('onRoute', ({ method, url }) => {
			routes.push(...[method].flat().map((name) => `${name} ${url}`));
		});
		document = (await api.call('GET', '/openapi.json', { key: null })).json as Document;
	});

	afterAll(() => api.close());

	it('describes every route, and itself by being there', () => {
		const served = routes
			.filter((route) => !route.startsWith('HEAD ') && route !== 'GET /openapi.json')
			.map((route) => route.replace(/:(\w+)/g, '{$1}'));

		expect(served.length).toBeGreaterThan(20);
		expect(
			operations()
				.map(([name]) => name)
				.sort(),
		).toEqual(served.sort());
	});

	it('is OpenAPI 3.1, as far as its form can be told by hand', () => {
		expect(document.openapi).toBe('3.1.0');
		const tags = document.tags.map(({ name }) => name);
		const names = operations().map(([, { operationId }]) => operationId);
		expect(new Set(names).size).toBe(names.length);
		for (const [name, operation] of operations()) {
			expect(METHODS).toContain(name.split(' ')[0]?.toLowerCase());
			expect(operation.summary).toMatch(/\w/);
			expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
			expect(Object.keys(operation.responses)).toContainEqual(expect.stringMatching(/^20\d$/));
			for (const { description } of Object.values(operation.responses)) {
				expect(description).toMatch(/^(?!Default).+/);
			}
		}
	});

	it('declares every parameter of every path', () => {
		for (const [name, { parameters = [] }] of operations()) {
			const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
			const declared = parameters.filter((parameter) => parameter.in === 'path');

			expect(declared.map((parameter) => parameter.name).sort()).toEqual(inPath.sort());
		}
	});

	it('refers to nothing that is not in it, and holds nothing that is not referred to', () => {
		const references = JSON.stringify(document).matchAll(
			/"\$ref":"#\/components\/schemas\/(\w+)"/g,
		);
		const referred = new Set([...references].map(([, name]) => name));

		expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
	});

	it('asks for a key everywhere but for health and on the pairing page', () => {
		const open = operations().filter(([, { security }]) => security?.length === 0);

		expect(open.map(([name]) => name)).toEqual([
			'GET /healthz',
			'GET /readyz',
			'GET /pair/{token}',
			'GET /pair/{token}/state',
			'POST /pair/{token}/start',
			'POST /pair/{token}/code',
		]);
	});

	it('keeps the answer of an engine that is not ready', () => {
		const unavailable = document.paths['/readyz']?.['get']?.responses['503'];

		expect(JSON.stringify(unavailable)).toContain('#/components/schemas/Readiness');
	});

	it('knows which bodies may be left out', () => {
		const optional = operations().filter(([, { requestBody }]) => requestBody?.required === false);

		expect(optional.map(([, { operationId }]) => operationId)).toEqual([
			'rotateWebhookSecret',
			'startWebhookReplay',
			'recoverWebhookEndpoint',
			'scanQrCode',
		]);
	});

	it('names every error code', () => {
		const text = JSON.stringify(document);

		for (const code of Object.keys(ERRORS)) expect(text).toContain(`"${code}"`);
	});

	function operations(): [name: string, Operation][] {
		return Object.entries(document.paths).flatMap(([path, methods]) =>
			Object.entries(methods).map(([method, operation]): [string, Operation] => [
				`${method.toUpperCase()} ${path}`,
				operation,
			]),
		);
	}
});
