import { describe, expect, it, jest } from '@jest/globals';
import type {
	INodeProperties,
	INodePropertyCollection,
	INodePropertyMode,
	INodePropertyOptions,
} from 'n8n-workflow';
import { WhatIsUpApi } from '../../credentials/WhatIsUpApi.credentials';
import { EVENTS } from '../../nodes/WhatIsUp/shared/events';
import { WhatIsUp } from '../../nodes/WhatIsUp/WhatIsUp.node';
import { WhatIsUpTrigger } from '../../nodes/WhatIsUpTrigger/WhatIsUpTrigger.node';

const engine = jest.requireActual<{ EVENT_NAMES: string[] }>('../../engine/src/domain/events.ts');

const nodes = [new WhatIsUp(), new WhatIsUpTrigger()].map(({ description }) => description);
const fields = [...nodes.flatMap((node) => node.properties), ...new WhatIsUpApi().properties];

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
		expect(options).toHaveLength(3 + 7 + 2 + 2);
	});
});

describe('the trigger', () => {
	it('offers every event that the engine delivers, and no other', () => {
		const offered = EVENTS.map(({ value }) => value);

		expect(offered.sort()).toEqual([...engine.EVENT_NAMES].sort());
	});

	it('explains every event', () => {
		expect(EVENTS.filter(({ description }) => !description)).toEqual([]);
	});
});

describe('the action node', () => {
	it('can be used as a tool of an AI agent', () => {
		expect(nodes[0]).toMatchObject({ usableAsTool: true });
	});

	it('has an operation for each that it offers, and for no other', async () => {
		const { operations: ofInstance } =
			await import('../../nodes/WhatIsUp/actions/instance/Instance.resource');
		const { operations: ofMessage } =
			await import('../../nodes/WhatIsUp/actions/message/Message.resource');
		const { operations: ofDelivery } =
			await import('../../nodes/WhatIsUp/actions/delivery/Delivery.resource');

		expect(offered('instance')).toEqual(Object.keys(ofInstance));
		expect(offered('message')).toEqual(Object.keys(ofMessage));
		expect(offered('delivery')).toEqual(Object.keys(ofDelivery));
	});
});

function offered(resource: string): unknown[] {
	const field = nodes[0]?.properties.find(
		({ name, displayOptions }) =>
			name === 'operation' && displayOptions?.show?.resource?.includes(resource),
	);
	return ((field?.options ?? []) as INodePropertyOptions[]).map(({ value }) => value);
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
	];
}

function isTitleCase(word: string, index: number): boolean {
	const isSmallWord = ['a', 'an', 'and', 'in', 'of', 'or', 'the', 'to'].includes(word);
	return /^[A-Z0-9]/.test(word) || (isSmallWord && index > 0);
}
