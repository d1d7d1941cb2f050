import { resourceOf } from '../../shared/resource';
import * as create from './create.operation';
import * as createPairingLink from './createPairingLink.operation';
import * as remove from './delete.operation';
import * as get from './get.operation';
import * as getAccount from './getAccount.operation';
import * as getHistory from './getHistory.operation';
import * as getMany from './getMany.operation';
import * as getPairingCode from './getPairingCode.operation';
import * as getQrCode from './getQrCode.operation';
import * as getStatus from './getStatus.operation';
import * as getUptime from './getUptime.operation';
import * as restart from './restart.operation';
import * as revokePairingLink from './revokePairingLink.operation';
import * as start from './start.operation';
import * as stop from './stop.operation';
import * as unlink from './unlink.operation';
import * as update from './update.operation';
import * as waitUntilConnected from './waitUntilConnected.operation';

export const instance = resourceOf('instance', 'getMany', [
	// To link an account.
	create,
	getQrCode,
	getPairingCode,
	createPairingLink,
	revokePairingLink,
	waitUntilConnected,
	// To look after it.
	get,
	getMany,
	getStatus,
	getAccount,
	getHistory,
	getUptime,
	update,
	start,
	stop,
	restart,
	// To part with it.
	unlink,
	remove,
]);
