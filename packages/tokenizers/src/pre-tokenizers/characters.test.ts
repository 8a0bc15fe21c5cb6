import { describe, expect, it } from 'vitest';

import golden from '../../test/goldens/characters.json';
import { JsonValue } from '../json';
import { compilePattern } from '../regex';
import { kindsOf, NUMERIC, PUNCTUATION, SPACE, WORD } from './characters';

/** The code points for which `holds`, as ranges in hexadecimal. */
function ranges(holds: (code: number) => boolean): string {
  const found: string[] = [];
  let start = -1;
  for (let code = 0; code <= 0x110000; code++) {
    const inside = code < 0x110000 && (code < 0xd800 || code > 0xdfff) && holds(code);
    if (inside && start < 0) start = code;
    if (inside || start < 0) continue;
    found.push(start === code - 1 ? start.toString(16) : `${start.toString(16)}-${(code - 1).toString(16)}`);
    start = -1;
  }
  return found.join(' ');
}

describe('kinds of characters are those of the Rust library, for all code points:', () => {
  it.each([
    ['space', SPACE, golden.kinds.space],
    ['punctuation', PUNCTUATION, golden.kinds.punctuation],
    ['numeric', NUMERIC, golden.kinds.numeric],
    ['word', WORD, golden.kinds.word],
  ] as const)('%s', (_, kind, expected) => {
    expect(ranges((code) => (kindsOf(code) & kind) !== 0)).toBe(expected);
  });
});

describe('classes match what they match in the Rust library, of all code points:', () => {
  it.each(Object.entries(golden.classes))('%s', (pattern, expected) => {
    const regex = compilePattern(new JsonValue({ Regex: pattern }, 'pattern'));
    const whole = new RegExp(`^(?:${regex.source})$`, 'v');
    expect(ranges((code) => whole.test(String.fromCodePoint(code)))).toBe(expected);
  });
});
