import type { JournalEntry, SessionListener } from '../../../engine/src/app/ports.ts';
import { BaileysDriver } from '../../../engine/src/drivers/baileys/baileys-driver.ts';
import type { SessionTiming } from '../../../engine/src/drivers/baileys/baileys-session.ts';
import { WebVersion } from '../../../engine/src/drivers/baileys/web-version.ts';
import type { OpenStorage } from '../../../engine/src/storage/storage.ts';
import { silentLog, systemClock } from '../../support/system.ts';

/** All that a session said. */
export class Heard {
	readonly qrs: string[] = [];
	readonly linked: unknown[] = [];
	readonly deadEnds: string[] = [];
	readonly opened: unknown[] = [];
	readonly closes: number[] = [];
	readonly entries: JournalEntry[] = [];
	readonly acks: { waId: string; error: string | undefined }[] = [];
	readonly receipts: { waIds: readonly string[]; status: string }[] = [];

	get listener(): SessionListener {
		return {
			qr: (code) => void this.qrs.push(code),
			linked: (account) => void this.linked.push(account),
			deadEnd: (reason) => void this.deadEnds.push(reason),
			opened: (account) => void this.opened.push(account),
			accountChanged: () => undefined,
			closed: (code) => void this.closes.push(code),
			journaled: (entries) => void this.entries.push(...entries),
			acknowledged: (waId, _at, error) => void this.acks.push({ waId, error }),
			receipt: (waIds, status) => void this.receipts.push({ waIds, status }),
		};
	}

	texts(driver: BaileysDriver): string[] {
		return this.entries.map((entry) => {
			const body = driver.translate(entry)?.body;
			return body?.type === 'text' ? body.text : '';
		});
	}
}

export function driverOn(storage: OpenStorage, timing?: SessionTiming): BaileysDriver {
	return new BaileysDriver({
		authState: storage.authState,
		messages: storage.messages,
		clock: systemClock,
		log: silentLog,
		version: new WebVersion({ clock: systemClock, log: silentLog, pinned: undefined }),
		...(timing ? { timing } : {}),
	});
}
