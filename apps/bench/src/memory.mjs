import { readFileSync } from 'node:fs';

/**
 * Resident memory of this process in MiB, and its highest so far. Linux counts the highest per address space (VmHWM); what
 * `resourceUsage` gives there begins with the parent's.
 */
export function residentMiB() {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const field = (/** @type {string} */ name) =>
      Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
    const [now, peak] = [field('VmRSS'), field('VmHWM')];
    if (now > 0 && peak > 0) return { now, peak };
  } catch {
    // Not Linux.
  }
  return { now: process.memoryUsage.rss() / 2 ** 20, peak: process.resourceUsage().maxRSS / 1024 };
}
