import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';
import { engineRequestAll } from '../transport';
import { instanceLabel } from './instance-label';

/** The instances of the key, for fields in which several can be chosen. */
export async function getInstances(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const instances = await engineRequestAll.call(this, '/v1/instances', {});
	return instances.map((instance) => ({
		name: instanceLabel(instance),
		value: String(instance.id),
	}));
}
