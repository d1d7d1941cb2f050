import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';
import { pathSegment } from './fields';

/** Which group of accounts to use: picked from those that exist, or given by its name. */
export const groupField: INodeProperties = {
	displayName: 'Group',
	name: 'group',
	type: 'resourceLocator',
	default: { mode: 'list', value: '' },
	required: true,
	description:
		'The accounts that stand in for each other. Put an account into a group with Instance > Update.',
	modes: [
		{
			displayName: 'From List',
			name: 'list',
			type: 'list',
			placeholder: 'Select a group...',
			typeOptions: { searchListMethod: 'searchGroups', searchable: true },
		},
		{ displayName: 'By Name', name: 'name', type: 'string', placeholder: 'e.g. Support' },
	],
};

/** The path of a group in the API. Fails when no group has been chosen. */
export function groupPath(this: IExecuteFunctions, itemIndex: number): string {
	return `/v1/groups/${pathSegment.call(this, 'group', itemIndex)}`;
}
