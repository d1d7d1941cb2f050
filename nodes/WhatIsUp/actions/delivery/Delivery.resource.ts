import { resourceOf } from '../../shared/resource';
import * as get from './get.operation';
import * as getMany from './getMany.operation';

export const delivery = resourceOf('delivery', 'getMany', [getMany, get]);
