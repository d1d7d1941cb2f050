import { resourceOf } from '../../shared/resource';
import * as get from './get.operation';
import * as sendText from './sendText.operation';

export const message = resourceOf('message', 'sendText', [sendText, get]);
