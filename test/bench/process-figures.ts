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

export interface OpenFiles {
	/** Connections, established or not, and listening sockets. */
	readonly sockets: number;
	readonly all: number;
}

export function openFilesOf(pid: number): OpenFiles {
	const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
	return {
		sockets: targets.filter((target) => target.startsWith('socket:')).length,
		all: targets.length,
	};
}

/** Nothing for a file that was closed meanwhile. */
function targetOf(link: string): string[] {
	try {
		return [readlinkSync(link)];
	} catch {
		return [];
	}
}
