import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import {
	NodeHelpers,
	Workflow,
	type INodeParameters,
	type INodeProperties,
	type INodePropertyCollection,
	type INodePropertyMode,
	type INodePropertyOptions,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { WhatIsUpApi } from '../../credentials/WhatIsUpApi.credentials';
import { EVENTS } from '../../nodes/WhatIsUp/shared/events';
import { WhatIsUp } from '../../nodes/WhatIsUp/WhatIsUp.node';
import { REASONS } from '../../nodes/WhatIsUpTrigger/reasons';
import { WhatIsUpTrigger } from '../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';
import { nodeOf } from './support/n8n-context';

const engine = jest.requireActual<{ EVENT_NAMES: string[] }>('../../engine/src/domain/events.ts');

const { description: action } = new WhatIsUp();
const { description: trigger } = new WhatIsUpTrigger();
const fields = [...action.properties, ...trigger.properties, ...new WhatIsUpApi().properties];

describe('what a person reads', () => {
	it.each([...new Set(fields.flatMap(labelsIn))])('is written in Title Case: %s', (label) => {
		expect(label.split(' ').filter((word, index) => !isTitleCase(word, index))).toEqual([]);
	});

	it.each([...new Set(fields.flatMap(textsIn))])(
		'needs no knowledge of WhatsApp inside: %s',
		(text) => {
			expect(text).not.toMatch(/\b(jid|lid|baileys|websocket|socket|payload)\b/i);
		},
	);

	it('explains every operation and resource', () => {
		const choices = fields.filter(({ name }) => ['resource', 'operation'].includes(name));
		const options = choices.flatMap((field) => (field.options ?? []) as INodePropertyOptions[]);

		expect(options.filter(({ description }) => !description)).toEqual([]);
		expect(options).toHaveLength(5 + 2 + 18 + 2 + 14 + 4);
	});
});

describe('the trigger', () => {
	it('offers every event that the engine delivers, and no other', () => {
		const offered = EVENTS.map(({ value }) => value);

		expect([...offered].sort()).toEqual([...engine.EVENT_NAMES].sort());
	});

	it('says where the event comes from that it waits for', () => {
		expect(trigger.eventTriggerDescription).toContain('from another phone');
		expect(trigger.triggerPanel).toMatchObject({
			executionsHelp: { inactive: expect.stringContaining('from another phone') },
		});
	});

	it('explains every event', () => {
		expect(EVENTS.filter(({ description }) => !description)).toEqual([]);
	});

	it('can tell apart every reason that the engine gives, and no other', () => {
		const offered = REASONS.map(({ value }) => value);

		expect(offered.sort()).toEqual(engineReasons().sort());
	});

	it('offers all events by one name, too', () => {
		const field = trigger.properties.find(({ name }) => name === 'events');
		const values = (field?.options as INodePropertyOptions[]).map(({ value }) => value);

		expect(values).toEqual([...EVENTS.map(({ value }) => value), '*']);
	});

	it('offers filters only where there is something to filter', () => {
		expect(shownFor(['message.received'])).not.toContain('filters');
		expect(shownFor(['message.received', 'instance.failed'])).toContain('filters');
		expect(shownFor(['instance.needs_attention'])).toContain('filters');
		expect(shownFor(['*'])).toEqual(expect.arrayContaining(['filters', 'ignoreFromMe', 'chats']));
		expect(shownFor(['instance.failed'])).not.toContain('chats');
	});
});

describe('the action node', () => {
	it('can be used as a tool of an AI agent', () => {
		expect(action).toMatchObject({ usableAsTool: true });
	});

	it('lists first what is used first', () => {
		expect(offered('resource')).toEqual([
			'message',
			'instance',
			'group',
			'webhookEndpoint',
			'delivery',
		]);
		expect(offered('operation', 'message')).toEqual(['sendText', 'get']);
		expect(offered('operation', 'instance').slice(0, 2)).toEqual(['create', 'getQrCode']);
		expect(offered('operation', 'group')).toEqual(['sendText', 'get']);
		expect(offered('operation', 'webhookEndpoint').slice(0, 3)).toEqual([
			'getMany',
			'get',
			'diagnose',
		]);
		expect(offered('operation', 'delivery').slice(0, 2)).toEqual(['getMany', 'get']);
	});

	it('chooses, where nothing is chosen yet, something that it offers', () => {
		const fields = action.properties.filter(({ name }) => name === 'operation');

		for (const { options, default: chosen } of fields) {
			expect((options as INodePropertyOptions[]).map(({ value }) => value)).toContain(chosen);
		}
	});
});

describe('the line below the name on the canvas', () => {
	it.each([
		['message', 'sendText', 'Send Text: message'],
		['instance', 'getQrCode', 'Get QR Code: instance'],
		['delivery', 'getMany', 'Get Many: delivery'],
		['webhookEndpoint', 'rotateSecret', 'Rotate Secret: webhook endpoint'],
	])('of the action node tells of %s and %s', (resource, operation, words) => {
		expect(subtitle(action, { resource, operation })).toBe(words);
	});

	it('of the action node calls every operation by its name', () => {
		for (const resource of offered('resource') as string[]) {
			for (const { name, value } of choices('operation', resource)) {
				const words = subtitle(action, { resource, operation: String(value) });

				const spelled = resource.replace('webhookEndpoint', 'webhook endpoint');
				expect(words).toBe(`${name}: ${spelled}`);
			}
		}
	});

	it('of the trigger tells when it is all of them', () => {
		expect(subtitle(trigger, { events: ['*'] })).toBe('All Events');
	});

	it('of the trigger names its events', () => {
		const events = ['message.received', 'qr.updated', 'instance.needs_attention'];

		expect(subtitle(trigger, { events })).toBe(
			'Message Received, QR Updated, Instance Needs Attention',
		);
	});
});

/** Out of the types of the engine, which leave nothing behind that could be loaded. */
function engineReasons(): string[] {
	const source = readFileSync(join(__dirname, '../../engine/src/domain/instance.ts'), 'utf8');
	const unions = [...source.matchAll(/export type (?:Status|Close)Reason =([^;]*);/g)];
	return unions.flatMap(([, union = '']) => [...union.matchAll(/'(\w+)'/g)].map(([, one]) => one!));
}

/** The names of the fields that n8n shows when these events are chosen. */
function shownFor(events: string[]): string[] {
	const { properties } = trigger;
	const node = { typeVersion: 1 };
	return properties
		.filter((field) => NodeHelpers.displayParameter({ events }, field, node, trigger))
		.map(({ name }) => name);
}

/** What n8n's own expression engine makes of it. */
function subtitle(description: INodeTypeDescription, parameters: INodeParameters): unknown {
	const type = { description } as INodeType;
	const node = { ...nodeOf(type), parameters };
	const nodeTypes = {
		getByName: () => type,
		getByNameAndVersion: () => type,
		getKnownTypes: () => ({}),
	};
	const workflow = new Workflow({ nodes: [node], connections: {}, active: false, nodeTypes });
	return workflow.expression.getSimpleParameterValue(node, description.subtitle, 'internal', {});
}

function offered(name: string, resource?: string): unknown[] {
	return choices(name, resource).map(({ value }) => value);
}

function choices(name: string, resource?: string): INodePropertyOptions[] {
	const field = action.properties.find(
		(property) =>
			property.name === name &&
			(resource === undefined || property.displayOptions?.show?.resource?.includes(resource)),
	);
	return (field?.options ?? []) as INodePropertyOptions[];
}

type Described = INodeProperties | INodePropertyOptions | INodePropertyCollection;

/** The names of a field and of all that can be chosen or added in it. A notice is no name. */
function labelsIn(field: Described | INodePropertyMode): string[] {
	if ('type' in field && field.type === 'notice') return [];
	return [
		'displayName' in field ? field.displayName : field.name,
		...partsOf(field).flatMap(labelsIn),
	];
}

/** Every sentence beside the names. */
function textsIn(field: Described | INodePropertyMode): string[] {
	const own = [
		'description' in field ? field.description : undefined,
		'hint' in field ? field.hint : undefined,
		'type' in field && field.type === 'notice' ? field.displayName : undefined,
	];
	return [...own.filter((text) => typeof text === 'string'), ...partsOf(field).flatMap(textsIn)];
}

function partsOf(field: Described | INodePropertyMode): Array<Described | INodePropertyMode> {
	return [
		...(('options' in field && field.options) || []),
		...(('modes' in field && field.modes) || []),
		...(('values' in field && field.values) || []),
	];
}

function isTitleCase(word: string, index: number): boolean {
	const isSmallWord = ['a', 'an', 'and', 'by', 'in', 'of', 'or', 'per', 'the', 'to'].includes(word);
	return /^\(?[A-Z0-9]/.test(word) || (isSmallWord && index > 0);
}
