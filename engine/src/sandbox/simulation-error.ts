/**
 * Every way in which the simulated network refuses what its owner asks of it. The code is for
 * callers to match on, the sentence for people. What a peer does on the wire never throws one.
 */
const ERRORS = {
	qr_malformed: 'This is not the text of a pairing QR.',
	qr_unknown: 'No connection is offering this QR: it was scanned, has expired or was dropped.',
	pairing_code_not_requested: 'No connection has asked for a pairing code for this number.',
	pairing_code_wrong: 'The pairing code is not the one that the connection shows.',
	pairing_abandoned: 'The connection was lost or refused the phone before pairing was complete.',
	phone_number_invalid: 'A phone number is 7 to 15 digits.',
	unknown_device: 'No linked device or connection has this label or phone number.',
	unknown_group: 'No group has this address, or the sender is not in it.',
	not_running: 'The simulated network is not running.',
} as const;

export type SimulationErrorCode = keyof typeof ERRORS;

export class SimulationError extends Error {
	override readonly name = 'SimulationError';
	readonly code: SimulationErrorCode;

	constructor(code: SimulationErrorCode, options?: ErrorOptions) {
		super(ERRORS[code], options);
		this.code = code;
	}
}
