import type { ConlluEmptyNode, ConlluNode, ConlluRange, ConlluSentence, ConlluToken, ConlluWord } from './conllu';
import { checkTree } from './conllu-tree';
import { failureOf, type Failure, textLines, type TextOptions } from './text-lines';

/** A sentence in the making. */
interface Draft {
  comments: string[];
  words: ConlluWord[];
  ranges: ConlluRange[];
  emptyNodes: ConlluEmptyNode[];
  line: number;
}

const columnNames = ['ID', 'FORM', 'LEMMA', 'UPOS', 'XPOS', 'FEATS', 'HEAD', 'DEPREL', 'DEPS', 'MISC'];
const mayHoldSpaces = new Set(['FORM', 'LEMMA', 'MISC']);

/**
 * Reads CoNLL-U: ten columns separated by tabs, a blank line after each sentence, `#` for comments
 * (https://universaldependencies.org/format.html). {@link formatConllu} writes the same file again.
 *
 * More than one blank line, or none at the end, is accepted. Tags are not compared with the lists of Universal
 * Dependencies, nor is the order of features and of enhanced heads.
 *
 * @throws DataFormatError that names the first line with another number of columns, an empty one, an id out of order, a
 * range or an empty node in the wrong place, a head that is not in the sentence, or heads that are not a tree.
 */
export function parseConllu(text: string | Uint8Array, options: TextOptions = {}): ConlluSentence[] {
  const fail = failureOf(options);
  const sentences: ConlluSentence[] = [];
  let draft: Draft | null = null;
  const finish = (): void => {
    if (draft === null) return;
    sentences.push(finished(draft, fail));
    draft = null;
  };
  let number = 0;
  for (const line of textLines(text, fail, options.encoding)) {
    number++;
    if (line === '') {
      finish();
      continue;
    }
    draft ??= { comments: [], words: [], ranges: [], emptyNodes: [], line: number };
    if (line.startsWith('#')) addComment(line, draft, number, fail);
    else addToken(line, draft, number, fail);
  }
  finish();
  if (sentences.length === 0) throw fail('there are no sentences in it');
  return sentences;
}

function addComment(line: string, { comments, words, ranges, emptyNodes }: Draft, number: number, fail: Failure): void {
  if (words.length + ranges.length + emptyNodes.length > 0) {
    throw fail('a comment stands between words; move it before the sentence, or put a blank line before it', number);
  }
  comments.push(line.slice(1));
}

function addToken(line: string, draft: Draft, number: number, fail: Failure): void {
  const columns = line.split('\t');
  if (columns.length !== 10) {
    const found = line.trim() === '' ? 'only white space; empty the line' : `${columns.length}; separate them by tabs`;
    throw fail(`expected 10 columns, got ${found}`, number);
  }
  const spaced = /[^\S\t]/.test(line); // one look at the line, for the many that have none
  columns.forEach((column, i) => {
    if (column === '') throw fail(`column ${i + 1}, ${columnNames[i]}, is empty; write _ for nothing`, number);
    if (spaced && !mayHoldSpaces.has(columnNames[i]) && /\s/.test(column)) {
      throw fail(`column ${i + 1}, ${columnNames[i]}, holds white space: ${JSON.stringify(column)}; remove it`, number);
    }
  });
  const id = columns[0];
  if (/^[1-9]\d*$/.test(id)) addWord(columns, draft, number, fail);
  else if (/^[1-9]\d*-[1-9]\d*$/.test(id)) addRange(columns, draft, number, fail);
  else if (/^(0|[1-9]\d*)\.[1-9]\d*$/.test(id)) addEmptyNode(columns, draft, number, fail);
  else throw fail(`expected an id such as 3, 3-4 or 3.1, got ${JSON.stringify(id)}`, number);
}

function addWord(columns: string[], draft: Draft, line: number, fail: Failure): void {
  const expected = draft.words.length + 1;
  const id = Number(columns[0]);
  if (id !== expected) {
    throw fail(`expected word ${expected}, got id ${id}; number the words of a sentence 1, 2, 3, …`, line);
  }
  if (columns[6] !== '_' && !/^(0|[1-9]\d*)$/.test(columns[6])) {
    throw fail(`expected a head such as 0, 3 or _, got ${JSON.stringify(columns[6])}`, line);
  }
  const head = columns[6] === '_' ? null : Number(columns[6]);
  draft.words.push({ id, ...node(columns, line, fail), head, deprel: value(columns[7]) });
}

