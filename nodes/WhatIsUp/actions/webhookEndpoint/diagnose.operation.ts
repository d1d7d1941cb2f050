import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { summaryOf, type Finding } from '../../shared/diagnosis';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { engineRequest } from '../../transport';

export const option: INodePropertyOptions = {
	name: 'Diagnose',
	value: 'diagnose',
	action: 'Diagnose a webhook endpoint',
	description:
		'Find out why events do not arrive at a URL, or why their signatures do not fit, and what to do',
};

const fields: INodeProperties[] = [
	endpointField,
	{
		displayName: 'Split Findings Into Items',
		name: 'splitFindings',
		type: 'boolean',
		default: false,
		description: 'Whether to put out one item for each finding instead of one with all of them',
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['diagnose'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/diagnose`;
	const { findings, ...diagnosis } = await engineRequest.call(this, { method: 'GET', path });
	const found = (Array.isArray(findings) ? findings : []) as Finding[];

	if (this.getNodeParameter('splitFindings', itemIndex) === true) {
		const { endpoint_id } = diagnosis;
		return this.helpers.returnJsonArray(found.map((finding) => ({ endpoint_id, ...finding })));
	}
	const { healthy, ...rest } = diagnosis;
	return this.helpers.returnJsonArray({
		healthy,
		summary: summaryOf(found),
		findings: found,
		...rest,
	});
}
