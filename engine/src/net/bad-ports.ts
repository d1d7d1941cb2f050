/**
 * Ports of mail, file and remote-control services, to which browsers send no HTTP either: a
 * request there could be mistaken for a command. The list is that of the Fetch standard
 * (https://fetch.spec.whatwg.org/#port-blocking).
 *
 * Every other port is open, not only 80 and 443: receivers do run on 5678 or 8443, and it is
 * the address that decides whether they may be reached.
 */
const BAD_PORTS: ReadonlySet<number> = new Set([
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
	103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
	512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
	995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
	6669, 6679, 6697, 10080,
]);

export function isBadPort(port: number): boolean {
	return BAD_PORTS.has(port);
}
