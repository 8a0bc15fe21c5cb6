import type { PreTokenizer } from '../parts';
import type { Pieces } from '../text/pieces';
import { codeAt } from './characters';
import { scriptRuns } from './script-table';

let firsts: Int32Array | undefined; // where run i begins
let scripts: Uint8Array | undefined;

function readTable(): void {
  const runs = scriptRuns.split(' ').map((run) => run.split('.').map((number) => Number.parseInt(number, 36)));
  firsts = new Int32Array(runs.length + 1);
  for (const [i, [length]] of runs.entries()) firsts[i + 1] = firsts[i] + length;
  scripts = Uint8Array.from(runs, ([, script]) => script);
}

/** A number for the script of a code point; 0 belongs to any script. */
function scriptOf(code: number): number {
  if (firsts === undefined || scripts === undefined) readTable();
  let low = 0;
  let high = scripts!.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (code < firsts![middle]) high = middle;
    else low = middle;
  }
  return scripts![low];
}

/**
 * Cuts where the script changes. Han, Hiragana and Katakana count as one; a space belongs to any script.
 * What stands before the first character of a definite script is left out, as the Rust library does it.
 */
export class UnicodeScripts implements PreTokenizer {
  split(pieces: Pieces): Pieces {
    const { text } = pieces.text;
    const bounds: number[] = [];
    for (let i = 0; i < pieces.bounds.length; i += 2) {
      const end = pieces.bounds[i + 1];
      let last = 0;
      let start = -1;
      for (let at = pieces.bounds[i]; at < end;) {
        const code = codeAt(text, at);
        const script = scriptOf(code);
        if (script !== 0 && script !== last) {
          if (start >= 0) bounds.push(start, at);
          start = at;
          last = script;
        }
        at += code > 0xffff ? 2 : 1;
      }
      if (start >= 0) bounds.push(start, end);
    }
    return { ...pieces, bounds };
  }

  toJSON() {
    return { type: 'UnicodeScripts' };
  }
}
