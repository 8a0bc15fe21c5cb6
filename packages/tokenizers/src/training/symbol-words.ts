import type { WordCounts } from './options';

/** Tokens with their ids, 0, 1, … in the order they are added. */
export class Tokens {
  readonly list: string[] = [];
  readonly ids = new Map<string, number>();

  /** The id of a token, which is added if it is new. */
  add(token: string): number {
    let id = this.ids.get(token);
    if (id === undefined) {
      id = this.list.length;
      this.list.push(token);
      this.ids.set(token, id);
    }
    return id;
  }
}

/** Code points that occur in words or are wanted anyway, in ascending order. */
export function alphabetOf(words: WordCounts, initial: readonly number[], limit: number): number[] {
  const counts = new Map<number, number>();
  for (const [word, count] of words) {
    forEachCodePoint(word, (code) => counts.set(code, (counts.get(code) ?? 0) + count));
  }
  for (const code of initial) counts.set(code, Infinity);
  const alphabet = [...counts.keys()].sort((a, b) => a - b);
  if (alphabet.length <= limit) return alphabet;
  // The rarest are left out. Rust leaves equals to chance; here those of lower code points stay.
  const rarer = (a: number, b: number): number => (counts.get(a)! < counts.get(b)! ? 1 : -1);
  alphabet.sort((a, b) => (counts.get(a) === counts.get(b) ? a - b : rarer(a, b)));
  return alphabet.slice(0, limit).sort((a, b) => a - b);
}

/** What is put around the characters of a word to make its first tokens. */
export interface Affixes {
  /** Before each character but the first. */
  readonly prefix: string;
  /** After the last. */
  readonly suffix: string;
}

/** Every character in the form or forms in which it occurs in words: as it is, with prefix, with suffix, with both. */
export function formsOf(words: WordCounts, isKnown: (code: number) => boolean, affixes: Affixes): string[] {
  const { prefix, suffix } = affixes;
  if (prefix === '' && suffix === '') return [];
  const occurs = new Map<number, number>();
  for (const word of words.keys()) {
    forEachCodePoint(word, (code, start, end) => {
      occurs.set(code, (occurs.get(code) ?? 0) | (1 << place(start, end, word.length)));
    });
  }
  // Rust meets the forms in the order of a hash table, another one each time; here it is that of code points.
  const codes = [...occurs.keys()].filter(isKnown).sort((a, b) => a - b);
  const forms = [1, 2, 3].flatMap((form) =>
    codes.filter((code) => occurs.get(code)! & (1 << form)).map((code) => formed(code, form, prefix, suffix)),
  );
  return forms;
}

/** 1 for not at the start of the word, plus 2 for at its end. */
const place = (start: number, end: number, length: number): number => (start > 0 ? 1 : 0) + (end === length ? 2 : 0);

const formed = (code: number, form: number, prefix: string, suffix: string): string =>
  (form & 1 ? prefix : '') + String.fromCodePoint(code) + (form & 2 ? suffix : '');

/** Words as runs of symbols in one array; a run gets shorter as its symbols are merged. */
export interface SymbolWords {
  /** `symbols[start[w]]` is the first symbol of word w. */
  readonly start: Int32Array;
  /** How many symbols word w has. */
  readonly length: Int32Array;
  readonly count: Float64Array;
  readonly symbols: Int32Array;
}

/** Spells words with the ids of their characters; those that have none are left out. */
export function spell(
  words: WordCounts,
  isKnown: (code: number) => boolean,
  tokens: Tokens,
  { prefix, suffix }: Affixes,
): SymbolWords {
  let characters = 0;
  for (const word of words.keys()) characters += word.length;
  const symbols = new Int32Array(characters);
  const start = new Int32Array(words.size);
  const length = new Int32Array(words.size);
  const count = new Float64Array(words.size);

  const ids = new Map<number, number>(); // 4 · code point + place → id, or -1
  const idOf = (code: number, form: number): number =>
    isKnown(code) ? tokens.ids.get(formed(code, form, prefix, suffix))! : -1;
  let used = 0;
  let w = 0;
  for (const [word, times] of words) {
    start[w] = used;
    count[w] = times;
    forEachCodePoint(word, (code, from, to) => {
      const key = 4 * code + place(from, to, word.length);
      let id = ids.get(key);
      if (id === undefined) ids.set(key, (id = idOf(code, key & 3)));
      if (id >= 0) symbols[used++] = id;
    });
    length[w] = used - start[w];
    w++;
  }
  return { start, length, count, symbols };
}

function forEachCodePoint(text: string, visit: (code: number, start: number, end: number) => void): void {
  for (let start = 0; start < text.length;) {
    const code = text.codePointAt(start)!;
    const end = start + (code > 0xffff ? 2 : 1);
    visit(code, start, end);
    start = end;
  }
}
