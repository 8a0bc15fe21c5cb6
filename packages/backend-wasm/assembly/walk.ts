import { report } from './errors';
// Written by scripts/generate.mjs: a switch over all functions of this folder that have a kernel's signature.
import { call } from './dispatch';

/** Milliseconds since some moment. */
@external('env', 'now')
declare function now(): f64;

/**
 * How the host and its workers talk: words below `--memoryBase`, those that change often on cache lines of their own.
 * `src/team.ts` knows the places too.
 */
// Word 2048 is the number of the job, for which workers wait in JavaScript: wasm that waits may not notice a grown memory.
const RECORDS: usize = 2052;
const FROM: usize = 2056;
const TO: usize = 2060;
const SLOTS: usize = 2064;
const TIMES: usize = 2068;
const SPINS: usize = 2072;
/** How often the records are walked; a word that ends that when it is not 0; one that counts, or 0; how often it was. */
const ROUNDS: usize = 2076;
const UNTIL: usize = 2080;
const COUNTER: usize = 2084;
const DONE: usize = 2088;
const ARRIVED: usize = 2112;
const PHASE: usize = 2176;
const SLEEPERS: usize = 2240;
const FAILED: usize = 2304;

/**
 * Runs records `from` … `to`−1 of a step list for one part of the work. `records` is a table of addresses; a record is
 * its kernel's number, the position of the step in the plan, and the kernel's words. Several walkers of one list must
 * meet at a barrier after every record. Where `times` is not 0, it takes the moment of the beginning, and that at which
 * each record was done.
 */
export function run(records: usize, from: i32, to: i32, slots: usize, part: i32, parts: i32, times: usize): i32 {
  if (times != 0) store<f64>(times, now());
  for (let i = from; i < to; i++) {
    const code = walk(records, i, slots, part, parts);
    if (code != 0) return code;
    if (times != 0) store<f64>(times + (<usize>(i - from + 1) << 3), now());
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function walk(records: usize, i: i32, slots: usize, part: i32, parts: i32): i32 {
  const record: usize = load<u32>(records + (<usize>i << 2));
  const code = call(load<i32>(record), record + 8, slots, part, parts);
  if (code != 0) report(part, load<i32>(record, 4), code);
  return code;
}

/**
 * A worker's turn at the job that stands in the words above: walks its records together with the others, once or several
 * times, and returns when all are done, or when one of them has failed (1).
 */
export function work(part: i32, parts: i32): i32 {
  const records: usize = load<u32>(RECORDS);
  const from = load<i32>(FROM);
  const to = load<i32>(TO);
  const slots: usize = load<u32>(SLOTS);
  const times = part == 0 ? <usize>load<u32>(TIMES) : 0;
  const spins = load<i32>(SPINS);
  const rounds = load<i32>(ROUNDS);
  const until = <usize>load<u32>(UNTIL);
  const counter = part == 0 ? <usize>load<u32>(COUNTER) : 0;
  if (times != 0) store<f64>(times, now());
  let round = 1;
  let code = 0;
  while (true) {
    for (let i = from; i < to; i++) {
      if (walk(records, i, slots, part, parts) != 0) atomic.store<i32>(FAILED, i + 1);
      meet(parts, spins);
      if (times != 0) store<f64>(times + (<usize>(i - from + 1) << 3), now());
      // Somebody ahead may have failed at a later record already: all must stop at the same one.
      const failed = atomic.load<i32>(FAILED);
      if (failed != 0 && failed <= i + 1) {
        code = 1;
        break;
      }
    }
    if (code != 0 || round == rounds || (until != 0 && load<i32>(until) != 0)) break;
    if (counter != 0) store<i32>(counter, load<i32>(counter) + 1);
    meet(parts, spins); // the next round may write over what ends it
    round++;
  }
  if (part == 0) store<i32>(DONE, round);
  meet(parts, spins); // nobody still looks at what the next job may change
  return code;
}

/** Returns when all walkers have come here. */
function meet(parts: i32, spins: i32): void {
  const phase = atomic.load<i32>(PHASE);
  if (atomic.add<i32>(ARRIVED, 1) == parts - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.store<i32>(PHASE, phase + 1);
    if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(PHASE, -1);
    return;
  }
  // Looks for a while first, for sleeping and waking take longer than most records; but not forever, for whoever is waited
  // for may need this core.
  for (let i = 0; i < spins; i++) if (atomic.load<i32>(PHASE) != phase) return;
  atomic.add<i32>(SLEEPERS, 1);
  while (atomic.load<i32>(PHASE) == phase) atomic.wait<i32>(PHASE, phase, -1);
  atomic.sub<i32>(SLEEPERS, 1);
}
