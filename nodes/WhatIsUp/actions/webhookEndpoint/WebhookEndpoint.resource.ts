import { resourceOf } from '../../shared/resource';
import * as cancelReplay from './cancelReplay.operation';
import * as create from './create.operation';
import * as remove from './delete.operation';
import * as diagnose from './diagnose.operation';
import * as disable from './disable.operation';
import * as enable from './enable.operation';
import * as get from './get.operation';
import * as getMany from './getMany.operation';
import * as getReplay from './getReplay.operation';
import * as recover from './recover.operation';
import * as replay from './replay.operation';
import * as rotateSecret from './rotateSecret.operation';
import * as test from './test.operation';
import * as update from './update.operation';

export const webhookEndpoint = resourceOf('webhookEndpoint', 'getMany', [
	// To see what there is, and whether it works.
	getMany,
	get,
	diagnose,
	test,
	// To make up for an outage.
	recover,
	replay,
	getReplay,
	cancelReplay,
	// To look after it.
	create,
	update,
	enable,
	disable,
	rotateSecret,
	remove,
]);
