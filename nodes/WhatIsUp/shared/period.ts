import type { IDataObject, IExecuteFunctions, INodeProperties } from 'n8n-workflow';
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

/** Both ends of a time, as the engine takes them. An end that is left empty is left open. */
export function periodOf(
	this: IExecuteFunctions,
	{ from, to }: IDataObject,
	itemIndex: number,
): { from?: string; to?: string } {
	return {
		...(from && { from: instantIn.call(this, 'From', from, itemIndex) }),
		...(to && { to: instantIn.call(this, 'To', to, itemIndex) }),
	};
}
