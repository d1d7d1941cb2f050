/**
 * Every way the engine can refuse or fail, in one table. The code is the contract: callers match
 * on it, docs/errors.md lists it, and it is never reused. The message says what is wrong, the hint
 * what to do about it; both are for people and may be reworded at will.
 */
export const ERRORS = {
	invalid_request: {
		message: 'The request is not valid.',
		hint: 'Correct the fields named in details and send it again.',
	},
	auth_missing: {
		message: 'No API key was sent.',
		hint: 'Send the header "Authorization: Bearer <your key>".',
	},
	auth_malformed: {
		message: 'The Authorization header does not hold an API key.',
		hint: 'Send "Authorization: Bearer zpk_live_…" or "Bearer zpk_test_…", the whole key.',
	},
	auth_invalid: {
		message: 'No active API key matches.',
		hint: 'Check for a missing character, or use the key that the engine printed on its first start.',
	},
	test_key_required: {
		message: 'The simulated network is open to test keys only.',
		hint: 'Use a key that starts with zpk_test_ and an instance created with it.',
	},
	instance_not_found: {
		message: 'No instance has this id.',
		hint: 'List the instances of this key with GET /v1/instances. Test keys see test instances only.',
	},
	message_not_found: {
		message: 'This instance has no message with this id.',
		hint: 'Use the message_id that sending the message answered with.',
	},
	endpoint_not_found: {
		message: 'No webhook endpoint has this id.',
		hint: 'List the endpoints of this key with GET /v1/webhook-endpoints.',
	},
	delivery_not_found: {
		message: 'No webhook delivery has this id.',
		hint: 'List the deliveries of this key with GET /v1/webhook-deliveries.',
	},
	endpoint_disabled: {
		message: 'The webhook endpoint is disabled.',
		hint: 'See its disabled_reason, mend that, enable it with POST …/enable and try again.',
	},
	payload_expired: {
		message: 'The payload of this delivery is no longer kept.',
		hint: 'How long payloads are kept is a setting of the engine. Its metadata stays.',
	},
	replay_not_found: {
		message: 'This endpoint has no replay with this id.',
		hint: 'List the replays of the endpoint with GET /v1/webhook-endpoints/:id/replays.',
	},
	replay_running: {
		message: 'A replay of this endpoint is still running.',
		hint: 'Wait for the replay in details.replay_id to end, or cancel it.',
	},
	route_not_found: {
		message: 'There is nothing at this path.',
		hint: 'Check method and path; all routes are listed in /openapi.json.',
	},
	no_qr: {
		message: 'There is no QR code to show.',
		hint: 'See details.state: only an instance that waits to be paired has a QR code.',
	},
	invalid_transition: {
		message: 'The instance cannot do this in its present state.',
		hint: 'See details.state, and read the instance again before the next try.',
	},
	too_many_restarts: {
		message: 'The instance was started or restarted too often.',
		hint: 'WhatsApp throttles accounts that reconnect in a hurry. Wait for the seconds in Retry-After.',
	},
	too_many_streams: {
		message: 'Too many event streams are open.',
		hint: 'Close those that nobody reads. One that has broken off is counted for up to a minute.',
	},
	not_paired: {
		message: 'No phone is linked to the instance.',
		hint: 'Get its QR code or a pairing code, and link a phone.',
	},
	pair_code_unavailable: {
		message: 'WhatsApp gives no pairing code now.',
		hint: 'See details.state: only an instance that waits to be paired can have one.',
	},
	pairing_link_not_found: {
		message: 'This link is not valid (any more).',
		hint: 'Links live for 30 minutes and end with the pairing. Ask for a new one.',
	},
	group_not_found: {
		message: 'No instance belongs to this group.',
		hint: 'Set the field "group" of the instances that are to stand in for each other.',
	},
	group_unavailable: {
		message: 'No instance of the group can send now.',
		hint: 'See details.instances for the state of each.',
	},
	proxy_not_allowed: {
		message: 'This proxy may not be used.',
		hint: 'Use a public http, https or socks5 proxy, or add its exact host to WEBHOOK_ALLOW_PRIVATE.',
	},
	proxy_unreachable: {
		message: 'WhatsApp cannot be reached through this proxy.',
		hint: 'Check its address, port, user and password.',
	},
	not_connected: {
		message: 'The instance is not connected to WhatsApp.',
		hint: 'Start it and scan its QR code, or leave out fail_fast to let the message wait.',
	},
	sandbox_refused: {
		message: 'The simulated network cannot do this now.',
		hint: 'See details.reason.',
	},
	payload_too_large: {
		message: 'The request body is too large.',
		hint: 'Send at most 1 MiB.',
	},
	unsupported_media_type: {
		message: 'The request body is not JSON.',
		hint: 'Send the header "Content-Type: application/json" and a JSON body.',
	},
	url_not_allowed: {
		message: 'Webhooks may not be sent to this URL.',
		hint: 'Use a public https URL, or add the exact host to WEBHOOK_ALLOW_PRIVATE.',
	},
	worker_at_capacity: {
		message: 'This engine already runs as many sessions as it may.',
		hint: 'Stop an instance, or raise MAX_SESSIONS_PER_WORKER and restart the engine.',
	},
	shutting_down: {
		message: 'The engine is stopping.',
		hint: 'Send the request again in a few seconds.',
	},
	internal_error: {
		message: 'Something went wrong inside the engine.',
		hint: 'Try again; if it stays, look for the request_id in the log of the engine.',
	},
} as const satisfies Record<string, { message: string; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The only error the engine throws on purpose. Anything else that reaches the HTTP layer is a bug:
 * it is logged whole and answered with a bare 500.
 */
export class EngineError extends Error {
	override readonly name = 'EngineError';
	readonly code: ErrorCode;
	readonly hint: string;
	/** Facts for the caller. Never a secret, a message text or a phone number. */
	readonly details: ErrorDetails;

	constructor(
		code: ErrorCode,
		details: ErrorDetails = {},
		options: ErrorOptions & { readonly hint?: string } = {},
	) {
		super(ERRORS[code].message, options);
		this.code = code;
		this.hint = options.hint ?? ERRORS[code].hint;
		this.details = details;
	}
}
