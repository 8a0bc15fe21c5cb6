/**
 * Where the walker of part p leaves why it stopped: four words (step of the plan, code, a, b) at `ERRORS + 16 * p`.
 * Below `--memoryBase`, so that no data segment and no allocation meets it.
 */
export const ERRORS: usize = 64;

let first: i32 = 0;
let second: i32 = 0;

/** A kernel says `return fail(code, a, b)`; the encoder of the same kernel turns the three into a sentence. */
export function fail(code: i32, a: i32 = 0, b: i32 = 0): i32 {
  first = a;
  second = b;
  return code;
}

export function report(part: i32, step: i32, code: i32): void {
  const at = ERRORS + (<usize>part << 4);
  store<i32>(at, step);
  store<i32>(at, code, 4);
  store<i32>(at, first, 8);
  store<i32>(at, second, 12);
}
