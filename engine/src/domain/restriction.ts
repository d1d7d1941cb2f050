/**
 * WhatsApp's own throttling, told by the error of an acknowledgement or by a close code. How long
 * it lasts WhatsApp does not say. Going on sending makes it worse, so the engine waits.
 */
const MINUTE_MS = 60_000;

const RESTRICTIONS_MS: Readonly<Record<number, number>> = {
	/** Too many requests. */
	429: 5 * MINUTE_MS,
	/** The account may not write to new contacts for a while. */
	463: 60 * MINUTE_MS,
};

/** How long the engine sends nothing after this error code; `undefined` for every other one. */
export function restrictionMs(code: number): number | undefined {
	return RESTRICTIONS_MS[code];
}

/** Whether the message itself may be sent again later, or only makes things worse. */
export function mayRepeatAfter(code: number): boolean {
	return code === 429;
}
