import { describe, expect, it } from 'vitest';

import { failure } from '../test/failure';
import goldens from '../test/goldens/encodings.json';
import { readTokenizer, readTokenizerFile, TokenizerError, trainTokenizer } from './index';
import { uniform } from './random';

const shapes = goldens.goldens as unknown as { name: string; tokenizer: Record<string, unknown> }[];

/** Undefined, or why this is not how bad input is treated. */
function complaint(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (!(error instanceof TokenizerError)) return String((error as Error).stack);
    return /\n/.test(error.message) || error.message.length > 1000 ? `not one short line: ${error.message}` : undefined;
  }
}

type Container = Record<string, unknown> | unknown[];

/** All places in JSON: the object or array, and the key there. */
function* places(value: unknown): Generator<[Container, string]> {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    yield [value as Container, key];
    yield* places((value as Record<string, unknown>)[key]);
  }
}

const values: unknown[] = [
  null, true, -1, 0, 1.5, 4e9, NaN, 1e308, '', 'x', '\ud800', '▁', '__proto__', 'a'.repeat(300), [], [[]], {}, { type: 'Sequence' }, { type: 'x' }, ['a', 'b'], [1], { String: '' }, { Regex: '(' },
]; // prettier-ignore

describe('readTokenizer', () => {
  it('gives a tokenizer or a named error for whatever a file holds', { timeout: 60_000 }, () => {
    const random = uniform(1);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
    const complaints: string[] = [];
    let read = 0;
    for (let round = 0; round < 5000; round++) {
      const json = structuredClone(pick(shapes).tokenizer);
      for (let changes = 1 + Math.floor(random() * 2); changes > 0; changes--) {
        // Vocabularies have most of the places: every other time the rest is looked at.
        const all = [
          ...places(random() < 0.5 ? json : { ...json, model: { ...(json.model as object), vocab: 0, merges: 0 } }),
        ];
        const [container, key] = pick(all);
        const target = container as Record<string, unknown>;
        if (random() < 0.3) delete target[key];
        else target[key] = random() < 0.3 ? structuredClone<unknown>(pick(all)[0]) : pick(values);
      }
      const bad = complaint(() => {
        const tokenizer = readTokenizer(JSON.stringify(json));
        tokenizer.decode(tokenizer.encode('The quick 😀 dog.', { pair: 'fox 她' }).ids);
        read++;
      });
      if (bad !== undefined) complaints.push(bad);
    }
    expect(complaints).toEqual([]);
    expect(read).toBeGreaterThan(500); // most changes are to vocabularies, and many of them harmless
  });

  const [{ tokenizer: gpt2 }] = shapes;
  const nested = (depth: number): object =>
    depth === 0 ? { type: 'NFC' } : { type: 'Sequence', normalizers: [nested(depth - 1)] };

  it.each<[string, unknown, RegExp]>([
    ['text that is not JSON', '{"version": ', /^tokenizer\.json: not JSON: /],
    ['an array', [], /^tokenizer\.json: expected an object, got an array of 0$/],
    ['nothing', null, /^tokenizer\.json: expected an object, got nothing$/],
    ['another version', { ...gpt2, version: '2.0' }, /^tokenizer\.json\.version: expected "1\.0"/],
    ['no model', { ...gpt2, model: null }, /^tokenizer\.json\.model: expected an object, got nothing$/],
    ['another model', { ...gpt2, model: { type: 'Markov' } }, /^tokenizer\.json\.model\.type: "Markov" is not known; known are BPE, Unigram, WordLevel, WordPiece$/],
    ['a merge of three', { ...gpt2, model: { ...(gpt2.model as object), merges: ['a b c'] } }, /^tokenizer\.json\.model\.merges\[0\]: expected two tokens, got 3$/],
    ['parts within parts without end', { ...gpt2, normalizer: nested(2000) }, /nested too deeply$/],
    ['a catastrophic pattern', { ...gpt2, pre_tokenizer: { type: 'Split', pattern: { Regex: '(x+x+)+y' }, behavior: 'Isolated', invert: false } }, /pre_tokenizer\.pattern\.Regex: at \d+: /],
    ['a template without its token', { ...gpt2, post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'x', type_id: 0 } }], pair: [], special_tokens: {} } }, /"x" is not among the special tokens/],
    ['two added tokens with one id', { ...gpt2, added_tokens: [{ id: 9999, content: 'one', special: true }, { id: 9999, content: 'two', special: true }] }, /added token "two": id 9999, which is the id of "one"/],
  ])('refuses %s', (_, json, message) => {
    expect(failure(() => readTokenizer(json)).message).toMatch(message);
  }); // prettier-ignore
});

describe('readTokenizerFile', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);

  it('tells formats apart by what is in them', () => {
    const json = JSON.stringify(trainTokenizer(['low lower'], { preset: 'bpe', vocabSize: 262 }));
    const { vocab, merges } = (JSON.parse(json) as { model: { vocab: object; merges: string[][] } }).model;
    const texts = ['low', 'lower lowest'];
    const expected = texts.map((text) => [...readTokenizer(json).encode(text).ids]);
    const same = (tokenizer: ReturnType<typeof readTokenizer>) => texts.map((text) => [...tokenizer.encode(text).ids]);
    expect(same(readTokenizerFile(bytes(json), { name: 'a' }))).toEqual(expected);
    const mergesText = `#version: 0.2\n${merges.map((merge) => merge.join(' ')).join('\n')}\n`;
    expect(
      same(readTokenizerFile(bytes(JSON.stringify(vocab)), { name: 'vocab.json', merges: bytes(mergesText) })),
    ).toEqual(expected);
    const words = readTokenizerFile(bytes('[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\nlow\n##er\n'), { name: 'vocab.txt' });
    expect(words.encode('Lower').tokens).toEqual(['[CLS]', 'low', '##er', '[SEP]']);
    const ranks = Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}`);
    ranks.push(`${btoa('lo')} 256`);
    const tiktoken = readTokenizerFile(bytes(ranks.join('\n')), { name: 'x.tiktoken', tiktoken: { pattern: '\\S+' } });
    expect([...tiktoken.encode('low').ids]).toEqual([256, 119]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', bytes(''), /^f: empty; expected a tokenizer$/],
    ['bytes of no kind', Uint8Array.of(0xff, 0xfe, 0), /^f: neither a SentencePiece model nor text in UTF-8/],
    ['a model that is cut off', Uint8Array.of(0x0a, 0x20, 0x0a, 0), /^f: /],
    [
      'vocab.json alone',
      bytes('{"a": 0}'),
      /^f: has no "model"; if it is a vocab\.json, give its merges\.txt as well$/,
    ],
    ['broken JSON', bytes('{"a": '), /^f: not JSON: /],
    [
      'ranks of an encoding that is not said',
      bytes('IQ== 0\nIg== 1\n'),
      /^f: which encoding it is must be said: one of /,
    ],
  ])('refuses %s', (_, given, message) => {
    expect(failure(() => readTokenizerFile(given, { name: 'f' })).message).toMatch(message);
  });
});