function addRange(columns: string[], { words, ranges }: Draft, line: number, fail: Failure): void {
  const [first, last] = columns[0].split('-').map(Number);
  if (first !== words.length + 1) {
    throw fail(`range ${columns[0]} stands before word ${words.length + 1}; move it before word ${first}`, line);
  }
  if (last < first) throw fail(`range ${columns[0]} ends before it begins`, line);
  const before = ranges.at(-1);
  if (before !== undefined && first <= before.last) {
    throw fail(`range ${columns[0]} overlaps ${before.first}-${before.last} of line ${before.line}`, line);
  }
  for (const i of [2, 3, 4, 6, 7, 8]) mustBeEmpty(columns, i, 'a range', line, fail);
  ranges.push({ first, last, ...token(columns, line, fail) });
}

function addEmptyNode(columns: string[], { words, ranges, emptyNodes }: Draft, line: number, fail: Failure): void {
  const [after, index] = columns[0].split('.').map(Number);
  const before = emptyNodes.at(-1);
  const expected = before?.after === words.length ? before.index + 1 : 1;
  if (after !== words.length || index !== expected) {
    throw fail(`expected empty node ${words.length}.${expected}, got ${columns[0]}`, line);
  }
  const open = ranges.at(-1);
  if (open?.first === words.length + 1) {
    throw fail(
      `empty node ${columns[0]} stands between range ${open.first}-${open.last} and its words; swap them`,
      line,
    );
  }
  for (const i of [6, 7]) mustBeEmpty(columns, i, 'an empty node', line, fail);
  emptyNodes.push({ after, index, ...node(columns, line, fail) });
}

function mustBeEmpty(columns: string[], i: number, what: string, line: number, fail: Failure): void {
  if (columns[i] !== '_') throw fail(`${columnNames[i]} of ${what} is ${JSON.stringify(columns[i])}, expected _`, line);
}

const value = (column: string): string | null => (column === '_' ? null : column);

function token(columns: string[], line: number, fail: Failure): ConlluToken {
  const feats = new Map<string, string>();
  for (const feature of columns[5] === '_' ? [] : columns[5].split('|')) {
    const [, name, text] = /^([^=]+)=(.+)$/.exec(feature) ?? [];
    if (name === undefined)
      throw fail(`expected features such as Number=Sing|Person=3, got ${JSON.stringify(feature)}`, line);
    if (feats.has(name)) throw fail(`feature ${name} stands twice; join its values by a comma`, line);
    feats.set(name, text);
  }
  return { form: columns[1], feats, misc: columns[9] === '_' ? [] : columns[9].split('|'), line };
}

function node(columns: string[], line: number, fail: Failure): ConlluNode {
  const deps = (columns[8] === '_' ? [] : columns[8].split('|')).map((dependency) => {
    const [, head, deprel] = /^((?:0|[1-9]\d*)(?:\.[1-9]\d*)?):(.+)$/.exec(dependency) ?? [];
    if (head === undefined)
      throw fail(`expected DEPS such as 4:nsubj|8.1:obj, got ${JSON.stringify(dependency)}`, line);
    return { head, deprel };
  });
  // The word _ has the lemma _: only there does the sign mean itself.
  const lemma = columns[1] === '_' ? columns[2] : value(columns[2]);
  return { ...token(columns, line, fail), lemma, upos: value(columns[3]), xpos: value(columns[4]), deps };
}

/** What can only be known when all words are: the ends of ranges and the heads. */
function finished(draft: Draft, fail: Failure): ConlluSentence {
  const { words, ranges, emptyNodes } = draft;
  if (words.length === 0) throw fail('a sentence has no words; remove its other lines', draft.line);
  const open = ranges.at(-1);
  if (open !== undefined && open.last > words.length) {
    throw fail(`range ${open.first}-${open.last} ends after the last word, ${words.length}`, open.line);
  }
  const ids = new Set(['0', ...words.map(({ id }) => String(id)), ...emptyNodes.map((e) => `${e.after}.${e.index}`)]);
  for (const { deps, line } of [...words, ...emptyNodes]) {
    const missing = deps.find(({ head }) => !ids.has(head));
    if (missing) throw fail(`head ${missing.head} of ${missing.head}:${missing.deprel} is not in the sentence`, line);
  }
  checkTree(words, fail);
  return draft;
}
