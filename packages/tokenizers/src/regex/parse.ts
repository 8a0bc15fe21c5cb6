import { parseClass, parseSetEscape } from './parse-class';
import { PatternError, repeat, sequence, type RegexNode } from './node';
import { ANY, character, classes, ignoringCase } from './sets';
import { Scanner } from './scanner';

const MAX_DEPTH = 100;
const MAX_COUNT = 10_000;

interface Flags {
  readonly ignoreCase: boolean;
  /** Whether the dot matches a newline: Ruby's `m`. */
  readonly dotAll: boolean;
  readonly extended: boolean;
}

/** Reads a regular expression in Oniguruma's Ruby syntax. Groups that capture are as those that do not. */
export function parseRegex(pattern: string): RegexNode {
  const scanner = new Scanner(pattern);
  const root = new Parser(scanner).alternation({ ignoreCase: false, dotAll: false, extended: false }, 0);
  if (!scanner.done) throw scanner.problem('")" without "("; write \\)');
  return root;
}

const WORD = classes.wordEscape;
const places: Readonly<Record<string, string>> = {
  A: '^',
  z: '$',
  Z: String.raw`(?=\n?$)`,
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
  B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
};
const LINE_START = String.raw`(?:^|(?<=\n)(?!$))`;
const LINE_END = String.raw`(?=\n|$)`;

const refusedEscapes: Readonly<Record<string, string>> = {
  G: 'write what should stand there instead',
  K: 'use a lookbehind, (?<=…)',
  X: 'write out the characters',
  y: 'write out the characters',
  Y: 'write out the characters',
  k: 'write out the text instead of referring to a group',
  g: 'write out the group instead of calling it',
  M: 'write the character as \\x{…}',
};

class Parser {
  constructor(private readonly scanner: Scanner) {}

  alternation(flags: Flags, depth: number): RegexNode {
    if (depth > MAX_DEPTH) throw this.scanner.problem('groups nested too deep; write it flatter');
    const branches = [this.branch(flags, depth)];
    while (this.scanner.take('|')) branches.push(this.branch(flags, depth));
    return branches.length === 1 ? branches[0] : { type: 'alternation', branches };
  }

