import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** `CLK_TCK`, which has been 100 on every Linux for as long as there is a `/proc`. */
const TICKS_PER_SECOND = 100;

const USER_TICKS_FIELD = 11;
const SYSTEM_TICKS_FIELD = 12;

/** What Linux says of a process; the process itself is not asked. */
export function rssBytesOf(pid: number): number {
	const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
	if (kilobytes === undefined) throw new Error(`process ${pid} has ended`);
	return Number(kilobytes) * 1024;
}

/** Processor time since its start, of all its threads. */
export function cpuMsOf(pid: number): number {
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	const ticks = Number(fields[USER_TICKS_FIELD]) + Number(fields[SYSTEM_TICKS_FIELD]);
	return (ticks * 1000) / TICKS_PER_SECOND;
}

/** Sockets are files, too. */
export function openFilesOf(pid: number): number {
	return targetsOf(pid).length;
}

/** How many established connections the process has from or to this port on this machine. */
export function connectionsOf(pid: number, end: 'own' | 'peer', port: number): number {
	const own = new Set(targetsOf(pid).filter(isSocket));
	return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
		.split('\n')
		.slice(1)
		.map((line) => line.trim().split(/\s+/))
		.filter(([, local = '', remote = '', state, , , , , , inode = '']) => {
			const address = end === 'own' ? local : remote;
			const isThatPort = Number.parseInt(address.split(':')[1] ?? '', 16) === port;
			return state === ESTABLISHED && isThatPort && own.has(`socket:[${inode}]`);
		}).length;
}

const ESTABLISHED = '01';

function isSocket(target: string): boolean {
	return target.startsWith('socket:');
}

/** What the open files of a process are. */
function targetsOf(pid: number): string[] {
	return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
		try {
			return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
		} catch {
			// It was closed meanwhile.
			return [];
		}
	});
}
