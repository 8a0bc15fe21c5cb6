import type { Normalizer } from '../parts';
import { widthAt, type AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { classesOf, hasClasses, INERT, NONSPACING_MARK } from './characters';
import { applyChanges, type Change } from './edits';

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Unicode normalisation form C: characters composed where possible. */
export const nfc = (): Normalizer => unicodeForm('NFC');
/** Unicode normalisation form D: characters decomposed. */
export const nfd = (): Normalizer => unicodeForm('NFD');
/** Unicode normalisation form KC: compatibility characters replaced, then composed. */
export const nfkc = (): Normalizer => unicodeForm('NFKC');
/** Unicode normalisation form KD: compatibility characters replaced, all decomposed. */
export const nfkd = (): Normalizer => unicodeForm('NFKD');

const unicodeForm = (form: Form): Normalizer => ({
  normalize: (text) => toForm(text, form),
  toJSON: () => ({ type: form }),
});

/*
 * The engine's own normalize() gives the text, but not where it came from. So only the places where it changes
 * something are worked on here: first stretches of characters beyond ASCII, with one ASCII character before, which may
 * be the base of a mark; then segments of these, each a character and all that may combine with it.
 */

// Marks, vowels and final consonants of Hangul, and what becomes one of these: the halfwidth and compatibility forms.
const joining = '\\p{M}\\u1160-\\u11ff\\u0e33\\u0eb3\\u3131-\\u318e\\uff9e-\\uffdc';
const segment = new RegExp(`[^${joining}]?[${joining}]*`, 'gu');

/** A rewriting of segments: what to do in one, null for nothing; remembered, as the same ones come again and again. */
class Rewriting {
  private readonly known = new Map<string, readonly Change[] | null>();

  constructor(private readonly compute: (segment: string) => readonly Change[] | null) {}

  changesOf(part: string): readonly Change[] | null {
    let changes = this.known.get(part);
    if (changes === undefined) {
      changes = this.compute(part);
      if (this.known.size === MAX_KNOWN) this.known.clear();
      if (part.length < 16) this.known.set(part, changes);
    }
    return changes;
  }

  apply(text: AlignedText): AlignedText {
    const source = text.text;
    const editor = new TextEditor(text);
    for (let at = 0; at < source.length;) {
      if (isBoundary(source, at)) {
        at += widthAt(source, at);
        continue;
      }
      const start = at > 0 && source.charCodeAt(at - 1) < 0x80 ? at - 1 : at;
      while (at < source.length && !isBoundary(source, at)) at += widthAt(source, at);
      this.applyTo(editor, source, start, at);
    }
    return editor.finish();
  }

  private applyTo(editor: TextEditor, source: string, start: number, end: number): void {
    const stretch = source.slice(start, end);
    let at = start;
    // Most stretches are single letters and have been met before.
    for (const part of stretch.length < 4 ? [stretch] : stretch.match(segment)!) {
      const changes = this.changesOf(part);
      if (changes !== null) {
        editor.keep(at);
        applyChanges(editor, source, changes);
      }
      at += part.length;
    }
  }
}

const MAX_KNOWN = 20_000;

/** ASCII and characters newer than Unicode 9 combine with nothing before them. */
function isBoundary(source: string, at: number): boolean {
  const code = source.codePointAt(at)!;
  return code < 0x80 || (classesOf(code) & INERT) !== 0;
}

const rewritingTo = (form: Form) => new Rewriting((part) => (isInForm(part, form) ? null : computeChanges(part, form)));

const rewritings: Record<Form, Rewriting> = {
  NFC: rewritingTo('NFC'),
  NFD: rewritingTo('NFD'),
  NFKC: rewritingTo('NFKC'),
  NFKD: rewritingTo('NFKD'),
};

const isAccent = (character: string): boolean => (classesOf(character.codePointAt(0)!) & NONSPACING_MARK) !== 0;

const withoutAccents = new Rewriting((part) => {
  // What was inserted for an accent is nothing then; what took a place leaves it empty.
  const changes = computeChanges(part, 'NFD').map(({ text, change }) => ({ text: isAccent(text) ? '' : text, change }));
  return changes.map(({ text }) => text).join('') === part ? null : changes;
});

/** The text in a normalisation form, as of Unicode 9. */
export function toForm(text: AlignedText, form: Form): AlignedText {
  return isInForm(text.text, form) ? text : rewritings[form].apply(text);
}

/** NFD, and accents taken out of it as BertNormalizer does. */
export function removeAccents(text: AlignedText): AlignedText {
  const changes = !isInForm(text.text, 'NFD') || hasClasses(text.text, NONSPACING_MARK);
  return changes ? withoutAccents.apply(text) : text;
}

// Engines take quadratic time to order the marks on one letter. Ordinary text has a handful, and needs no look.
const MANY_UNITS = 1_000;
const manyMarks = new RegExp(`\\p{M}{256}`, 'u');

/** Whether a text surely is in a form already. */
const isInForm = (text: string, form: Form): boolean =>
  (text.length < MANY_UNITS || !manyMarks.test(text)) && text.normalize(form) === text;

function computeChanges(part: string, form: Form): readonly Change[] {
  const decomposed = ordered(decompose(part, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD'));
  return form === 'NFC' || form === 'NFKC' ? composed(decomposed) : decomposed;
}

/** The first character of a decomposition replaces, the others are inserted. */
function decompose(part: string, form: 'NFD' | 'NFKD'): Change[] {
  return Array.from(part, (character) =>
    Array.from(character.normalize(form), (text, i): Change => ({ text, change: i === 0 ? 0 : 1 })),
  ).flat();
}

/** Each run of combining characters in canonical order, equals as they stand; the changes go with their characters. */
function ordered(changes: Change[]): Change[] {
  for (let start = 0; start < changes.length; start++) {
    let end = start;
    while (end < changes.length && isCombining(changes[end].text)) end++;
    if (end - start < 2) continue;
    const run = changes.slice(start, end).sort((a, b) => compareClasses(a.text, b.text));
    for (const [i, change] of run.entries()) changes[start + i] = change;
    start = end;
  }
  return changes;
}

/** Canonical composition: what joins a starter adds its change to that of the starter. */
function composed(changes: readonly Change[]): Change[] {
  const out: Change[] = [];
  let starter = -1; // index in `out`
  for (const next of changes) {
    const combining = isCombining(next.text);
    const last = out.length - 1;
    // A mark is blocked by one of its class that did not join, a starter by anything.
    const blocked = last > starter && (!combining || compareClasses(out[last].text, next.text) === 0);
    const joined = starter >= 0 && !blocked ? compose(out[starter].text, next.text) : null;
    if (joined !== null) {
      out[starter] = { text: joined, change: out[starter].change + next.change - 1 };
      continue;
    }
    if (!combining) starter = out.length;
    out.push(next);
  }
  return out;
}

// JavaScript does not tell combining classes, but its canonical order compares them. U+0345 has the highest, 240.
const HIGHEST = '\u0345';

const isCombining = (character: string): boolean =>
  /\p{M}/u.test(character) && (character === HIGHEST || !(HIGHEST + character).normalize('NFD').startsWith(HIGHEST));

const changesPlaces = (first: string, second: string): boolean =>
  first !== second && (first + second).normalize('NFD') !== first + second;

/** Compares the classes of two combining characters that do not decompose. */
const compareClasses = (a: string, b: string): number => (changesPlaces(a, b) ? 1 : changesPlaces(b, a) ? -1 : 0);

/** The primary composite of two characters. */
function compose(first: string, second: string): string | null {
  const text = (first + second).normalize('NFC');
  const width = text.codePointAt(0)! > 0xffff ? 2 : 1;
  return text.length === width ? text : null;
}
