import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DataFormatError, formatConllu, parseConllu } from './index';

/** Columns are written with single spaces here; `~` is a space within one. */
const conllu = (...lines: string[]): string =>
  lines.map((line) => (line.startsWith('#') ? line : line.replaceAll(' ', '\t').replaceAll('~', ' ')) + '\n').join('');

const example = conllu(
  '# sent_id = 1',
  '# text = vámonos al mar _',
  '0.1 que _ _ _ _ _ _ 1:mark _',
  '1-2 vámonos _ _ _ _ _ _ _ SpaceAfter=No|x',
  '1 vamos ir VERB v Number=Plur|Person=1,2 0 root 0:root _',
  '2 nos nosotros PRON _ Case=Acc,Dat 1 obj 1:obj|4.2:nsubj:xsubj _',
  '3-4 al _ _ _ Typo=Yes _ _ _ _',
  '3 a a ADP _ _ 5 case 5:case _',
  '4 el el DET _ Definite=Def 5 det 5:det _',
  '4.1 x x X _ _ _ _ 0.1:dep CopyOf=1',
  '4.2 y _ _ _ _ _ _ 4.1:dep _',
  '5 mar mar NOUN _ _ 1 obl 1:obl:a _',
  '6 _ _ PUNCT _ _ 1 punct 1:punct _',
  '7 10~000 10~000 NUM _ _ 1 dep 1:dep note=with~spaces',
  '',
);

test('reads words, ranges and empty nodes apart, and _ as nothing but where it is the word', () => {
  const [sentence, ...rest] = parseConllu(example);
  expect(rest).toEqual([]);
  expect(sentence.comments).toEqual([' sent_id = 1', ' text = vámonos al mar _']);
  expect(sentence.words.map(({ form }) => form)).toEqual(['vamos', 'nos', 'a', 'el', 'mar', '_', '10 000']);
  expect(sentence.words[1]).toEqual({
    id: 2,
    form: 'nos',
    lemma: 'nosotros',
    upos: 'PRON',
    xpos: null,
    feats: new Map([['Case', 'Acc,Dat']]),
    head: 1,
    deprel: 'obj',
    deps: [
      { head: '1', deprel: 'obj' },
      { head: '4.2', deprel: 'nsubj:xsubj' },
    ],
    misc: [],
    line: 6,
  });
  expect(sentence.words[5].lemma).toBe('_');
  expect(sentence.ranges).toEqual([
    { first: 1, last: 2, form: 'vámonos', feats: new Map(), misc: ['SpaceAfter=No', 'x'], line: 4 },
    { first: 3, last: 4, form: 'al', feats: new Map([['Typo', 'Yes']]), misc: [], line: 7 },
  ]);
  expect(sentence.emptyNodes.map(({ after, index, lemma, line }) => [after, index, lemma, line])).toEqual([
    [0, 1, null, 3],
    [4, 1, 'x', 10],
    [4, 2, null, 11],
  ]);
  expect(formatConllu([sentence])).toBe(example);
});

test('reads bytes, Windows line ends, a byte order mark, more blank lines, none at the end, and words without trees', () => {
  const text = `\uFEFF${conllu('', '1 a _ X _ _ _ _ _ _', '', '', '1 b _ _ _ _ _ _ _ _')}`.replaceAll('\n', '\r\n');
  for (const form of [text, new TextEncoder().encode(text)]) {
    expect(parseConllu(form).map(({ words, line }) => [words[0].form, words[0].head, line])).toEqual([
      ['a', null, 2],
      ['b', null, 5],
    ]);
  }
});

const word = (id: number | string, head: number | string = 0, deprel = head === 0 ? 'root' : 'dep') =>
  `${id} w _ X _ _ ${head} ${deprel} _ _`;