  private branch(flags: Flags, depth: number): RegexNode {
    const { scanner } = this;
    const items: RegexNode[] = [];
    let literals = ''; // the characters just read, without case, for those that Oniguruma joins
    const flush = () => {
      joinLigatures(items, literals);
      literals = '';
    };
    while (!scanner.done && !scanner.sees('|') && !scanner.sees(')')) {
      if (flags.extended && this.skipped()) continue;
      const at = scanner.at;
      const options = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?\)/.exec(scanner.rest(40));
      if (options !== null && options[1] + (options[2] ?? '') !== '') {
        flush();
        scanner.at += options[0].length;
        // The rest of the group, alternatives included, is as if in a group of its own.
        items.push(this.alternation(this.withOptions(flags, options[1], options[2] ?? '', at), depth + 1));
        break;
      }
      const atom = this.atom(flags, depth);
      if (atom === null) continue;
      const item = this.quantified(atom.node, at, flags);
      const literal = item === atom.node && flags.ignoreCase && atom.code !== undefined;
      if (!literal) flush();
      items.push(item);
      if (literal) literals += String.fromCodePoint(atom.code!).toLowerCase();
    }
    flush();
    return sequence(items);
  }

  /** Space and comments that do not count under the option x. */
  private skipped(): boolean {
    const space = /^(?:\s+|#[^\n]*(?:\n|$))/.exec(this.scanner.rest());
    if (space === null) return false;
    this.scanner.at += space[0].length;
    return true;
  }

  private withOptions(flags: Flags, on: string, off: string, at: number): Flags {
    const result = { ...flags };
    for (const [letters, value] of [
      [on, true],
      [off, false],
    ] as const) {
      for (const letter of letters) {
        if (letter === 'i') result.ignoreCase = value;
        else if (letter === 'm') result.dotAll = value;
        else if (letter === 'x') result.extended = value;
        else throw new PatternError(at, `unknown option "${letter}"; known are i, m and x`);
      }
    }
    return result;
  }

  /** One element; null for a comment. `code` is set for single characters. */
  private atom(flags: Flags, depth: number): { node: RegexNode; code?: number } | null {
    const { scanner } = this;
    const at = scanner.at;
    const next = scanner.next();
    switch (next) {
      case '(': {
        const node = this.group(flags, depth, at);
        return node === null ? null : { node };
      }
      case '[':
        return { node: { type: 'set', set: parseClass(scanner, flags.ignoreCase) } };
      case '.':
        return { node: { type: 'set', set: flags.dotAll ? ANY : String.raw`[^\n]` } };
      case '^':
        return { node: { type: 'place', source: LINE_START } };
      case '$':
        return { node: { type: 'place', source: LINE_END } };
      case '*':
      case '+':
      case '?':
        throw new PatternError(at, `nothing to repeat before "${next}"; write \\${next}`);
      case '\\':
        return this.escape(flags, at);
      default:
        return this.literal(next.codePointAt(0)!, flags);
    }
  }

  private literal(code: number, flags: Flags): { node: RegexNode; code?: number } {
    const set = character(code);
    if (!flags.ignoreCase) return { node: { type: 'set', set }, code };
    const folded: RegexNode = { type: 'set', set: ignoringCase(set) };
    const letters = [...String.fromCodePoint(code).toUpperCase()];
    if (letters.length === 1) return { node: folded, code };
    // A letter that is several in upper case, such as ß, matches those as well.
    const spelled = letters.map((letter): RegexNode => ({
      type: 'set',
      set: ignoringCase(character(letter.codePointAt(0)!)),
    }));
    return { node: { type: 'alternation', branches: [folded, sequence(spelled)] } };
  }

  private escape(flags: Flags, at: number): { node: RegexNode; code?: number } {
    const { scanner } = this;
    const letter = scanner.peek();
    if (Object.hasOwn(places, letter)) {
      scanner.next();
      return { node: { type: 'place', source: places[letter] } };
    }
    if (Object.hasOwn(refusedEscapes, letter)) {
      throw new PatternError(at, `\\${letter} is not supported; ${refusedEscapes[letter]}`);
    }
    // Three octal digits are a character, other numbers refer to groups.
    if (/[1-9]/.test(letter) && !/^[1-3][0-7]{2}/.test(scanner.rest(3))) {
      throw new PatternError(at, `\\${letter} is not supported; ${refusedEscapes.k}`);
    }
    if (letter === 'R') {
      scanner.next();
      const pair = sequence([0x0d, 0x0a].map((code) => ({ type: 'set', set: character(code) })));
      const branches: RegexNode[] = [pair, { type: 'set', set: classes.newline }];
      return { node: { type: 'atomic', body: { type: 'alternation', branches } } };
    }
    if (letter === 'N' || letter === 'O') {
      scanner.next();
      return { node: { type: 'set', set: letter === 'O' ? ANY : String.raw`[^\n]` } };
    }
    const set = parseSetEscape(scanner, false);
    if (set !== null) return { node: { type: 'set', set } };
    return this.literal(scanner.characterEscape(at), flags);
  }

  private group(flags: Flags, depth: number, at: number): RegexNode | null {
    const { scanner } = this;
    let wrap = (body: RegexNode): RegexNode => body;
    let inner = flags;
    const look = (behind: boolean, negative: boolean) => (body: RegexNode) =>
      ({ type: 'look', behind, negative, body }) as const;
    if (scanner.take('?')) {
      if (scanner.take('#')) {
        while (!scanner.take(')')) {
          if (scanner.done) throw new PatternError(at, 'comment without end; add ")"');
          if (scanner.next() === '\\') scanner.next();
        }
        return null;
      }
      const options = /^([a-zA-Z]*)(?:-([a-zA-Z]*))?:/.exec(scanner.rest(40));
      const name = /^(?:<([\p{L}_][^>()]*)>|'([\p{L}_][^'()]*)')/u.exec(scanner.rest());
      if (options !== null) {
        scanner.at += options[0].length;
        inner = this.withOptions(flags, options[1], options[2] ?? '', at);
      } else if (scanner.take('=')) wrap = look(false, false);
      else if (scanner.take('!')) wrap = look(false, true);
      else if (scanner.take('<=')) wrap = look(true, false);
      else if (scanner.take('<!')) wrap = look(true, true);
      else if (scanner.take('>')) wrap = (body) => ({ type: 'atomic', body });
      else if (name !== null) scanner.at += name[0].length;
      else throw new PatternError(at, `group "(?${scanner.peek()}" is not supported; write it as (?:…)`);
    }
    const body = this.alternation(inner, depth + 1);
    if (!scanner.take(')')) throw new PatternError(at, 'group without end; add ")"');
    return wrap(body);
  }

  private quantified(atom: RegexNode, start: number, flags: Flags): RegexNode {
    const { scanner } = this;
    let node = atom;
    for (;;) {
      if (flags.extended) while (this.skipped());
      const at = scanner.at;
      const count = /^(?:\{(\d+)(,?)(\d*)\}|\{,(\d+)\})/.exec(scanner.rest(30));
      let min = 0;
      let max = Infinity;
      if (count !== null) {
        scanner.at += count[0].length;
        min = Number(count[1] ?? 0);
        max = Number(count[4] ?? (count[3] !== '' ? count[3] : count[2] === '' ? min : Infinity));
        if (max < min) throw new PatternError(at, `"${count[0]}" counts down; swap the numbers`);
        if (min > MAX_COUNT || (max > MAX_COUNT && max !== Infinity)) {
          throw new PatternError(at, `"${count[0]}" repeats too often; at most ${MAX_COUNT}`);
        }
      } else if (scanner.take('?')) max = 1;
      else if (scanner.take('+')) min = 1;
      else if (!scanner.take('*')) return node;
      if (node.type === 'place' || node.type === 'look') {
        throw new PatternError(start, 'a place between characters cannot be repeated; remove the quantifier');
      }
      if (count !== null) {
        // `{n}?` is optional, `{n,m}?` lazy; `+` after a count repeats it once more.
        const fixed = min === max && count[2] === '' && count[4] === undefined;
        node = repeat(node, min, max, !fixed && scanner.take('?'));
      } else if (scanner.take('+')) node = { type: 'atomic', body: repeat(node, min, max, false) };
      else node = repeat(node, min, max, scanner.take('?'));
    }
  }
}

// Sequences of letters that are one character in upper or lower case: Oniguruma has them match it if case is ignored.
const ligatures: readonly (readonly [letters: string, characters: string])[] = [
  ['ffi', String.raw`\ufb03`],
  ['ffl', String.raw`\ufb04`],
  ['ff', String.raw`\ufb00`],
  ['fi', String.raw`\ufb01`],
  ['fl', String.raw`\ufb02`],
  ['st', String.raw`\ufb05\ufb06`],
  ['ss', String.raw`\xdf\u1e9e`],
];

/** Has the last items, single characters of which `literals` are the letters, match ligatures as well. */
function joinLigatures(items: RegexNode[], literals: string): void {
  if (!/f[fil]|s[ts]/.test(literals)) return;
  const letters = [...literals];
  const first = items.length - letters.length;
  const single = items.splice(first);
  for (let i = 0; i < letters.length;) {
    const found = ligatures.find(([text]) => letters.slice(i, i + text.length).join('') === text);
    const n = found === undefined ? 1 : found[0].length;
    const spelled = sequence(single.slice(i, i + n));
    items.push(
      found === undefined
        ? spelled
        : { type: 'alternation', branches: [spelled, { type: 'set', set: `[${found[1]}]` }] },
    );
    i += n;
  }
}
