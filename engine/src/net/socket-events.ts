import type { Socket } from 'node:net';

/** Which of these events comes first. None of the listeners stays behind. */
export function firstOf<Event extends string>(socket: Socket, ...events: Event[]): Promise<Event> {
	return new Promise((resolve) => {
		const listeners = events.map((event) => [event, () => settle(event)] as const);
		const settle = (event: Event): void => {
			for (const [name, listener] of listeners) socket.off(name, listener);
			resolve(event);
		};
		for (const [name, listener] of listeners) socket.on(name, listener);
	});
}
