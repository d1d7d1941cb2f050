import { createHash } from 'node:crypto';
import type { InstanceState, InstanceStatus, StatusReason } from '../domain/instance.ts';
import type { QrCode } from './held-sessions.ts';
import type { Instance } from './ports.ts';

/** A code to type into the phone, and when WhatsApp forgets it. */
export interface PairingCode {
	readonly code: string;
	readonly expiresAt: number;
}

/**
 * How far a pairing has come, as far as the person at the phone can tell:
 *
 *   idle ──start──▶ waiting ──▶ scan ──▶ connecting ──▶ connected
 *    ▲                            │
 *    └────── nobody scanned ──────┘          stopped, failed: somebody has to do something
 */
export type PairingStep =
	'idle' | 'waiting' | 'scan' | 'connecting' | 'connected' | 'stopped' | 'failed';

/** What the holder of a pairing link may see of the instance, and nothing else. */
export interface PairingView {
	readonly name: string;
	readonly step: PairingStep;
	readonly reason: StatusReason | null;
	/** Whether the holder of the link may ask for new codes. */
	readonly canStart: boolean;
	readonly qr: QrCode | null;
	readonly pairingCode: PairingCode | null;
	/** Of the linked phone; all but the last four digits are left out. */
	readonly phoneNumber: string | null;
	readonly linkExpiresAt: number;
	/** Changes whenever something above does. */
	readonly version: string;
	/** When it looked like this. */
	readonly at: number;
}

export interface PairingFacts {
	readonly instance: Instance;
	readonly qr: QrCode | undefined;
	readonly pairingCode: PairingCode | undefined;
	readonly linkExpiresAt: number;
	/** The link has served its purpose and shows no more than that. */
	readonly isUsed: boolean;
	readonly at: number;
}

const SHOWN_DIGITS = 4;

export function pairingView(facts: PairingFacts): PairingView {
	const { instance, linkExpiresAt } = facts;
	const { state, reason } = instance.status;
	const qr = state === 'qr' && facts.qr ? facts.qr : null;
	const view = {
		name: instance.name,
		step: stepOf(instance, qr),
		reason,
		canStart: !facts.isUsed && canStart(instance.status),
		qr,
		pairingCode: (qr && facts.pairingCode) ?? null,
		phoneNumber: state === 'connected' ? masked(instance) : null,
		linkExpiresAt,
	};
	return { ...view, version: fingerprint({ ...view, qr: qr?.code }), at: facts.at };
}

/**
 * A stopped instance was stopped by its owner, who alone starts it again. One that WhatsApp refuses
 * would be refused again.
 */
export function canStart({ state, reason }: InstanceStatus): boolean {
	if (state === 'failed') return reason !== 'banned' && reason !== 'client_outdated';
	return state === 'pending' || state === 'logged_out';
}

function stepOf({ status, account }: Instance, qr: QrCode | null): PairingStep {
	const steps: Readonly<Record<InstanceState, PairingStep>> = {
		pending: 'idle',
		logged_out: 'idle',
		// WhatsApp ends the first connection itself once a phone has linked it.
		starting: account || status.reason === 'restart_required' ? 'connecting' : 'waiting',
		qr: qr ? 'scan' : 'waiting',
		connected: 'connected',
		reconnecting: 'connecting',
		stopped: 'stopped',
		failed: 'failed',
	};
	return steps[status.state];
}

function masked({ account }: Instance): string | null {
	const digits = account?.phoneNumber;
	return digits ? `…${digits.slice(-SHOWN_DIGITS)}` : null;
}

function fingerprint(value: object): string {
	return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22);
}
