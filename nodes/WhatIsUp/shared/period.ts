import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { emptyField } from './added-field';
import { instantIn } from './instant';

export const fromField: INodeProperties = {
	displayName: 'From',
	name: 'from',
	type: 'dateTime',
	default: '',
	description: 'Only deliveries that were made at this time or later',
};

export const toField: INodeProperties = {
	displayName: 'To',
	name: 'to',
	type: 'dateTime',
	default: '',
	description: 'Only deliveries that were made before this time',
};

/**
 * Both ends of a time, as the engine takes them. An end that is left empty is left open; one
 * whose expression comes to nothing is not, since that would reach further than anybody meant.
 */
export function periodOf(
	this: IExecuteFunctions,
	given: IDataObject,
	itemIndex: number,
): { from?: string; to?: string } {
	return {
		...(isSet(given, 'from') && { from: endOf.call(this, 'From', given.from, itemIndex) }),
		...(isSet(given, 'to') && { to: endOf.call(this, 'To', given.to, itemIndex) }),
	};
}

function isSet(given: IDataObject, name: string): boolean {
	return name in given && given[name] !== '';
}

function endOf(this: IExecuteFunctions, field: string, value: unknown, itemIndex: number): string {
	if (value === null || value === undefined) throw emptyField.call(this, field, itemIndex);
	return instantIn.call(this, field, value, itemIndex);
}