describe('says which line is wrong', () => {
  test.each<[string, string, string]>([
    ['nothing', '', 'there are no sentences in it'],
    ['nine columns', conllu('1 a a X _ _ 0 root _'), 'line 1: expected 10 columns, got 9; separate them by tabs'],
    ['spaces', '1 a a X _ _ 0 root _ _\n', 'line 1: expected 10 columns, got 1; separate them by tabs'],
    [
      'a blank line of spaces',
      conllu(word(1)) + '  \n',
      'line 2: expected 10 columns, got only white space; empty the line',
    ],
    ['an empty column', conllu('1 a a  _ _ 0 root _ _'), 'line 1: column 4, UPOS, is empty; write _ for nothing'],
    [
      'a space in a tag',
      conllu('1 a a X~Y _ _ 0 root _ _'),
      'line 1: column 4, UPOS, holds white space: "X Y"; remove it',
    ],
    ['no id', conllu('a a a X _ _ 0 root _ _'), 'line 1: expected an id such as 3, 3-4 or 3.1, got "a"'],
    ['id 0', conllu(word(0)), 'line 1: expected an id such as 3, 3-4 or 3.1, got "0"'],
    ['id 01', conllu(word('01')), 'line 1: expected an id such as 3, 3-4 or 3.1, got "01"'],
    [
      'a gap',
      conllu(word(1), word(3, 1)),
      'line 2: expected word 2, got id 3; number the words of a sentence 1, 2, 3, …',
    ],
    ['a missing blank line', conllu(word(1), word(1)), 'line 2: expected word 2, got id 1'],
    ['a comment inside', conllu(word(1), '# x'), 'line 2: a comment stands between words; move it'],
    ['comments alone', conllu('# x', '', word(1)), 'line 1: a sentence has no words; remove its other lines'],
    ['a head of words', conllu(word(1, 'x')), 'line 1: expected a head such as 0, 3 or _, got "x"'],
    [
      'a head beyond',
      conllu(word(1), word(2, 3)),
      'line 2: head 3 of word 2 is not in the sentence, which has 2 words',
    ],
    ['a head of its own', conllu(word(1), word(2, 2)), 'line 2: word 2 is its own head; name another'],
    ['two roots', conllu(word(1), word(2)), 'line 2: words 1 and 2 both have the head 0; leave one root'],
    ['a root with a head', conllu(word(1), word(2, 1, 'root')), 'line 2: word 2 has the head 1 and the deprel root;'],
    ['a head 0 that is no root', conllu(word(1, 0, 'dep')), 'line 1: word 1 has the head 0 and the deprel dep;'],
    ['a circle', conllu(word(1), word(2, 3), word(3, 2)), 'line 2: the heads from word 2 on go in a circle; mend one'],
    ['no root', conllu(word(1, 2), word(2, 1)), 'line 1: the heads from word 1 on go in a circle'],
    [
      'a word without a head',
      conllu(word(1), word(2, '_', '_')),
      'line 2: word 2 has no head, others have; fill it in',
    ],
    [
      'a word without a deprel',
      conllu(word(1), word(2, 1, '_')),
      'line 2: word 2 has no deprel, others have; fill it in',
    ],
    [
      'a late range',
      conllu(word(1), '1-2 x _ _ _ _ _ _ _ _'),
      'line 2: range 1-2 stands before word 2; move it before word 1',
    ],
    ['a range backwards', conllu(word(1), '2-1 x _ _ _ _ _ _ _ _'), 'line 2: range 2-1 ends before it begins'],
    [
      'ranges that overlap',
      conllu('1-2 x _ _ _ _ _ _ _ _', word(1), '2-3 x _ _ _ _ _ _ _ _'),
      'line 3: range 2-3 overlaps 1-2 of line 1',
    ],
    ['a long range', conllu('1-3 x _ _ _ _ _ _ _ _', word(1)), 'line 1: range 1-3 ends after the last word, 1'],
    ['a range with a tag', conllu('1-1 x _ X _ _ _ _ _ _'), 'line 1: UPOS of a range is "X", expected _'],
    [
      'a late empty node',
      conllu(word(1), word(2, 1), '1.1 x _ _ _ _ _ _ _ _'),
      'line 3: expected empty node 2.1, got 1.1',
    ],
    ['an empty node 1.2', conllu(word(1), '1.2 x _ _ _ _ _ _ _ _'), 'line 2: expected empty node 1.1, got 1.2'],
    [
      'an empty node within a range',
      conllu('1-2 x _ _ _ _ _ _ _ _', '0.1 x _ _ _ _ _ _ _ _'),
      'line 2: empty node 0.1 stands between range 1-2 and its words; swap them',
    ],
    [
      'an empty node with a head',
      conllu(word(1), '1.1 x _ _ _ _ 1 dep _ _'),
      'line 2: HEAD of an empty node is "1", expected _',
    ],
    [
      'features',
      conllu('1 a a X _ Number 0 root _ _'),
      'line 1: expected features such as Number=Sing|Person=3, got "Number"',
    ],
    [
      'a feature twice',
      conllu('1 a a X _ A=1|A=2 0 root _ _'),
      'line 1: feature A stands twice; join its values by a comma',
    ],
    ['deps', conllu('1 a a X _ _ 0 root root _'), 'line 1: expected DEPS such as 4:nsubj|8.1:obj, got "root"'],
    ['a missing node', conllu('1 a a X _ _ 0 root 1.1:x _'), 'line 1: head 1.1 of 1.1:x is not in the sentence'],
  ])('%s', (_, text, message) => {
    expect(() => parseConllu(text)).toThrow(DataFormatError);
    expect(() => parseConllu(text)).toThrow(message);
  });

  test('with the name of the file, and the line as a number', () => {
    let error: unknown;
    try {
      parseConllu('x', { name: 'dev.conllu' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ file: 'dev.conllu', line: 1 });
    expect(String(error)).toMatch(/^DataFormatError: dev\.conllu: line 1: expected 10/);
  });
});

test('a file with one column spoilt gives sentences or one such line', () => {
  const rows = example.trimEnd().split('\n');
  const spoil = fc.constantFrom('', '_', '0', '1', '2', '7', '1.1', '2-3', 'x', 'a=b', '1:x', 'root', '# a', '\u00a0');
  fc.assert(
    fc.property(fc.nat(rows.length - 1), fc.nat(10), spoil, (row, column, text) => {
      const changed = rows.map((line, i) =>
        i === row
          ? line
              .split('\t')
              .with(Math.min(column, line.split('\t').length - 1), text)
              .join('\t')
          : line,
      );
      const file = `${changed.join('\n')}\n\n`;
      const oneBlank = file.replace(/^\n/, '').replaceAll(/\n{3,}/g, '\n\n');
      let outcome: string;
      try {
        outcome = formatConllu(parseConllu(file)) === oneBlank ? 'the same file' : 'another file';
      } catch (error) {
        outcome = String(error);
      }
      expect(outcome).toMatch(/^(the same file|DataFormatError: line \d+: [^\n]+)$/);
    }),
    { seed: 1, numRuns: 600 },
  );
});

// The treebank is not part of the repository. To run this: QKV_DATA=folder, which holds ud-english-ewt/.
const treebank = join(process.env.QKV_DATA ?? '', 'ud-english-ewt');
const isThere = process.env.QKV_DATA !== undefined && existsSync(treebank);
if (!isThere)
  console.log('skipped: the round trip of UD English EWT, since QKV_DATA names no folder with ud-english-ewt/');

describe.runIf(isThere)('UD English EWT goes in and out unchanged', () => {
  test.each([
    ['en_ewt-ud-train.conllu.gz', 12_544, 204_577],
    ['en_ewt-ud-dev.conllu', 2001, 25_147],
    ['en_ewt-ud-test.conllu', 2077, 25_094],
  ])('%s', (name, sentences, words) => {
    const file = readFileSync(join(treebank, name));
    const text = (name.endsWith('.gz') ? gunzipSync(file) : file).toString('utf8');
    const parsed = parseConllu(text, { name });
    expect(parsed.length).toBe(sentences);
    expect(parsed.reduce((sum, sentence) => sum + sentence.words.length, 0)).toBe(words);
    expect(formatConllu(parsed) === text).toBe(true);
  });
});
