/**
 * Loaded before the engine: kills its process, as a power cut would, at one step of an inbound
 * message. KILL_AT names the step, KILL_AFTER how many times it is passed before.
 */
import { EventEmitter } from 'node:events';

const engine = new URL('../../engine/dist/', import.meta.url);
const { AuthStateRepository } = await import(new URL('storage/auth-state-repository.js', engine));
const { DeliveryQueueRepository } = await import(new URL('storage/delivery-queue.js', engine));
const { EventsRepository } = await import(new URL('storage/events-repository.js', engine));

let passes = Number(process.env.KILL_AFTER ?? 0);

function killNow(weight = 1) {
	passes -= weight;
	if (passes < 0) process.kill(process.pid, 'SIGKILL');
}

const STEPS = {
	stanza_read() {
		const { emit } = EventEmitter.prototype;
		EventEmitter.prototype.emit = function (name, ...args) {
			if (name === 'CB:message' && args[0].attrs.category !== 'peer') killNow();
			return emit.call(this, name, ...args);
		};
	},
	decrypted() {
		const { commit } = AuthStateRepository.prototype;
		AuthStateRepository.prototype.commit = async function (id, changes, journal = []) {
			const entries = await commit.call(this, id, changes, journal);
			if (journal.length > 0) killNow(journal.length);
			return entries;
		};
	},
	/** The test kills when the network has a receipt; until then no event gets to its commit. */
	receipt_sent() {
		const { append } = EventsRepository.prototype;
		EventsRepository.prototype.append = async function (id, events, now) {
			if (events.some(({ event }) => event === 'message.received')) {
				await new Promise(() => undefined);
			}
			return append.call(this, id, events, now);
		};
	},
	event_committed() {
		const { turn } = DeliveryQueueRepository.prototype;
		DeliveryQueueRepository.prototype.turn = async function (options) {
			const claimed = await turn.call(this, options);
			const count = claimed.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
			if (count > 0) killNow(count);
			return claimed;
		};
	},
	/** The test kills when the receiver has the request. */
	delivery_sent() {},
	before_settling() {
		const { turn } = DeliveryQueueRepository.prototype;
		DeliveryQueueRepository.prototype.turn = async function (options) {
			if (options.settle.length > 0) killNow(options.settle.length);
			return turn.call(this, options);
		};
	},
};

STEPS[process.env.KILL_AT]();
