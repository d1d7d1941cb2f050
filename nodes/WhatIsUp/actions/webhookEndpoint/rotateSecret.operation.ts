import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';
import { endpointField, endpointPath } from '../../shared/endpoint';
import { signingSecretField } from '../../shared/endpoint-settings';
import { textOf } from '../../shared/fields';
import { engineRequest } from '../../transport';

const HOUR_S = 3_600;

export const option: INodePropertyOptions = {
	name: 'Rotate Secret',
	value: 'rotateSecret',
	action: 'Rotate the signing secret of a webhook endpoint',
	description:
		'Replace the secret that calls are signed with; the old one still counts for a while',
};

const fields: INodeProperties[] = [
	{
		displayName:
			'The output holds the new signing secret, which is shown this once. Until the overlap is over, calls are signed with both. The trigger of a workflow refuses calls with a secret it does not know: deactivate and activate the workflow afterwards, which gives it a new one.',
		name: 'rotateNotice',
		type: 'notice',
		default: '',
	},
	endpointField,
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add Option',
		default: {},
		options: [
			{
				displayName: 'Overlap (Hours)',
				name: 'overlapHours',
				type: 'number',
				typeOptions: { minValue: 0, maxValue: 168 },
				default: 24,
				description:
					'How long the old secret still counts, so that the receiver can be changed meanwhile. 0 ends it at once.',
			},
			signingSecretField,
		],
	},
];

export const description = updateDisplayOptions(
	{ show: { resource: ['webhookEndpoint'], operation: ['rotateSecret'] } },
	fields,
);

export async function execute(
	this: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[]> {
	const path = `${endpointPath.call(this, itemIndex)}/rotate-secret`;
	const { overlapHours, signingSecret } = this.getNodeParameter('options', itemIndex, {});
	const secret = textOf(signingSecret);

	const endpoint = await engineRequest.call(this, {
		method: 'POST',
		path,
		body: {
			...(overlapHours !== undefined && {
				overlap_seconds: Math.round(Number(overlapHours) * HOUR_S),
			}),
			...(secret !== '' && { signing_secret: secret }),
		},
	});
	return this.helpers.returnJsonArray(endpoint);
}
