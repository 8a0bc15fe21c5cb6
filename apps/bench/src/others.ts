import { readFileSync } from 'node:fs';

/** Cores that others use, above which results mislead. */
export const DISTURBED = 0.2;

/** Ticks of /proc per second; Linux has said 100 to programs for decades. */
const TICKS = 100;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Seconds that all processors have worked since they were started, time that a host has taken from them included. */
export function busySeconds(text: string = read('/proc/stat')): number {
  const [, ...fields] = (/^cpu .*$/m.exec(text)?.[0] ?? '').split(/\s+/).map(Number);
  const [user, nice, system, , , interrupts, soft, stolen] = fields;
  return (user + nice + system + interrupts + soft + stolen) / TICKS;
}

/** Seconds of a process, and of its children that have ended if asked for. */
export function secondsOf(pid: number, children: boolean, text: string = read(`/proc/${pid}/stat`)): number {
  // The name, in parentheses, may hold anything; utime, stime, cutime and cstime are fields 14 to 17.
  const times = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, children ? 15 : 13)
    .map(Number);
  return times.length < 2 ? NaN : times.reduce((sum, ticks) => sum + ticks, 0) / TICKS;
}

/**
 * How many cores others kept busy, on average, between two calls: what /proc counts for the machine, less what it counts for
 * these processes. NaN where there is no /proc.
 */
export class OthersMeter {
  readonly #started = performance.now();
  readonly #busy = busySeconds();
  // Not the children: those of the case before are counted when they are gone.
  readonly #own = secondsOf(process.pid, false);

  cores(pids: readonly number[]): number {
    const seconds = (performance.now() - this.#started) / 1000;
    const own = pids.reduce((sum, pid) => sum + secondsOf(pid, true), secondsOf(process.pid, false) - this.#own);
    return Math.max(0, (busySeconds() - this.#busy - own) / seconds);
  }
}
