import { z } from 'zod';
import { isApiKey } from './app/authentication.ts';
import type { Mode } from './domain/scope.ts';

/** A value that never shows itself by accident: printed, logged or serialised it is `[secret]`. */
export class Secret {
	readonly #value: string;

	constructor(value: string) {
		this.#value = value;
	}

	reveal(): string {
		return this.#value;
	}

	toString(): string {
		return '[secret]';
	}

	toJSON(): string {
		return '[secret]';
	}

	[Symbol.for('nodejs.util.inspect.custom')](): string {
		return '[secret]';
	}
}

export interface Config {
	readonly http: {
		readonly host: string;
		readonly port: number;
		/** Without a slash at its end; absent when callers reach the engine where it listens. */
		readonly publicUrl: string | undefined;
	};
	readonly dataDir: string;
	/** Absent in embedded mode: then they live in the data directory. */
	readonly secretsKey: Secret | undefined;
	readonly apiKeyPepper: Secret | undefined;
	readonly bootstrapKeys: Readonly<Partial<Record<Mode, Secret>>>;
	/** Postgres; the embedded SQLite file when absent. It holds a password, so it is a secret too. */
	readonly databaseUrl: Secret | undefined;
	readonly whatsapp: {
		readonly socketUrl: string;
		readonly webVersion: readonly [number, number, number] | undefined;
		readonly maxSessions: number;
		readonly pairingMs: number;
		readonly maxAttempts: number;
	};
	readonly webhooks: { readonly maxPerHost: number; readonly allowPrivate: string };
	/** How long payloads of deliveries are kept; 0 for ever. */
	readonly retention: { readonly successDays: number; readonly failedDays: number };
	readonly sandbox: { readonly receiptDelayMs: number };
	readonly logLevel: (typeof LOG_LEVELS)[number];
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const SECRET_LENGTH = 32;

export const WHATSAPP_SOCKET_URL = 'wss://web.whatsapp.com/ws/chat';

/** How a setting's text is read, and the text that stands for its absence. */
interface Setting {
	readonly schema: z.ZodType;
	readonly default?: string;
}

const whole = (least: number, most: number) =>
	z.coerce
		.number('must be a number')
		.int('must be a whole number')
		.min(least, `must be at least ${least}`)
		.max(most, `must be at most ${most}`);

const secret = z
	.string()
	.min(SECRET_LENGTH, `must have at least ${SECRET_LENGTH} characters`)
	.transform((value) => new Secret(value));

const apiKey = (mode: Mode) =>
	z
		.string()
		.refine(
			(key) => isApiKey(mode, key),
			`must be zpk_${mode}_ followed by 32 to 128 letters, digits, "-" or "_"`,
		)
		.transform((value) => new Secret(value));

const urlOf = (...protocols: string[]) =>
	z
		.string()
		.refine(
			(text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
			`must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
		);

export const SETTINGS = {
	WHATISUP_HOST: { schema: z.string().min(1), default: '127.0.0.1' },
	WHATISUP_PORT: { schema: whole(0, 65_535), default: '3000' },
	WHATISUP_PUBLIC_URL: {
		schema: urlOf('http:', 'https:')
			.transform((text) => text.replace(/\/+$/, ''))
			.optional(),
	},
	WHATISUP_DATA_DIR: { schema: z.string().min(1), default: './data' },
	WHATISUP_LIVE_KEY: { schema: apiKey('live').optional() },
	WHATISUP_TEST_KEY: { schema: apiKey('test').optional() },
	SECRETS_KEY: { schema: secret.optional() },
	API_KEY_PEPPER: { schema: secret.optional() },
	DATABASE_URL: {
		schema: urlOf('postgres:', 'postgresql:')
			.transform((value) => new Secret(value))
			.optional(),
	},
	WHATSAPP_SOCKET_URL: { schema: urlOf('ws:', 'wss:'), default: WHATSAPP_SOCKET_URL },
	WHATSAPP_WEB_VERSION: {
		schema: z
			.string()
			.regex(/^\d+\.\d+\.\d+$/, 'must look like 2.3000.1043857760')
			.transform((text) => text.split('.').map(Number) as [number, number, number])
			.optional(),
	},
	MAX_SESSIONS_PER_WORKER: { schema: whole(1, 10_000), default: '50' },
	PAIRING_TIMEOUT_SECONDS: { schema: whole(30, 3_600), default: '300' },
	RECONNECT_ATTEMPTS: { schema: whole(1, 1_000), default: '10' },
	WEBHOOK_MAX_PER_HOST: { schema: whole(1, 64), default: '4' },
	WEBHOOK_ALLOW_PRIVATE: { schema: z.string(), default: '' },
	PAYLOAD_RETENTION_SUCCESS_DAYS: { schema: whole(0, 3_650), default: '7' },
	PAYLOAD_RETENTION_FAILED_DAYS: { schema: whole(0, 3_650), default: '30' },
	SANDBOX_RECEIPT_DELAY_MS: { schema: whole(0, 60_000), default: '250' },
	LOG_LEVEL: {
		schema: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
		default: 'info',
	},
} as const satisfies Record<string, Setting>;

type Settings = {
	[Name in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[Name]['schema']>;
};

/** Everything that is wrong with the settings, one sentence each. */
export class ConfigFault extends Error {
	override readonly name = 'ConfigFault';
	readonly faults: readonly string[];

	constructor(faults: readonly string[]) {
		super(faults.join('\n'));
		this.faults = faults;
	}
}

/**
 * The environment as one frozen value. All faults are reported together, so that a person mends
 * them in one go; an empty variable counts as absent, as container files write them.
 */
export function readConfig(
	faultsInAllowList: (text: string) => readonly string[],
	environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
	const { settings, faults } = parseSettings(environment);
	faults.push(
		...unknownNames(environment),
		...missingSecrets(environment),
		...faultsInAllowList(environment['WEBHOOK_ALLOW_PRIVATE'] ?? '').map(
			(fault) => `WEBHOOK_ALLOW_PRIVATE ${fault}`,
		),
	);
	if (faults.length > 0) throw new ConfigFault(faults);
	const { WHATISUP_LIVE_KEY: live, WHATISUP_TEST_KEY: test, ...rest } = settings;
	return Object.freeze<Config>({
		http: {
			host: rest.WHATISUP_HOST,
			port: rest.WHATISUP_PORT,
			publicUrl: rest.WHATISUP_PUBLIC_URL,
		},
		dataDir: rest.WHATISUP_DATA_DIR,
		secretsKey: rest.SECRETS_KEY,
		apiKeyPepper: rest.API_KEY_PEPPER,
		bootstrapKeys: { ...(live && { live }), ...(test && { test }) },
		databaseUrl: rest.DATABASE_URL,
		whatsapp: {
			socketUrl: rest.WHATSAPP_SOCKET_URL,
			webVersion: rest.WHATSAPP_WEB_VERSION,
			maxSessions: rest.MAX_SESSIONS_PER_WORKER,
			pairingMs: rest.PAIRING_TIMEOUT_SECONDS * 1_000,
			maxAttempts: rest.RECONNECT_ATTEMPTS,
		},
		webhooks: {
			maxPerHost: rest.WEBHOOK_MAX_PER_HOST,
			allowPrivate: rest.WEBHOOK_ALLOW_PRIVATE,
		},
		retention: {
			successDays: rest.PAYLOAD_RETENTION_SUCCESS_DAYS,
			failedDays: rest.PAYLOAD_RETENTION_FAILED_DAYS,
		},
		sandbox: { receiptDelayMs: rest.SANDBOX_RECEIPT_DELAY_MS },
		logLevel: rest.LOG_LEVEL,
	});
}

/** The settings are whole when there are no faults. */
function parseSettings(environment: Readonly<Record<string, string | undefined>>): {
	readonly settings: Settings;
	readonly faults: string[];
} {
	const settings: Record<string, unknown> = {};
	const faults: string[] = [];
	for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
		const text = environment[name] === '' ? undefined : environment[name];
		const parsed = setting.schema.safeParse(text ?? setting.default);
		if (parsed.success) settings[name] = parsed.data;
		else faults.push(...parsed.error.issues.map(({ message }) => `${name} ${message}.`));
	}
	return { settings: settings as Settings, faults };
}

function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
	return Object.keys(environment)
		.filter((name) => name.startsWith('WHATISUP_') && !(name in SETTINGS))
		.map((name) => `${name} is not a setting; see docs/configuration.md for those that are.`);
}

/** Several engines may share a Postgres, and each would make secrets that the others do not have. */
function missingSecrets(environment: Readonly<Record<string, string | undefined>>): string[] {
	if (!environment['DATABASE_URL']) return [];
	return ['SECRETS_KEY', 'API_KEY_PEPPER']
		.filter((name) => !environment[name])
		.map(
			(name) =>
				`${name} must be set when DATABASE_URL is; for example to the output of "openssl rand -base64 32".`,
		);
}

/**
 * Names are resolved in half of libuv's threads. Of the four that it has by default, two names
 * whose servers are silent would keep all others from being resolved. libuv reads the number once,
 * at its first work.
 */
export function widenThreadPool(): void {
	process.env['UV_THREADPOOL_SIZE'] ??= '64';
}
