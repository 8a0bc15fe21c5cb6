import { report } from './errors';
// Written by scripts/generate.mjs: a switch over all functions of this folder that have a kernel's signature.
import { call } from './dispatch';

/**
 * Runs records `from` … `to`−1 of a step list for one part of the work. `records` is a table of addresses; a record is
 * its kernel's number, the position of the step in the plan, and the kernel's words. Several walkers of one list must
 * meet at a barrier after every record.
 */
export function run(records: usize, from: i32, to: i32, slots: usize, part: i32, parts: i32): i32 {
  for (let i = from; i < to; i++) {
    const record: usize = load<u32>(records + (<usize>i << 2));
    const code = call(load<i32>(record), record + 8, slots, part, parts);
    if (code != 0) {
      report(part, load<i32>(record, 4), code);
      return code;
    }
  }
  return 0;
}
