import { resourceOf } from '../../shared/resource';
import * as get from './get.operation';
import * as getAttempts from './getAttempts.operation';
import * as getMany from './getMany.operation';
import * as redeliver from './redeliver.operation';

export const delivery = resourceOf('delivery', 'getMany', [getMany, get, getAttempts, redeliver]);
