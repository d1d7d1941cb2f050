import type { SocketConfig } from '@whiskeysockets/baileys';
import type { Log } from '../../app/ports.ts';

type SocketLogger = SocketConfig['logger'];

/**
 * Baileys' log, without the objects that it attaches: they hold stanzas, texts, phone numbers and
 * keys. What stays is its own words and an error's message, at debug level.
 */
export function socketLogger(log: Log, fields: object): SocketLogger {
	const say = (data: unknown, message?: string) => {
		const text = typeof data === 'string' ? data : message;
		if (text) log.debug(fields, `baileys: ${withoutNumbers(text)}`);
	};
	const silent = () => undefined;
	const logger: SocketLogger = {
		level: 'info',
		child: () => logger,
		trace: silent,
		debug: silent,
		info: say,
		warn: say,
		error: say,
	};
	return logger;
}

/** Some of its sentences name an account. */
function withoutNumbers(text: string): string {
	return text.replace(/\d{7,}/g, '…');
}
