import { PatternError } from './node';
import type { Scanner } from './scanner';
import { both, character, classes, ignoringCase, not, NOTHING, posixBracket, property, range } from './sets';

const MAX_DEPTH = 50;

/** The set of an escape such as `\d` or `\p{L}`, after its backslash; null, and nothing read, for other escapes. */
export function parseSetEscape(scanner: Scanner, inClass: boolean): string | null {
  const start = scanner.at - 1;
  const letter = scanner.peek();
  const lower = letter.toLowerCase();
  if (!'dhswp'.includes(lower) || letter === '') return null;
  scanner.next();
  let set: string;
  let negative = letter !== lower;
  if (lower === 'p') {
    const name = /^\{(\^?)([^}]*)\}/.exec(scanner.rest(80));
    // Without braces it is just the letter.
    if (name === null) return character(letter.codePointAt(0)!);
    const found = property(name[2]);
    if (found === undefined) {
      throw new PatternError(start, `unknown property \\${letter}{${name[2].slice(0, 30)}}; write one such as \\p{L}`);
    }
    scanner.at += name[0].length;
    if (name[1] === '^') negative = !negative;
    set = found;
  } else if (lower === 'd') set = classes.digit;
  else if (lower === 'h') set = classes.xdigit;
  else if (lower === 's') set = classes.space;
  else set = inClass ? classes.word : classes.wordEscape;
  return negative ? not(set) : set;
}

/** A class, after its opening bracket, with those nested in it. Case is ignored in the outermost one, as a whole. */
export function parseClass(scanner: Scanner, ignoreCase: boolean, depth = 0): string {
  const start = scanner.at - 1;
  if (depth > MAX_DEPTH) throw scanner.problem('classes nested too deep; write it flatter');
  const negative = scanner.take('^');
  let intersection: string | null = null;
  let members: string[] = [];
  const finish = (): string => {
    const current = members.length === 0 ? NOTHING : `[${members.join('')}]`;
    members = [];
    return intersection === null ? current : both(intersection, current);
  };
  let first = true;
  for (;;) {
    if (scanner.done) throw new PatternError(start, 'class without end; add "]"');
    const at = scanner.at;
    if (scanner.take(']')) {
      if (!first) break;
      // A bracket right at the beginning stands for itself if there is another to end the class.
      if (!scanner.rest().includes(']')) throw new PatternError(start, 'empty class; write something between [ and ]');
      members.push(character(0x5d));
      first = false;
      continue;
    }
    first = false;
    if (scanner.take('&&')) {
      intersection = finish();
      continue;
    }
    const bracket = /^\[:(\^?)([a-z]+):\]/.exec(scanner.rest(20));
    if (bracket !== null) {
      const set = posixBracket(bracket[2]);
      if (set === undefined)
        throw new PatternError(at, `unknown bracket ${bracket[0]}; known are [:alpha:], [:digit:], …`);
      scanner.at += bracket[0].length;
      members.push(bracket[1] === '^' ? not(set) : set);
      noRange(scanner);
      continue;
    }
    if (scanner.take('[')) {
      members.push(parseClass(scanner, false, depth + 1));
      continue;
    }
    const single = readMember(scanner);
    if (typeof single === 'string') {
      members.push(single);
      noRange(scanner);
      continue;
    }
    members.push(readRange(scanner, single, at));
  }
  const set = ignoreCase ? ignoringCase(finish()) : finish();
  return negative ? not(set) : set;
}

/** A character as its code, or the set of an escape. */
function readMember(scanner: Scanner): number | string {
  const at = scanner.at;
  const next = scanner.next();
  if (next !== '\\') return next.codePointAt(0)!;
  if (scanner.take('b')) return 0x08;
  return parseSetEscape(scanner, true) ?? scanner.characterEscape(at);
}

function readRange(scanner: Scanner, from: number, at: number): string {
  if (!/^-[^\]]/.test(scanner.rest(2)) || scanner.sees('-&&')) return character(from);
  if (scanner.sees('-[')) throw scanner.problem('a hyphen before a class; write it as \\-');
  scanner.take('-');
  const to = readMember(scanner);
  if (typeof to === 'string') throw new PatternError(at, 'a range ends in a class; write the hyphen as \\-');
  if (to < from) throw new PatternError(at, 'a range runs backwards; swap its ends');
  return range(from, to);
}

/** After a set no range can begin. */
function noRange(scanner: Scanner): void {
  if (/^-(?!\]|&&)./su.test(scanner.rest(4))) {
    throw scanner.problem('a hyphen after a class; write it as \\-');
  }
}
