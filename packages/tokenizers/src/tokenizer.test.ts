import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../test/failure';
import goldens from '../test/goldens/encodings.json';
import {
  decoders,
  type Encoding,
  type PaddingOptions,
  postProcessors,
  preTokenizers,
  readTokenizer,
  type TruncationOptions,
} from './index';

/** What the Rust library gave, with offsets in code points. */
interface Expected {
  readonly ids: number[];
  readonly tokens: string[];
  readonly offsets: number[][];
  readonly wordIds: number[];
  readonly typeIds: number[];
  readonly sequenceIds: number[];
  readonly specialTokensMask: number[];
  readonly attentionMask: number[];
  readonly overflowing: Expected[];
}
interface TextCase extends Expected {
  readonly text: string | string[];
  readonly pair?: string;
  readonly decoded?: string;
  readonly truncation?: TruncationOptions & { readonly strategy: string };
}
interface BatchCase {
  readonly batch: string[];
  readonly padding: PaddingOptions;
  readonly encodings: Expected[];
}

const strategies: Record<string, TruncationOptions['strategy']> = {
  longest_first: 'longestFirst',
  only_first: 'onlyFirst',
  only_second: 'onlySecond',
};

const plain = (encoding: Encoding): Expected => ({
  ids: [...encoding.ids],
  tokens: [...encoding.tokens],
  offsets: encoding.offsetsIn('codePoint').map((range) => [...range]),
  wordIds: [...encoding.wordIds],
  typeIds: [...encoding.typeIds],
  sequenceIds: [...encoding.sequenceIds],
  specialTokensMask: [...encoding.specialTokensMask],
  attentionMask: [...encoding.attentionMask],
  overflowing: encoding.overflowing.map(plain),
});

const shapes = goldens.goldens as unknown as { name: string; tokenizer: object; cases: (TextCase | BatchCase)[] }[];

describe.each(shapes)('$name gives what the Rust library gives', ({ tokenizer: json, cases }) => {
  const tokenizer = readTokenizer(json);

  const batches = cases.filter((golden): golden is BatchCase => 'batch' in golden);
  const texts = cases.filter((golden): golden is TextCase => !('batch' in golden));
  const titled = <T>(golden: T) => [JSON.stringify(golden).slice(0, 120), golden] as const;

  it.each(texts.map(titled))('%s', (_, { text, pair, truncation, decoded, ...expected }) => {
    const options = truncation && { ...truncation, strategy: strategies[truncation.strategy] };
    const encoding = tokenizer.encode(text, { pair, truncation: options });
    expect(plain(encoding)).toEqual(expected);
    expect(decoded ?? tokenizer.decode(encoding.ids)).toBe(tokenizer.decode(encoding.ids));
  });

  if (batches.length > 0) {
    it.each(batches.map(titled))('%s', (_, { batch, padding, encodings }) => {
      expect(tokenizer.encodeBatch(batch, { padding }).map(plain)).toEqual(encodings);
    });
  }

  it('is written as it was read', () => {
    const written = JSON.parse(JSON.stringify(tokenizer)) as object;
    expect(written).toEqual(json);
    expect(JSON.parse(JSON.stringify(readTokenizer(written)))).toEqual(written);
  });
});

const named = (name: string) => readTokenizer(shapes.find((shape) => shape.name === name)!.tokenizer);

describe('Tokenizer', () => {
  it('gives offsets in units of the caller’s choice, also of a pair', () => {
    const tokenizer = named('gpt2');
    const text = 'é😀 dog';
    const { offsets } = tokenizer.encode(text);
    expect(tokenizer.encode(text).offsetsIn('utf16')).toEqual(offsets);
    const slices = offsets.map(([start, end]) => text.slice(start, end));
    const bytes = new TextEncoder().encode(text);
    const decode = (start: number, end: number) => new TextDecoder().decode(bytes.slice(start, end));
    expect(
      tokenizer
        .encode(text)
        .offsetsIn('byte')
        .map(([start, end]) => decode(start, end)),
    ).toEqual(slices);
    const points = [...text];
    expect(
      tokenizer
        .encode('x', { pair: text })
        .offsetsIn('codePoint')
        .map(([start, end]) => points.slice(start, end).join(''))
        .slice(1),
    ).toEqual(slices);
    expect(failure(() => tokenizer.encode('x').offsetsIn('char' as never)).message).toMatch(
      /expected utf16, codePoint or byte/,
    );
  });

  it('gives the text back, whatever it is, with byte-level models', () => {
    const tokenizer = named('gpt2');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const { ids, offsets, tokens } = tokenizer.encode(text, { addSpecialTokens: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
        expect(offsets.length).toBe(ids.length);
        expect(tokens.every((token, i) => tokenizer.tokenToId(token) === ids[i])).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it.each([
    [14, 20, 30, 5, 6],
    [14, 30, 20, 6, 5],
    [14, 20, 20, 5, 6],
    [15, 30, 20, 6, 6],
  ])(
    'cuts a pair to %i tokens, of %i and %i to %i and %i, as the Rust library does',
    (maxLength, a, b, first, second) => {
      const options = { pair: 'dog '.repeat(b), truncation: { maxLength } };
      const { sequenceIds } = named('bert').encode('fox '.repeat(a), options);
      expect([0, 1].map((text) => sequenceIds.filter((id) => id === text).length)).toEqual([first, second]);
    },
  );

  it('makes the overflowing parts of a pair only when they are asked for, and not millions', () => {
    const options = { pair: 'dog '.repeat(3000), truncation: { maxLength: 7 } };
    const encoding = named('bert').encode('fox '.repeat(3000), options);
    expect(encoding.length).toBe(7);
    expect(failure(() => encoding.overflowing).message).toMatch(
      /more than 100000 overflowing parts; make maxLength larger/,
    );
  });

  it('knows a text that a template uses twice', () => {
    const tokenizer = named('words').with({
      postProcessor: new postProcessors.TemplateProcessing({
        single: postProcessors.template('$A $A:1'),
        pair: postProcessors.template('$A $B'),
      }),
    });
    const encoding = tokenizer.encode('é dog');
    expect([...encoding.sequenceIds]).toEqual([0, 0, 0, 0]);
    expect([...encoding.typeIds]).toEqual([0, 0, 1, 1]);
    expect(encoding.offsetsIn('byte')).toEqual([
      [0, 2],
      [3, 6],
      [0, 2],
      [3, 6],
    ]);
  });

  it('takes in the spaces of many tokens, and of a long run, in time', () => {
    const tokenizer = named('added tokens');
    expect(tokenizer.encode('a <mask>'.repeat(20_000)).tokens.filter((token) => token.endsWith('<mask>')).length).toBe(
      20_000,
    );
    expect(tokenizer.encode(`${' '.repeat(200_000)}<mask>`).offsets[1]).toEqual([0, 200_006]);
  });

  it('takes parts of one’s own making', () => {
    const { splitAtPattern } = preTokenizers;
    const tokenizer = named('words').with({
      normalizer: {
        normalize: (text) => (text.text.includes('cat') ? text.withText(text.text.replaceAll('cat', 'dog')) : text),
        toJSON: () => ({ type: 'Own' }),
      },
      preTokenizer: splitAtPattern({ Regex: '[-_]' }, 'Removed'),
      decoder: decoders.replacePattern('dog', 'cat'),
    });
    const { tokens, ids, offsets } = tokenizer.encode('lazy-cat');
    expect(tokens).toEqual(['lazy', 'dog']);
    expect(offsets).toEqual([
      [0, 4],
      [5, 8],
    ]);
    expect(tokenizer.decode(ids)).toBe('lazycat');
  });

  it('takes a lone surrogate for U+FFFD', () => {
    const tokenizer = named('gpt2');
    expect([...tokenizer.encode('a\ud800b').ids]).toEqual([...tokenizer.encode('a\ufffdb').ids]);
  });

  it('writes an added token as it was found, and a token of the model of the same id as the model does', () => {
    const tokenizer = readTokenizer({
      version: '1.0',
      added_tokens: [{ id: 1, content: 'a', normalized: true, special: false }],
      normalizer: { type: 'Prepend', prepend: '▁' },
      model: { type: 'BPE', vocab: { '▁': 0, a: 1, '/': 2 }, merges: [] },
    });
    // As the Rust library has it: normalised, the added token is ▁a, which is not in ▁/a.
    expect(tokenizer.encode('a').tokens).toEqual(['▁a']);
    expect(tokenizer.encode('/a').tokens).toEqual(['▁', '/', 'a']);
    expect([...tokenizer.encode('/a').ids]).toEqual([0, 2, 1]);
  });

  it('trims offsets by whole characters: the space put before a text has the range of its first', () => {
    const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
    const tokenizer = readTokenizer({
      version: '1.0',
      added_tokens: [{ id: 1, content: '<m>', special: true }],
      pre_tokenizer: byteLevel,
      post_processor: byteLevel,
      model: { type: 'WordLevel', vocab: { ĠðŁĻĤ: 0, '<m>': 1, '<unk>': 2 }, unk_token: '<unk>' },
    });
    const encoding = tokenizer.encode('<m>🙂');
    expect([...encoding.ids]).toEqual([1, 0]);
    expect(encoding.offsetsIn('codePoint')).toEqual([
      [0, 3],
      [4, 4],
    ]);
  });

  it('forgets how tokens were written that were cut off', () => {
    const tokenizer = readTokenizer({
      version: '1.0',
      added_tokens: [{ id: 0, content: '<m>', lstrip: true, special: true }],
      pre_tokenizer: { type: 'WhitespaceSplit' },
      model: { type: 'WordLevel', vocab: { '<m>': 0, a: 1, b: 2 }, unk_token: '<m>' },
    });
    const { tokens, overflowing } = tokenizer.encode('a  <m>', { pair: 'b', truncation: { maxLength: 2 } });
    expect(tokens).toEqual(['a', 'b']);
    expect(overflowing.map((part) => part.tokens)).toEqual([['  <m>', 'b']]);
  });

  it('decodes unknown ids only on request', () => {
    const tokenizer = named('bert');
    const error = failure(() => tokenizer.decode([5, tokenizer.idBound]));
    expect(error.code).toBe('invalid-id');
    expect(error.message).toMatch(
      /^decode: id \d+ at position 1 is no token; ids run from 0 to \d+, or decode with onUnknownId: 'unknown'$/,
    );
    expect(failure(() => tokenizer.decode([-1])).code).toBe('invalid-id');
    expect(failure(() => tokenizer.decode([1.5])).code).toBe('invalid-id');
    expect(tokenizer.decode([1e9], { onUnknownId: 'unknown', skipSpecialTokens: false })).toBe('[UNK]');
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no text', () => named('bert').encode(undefined as never), /expected a text or an array of words, got undefined/],
    ['a number for a word', () => named('bert').encode(['a', 1 as never]), /got number/],
    ['one text for several', () => named('bert').encodeBatch('a' as never), /put it in an array/],
    [
      'nothing among texts',
      () => named('bert').encodeBatch([null as never]),
      /expected a text or an array of words, got null/,
    ],
    ['one id', () => named('bert').decode(5 as never), /decode: expected ids, got number/],
    [
      'padding without end',
      () => named('bert').encode('a', { padding: { id: 0, token: 'x', length: 2e9 } }),
      /padding: to 2000000000 tokens, more than/,
    ],
    [
      'an added token with an id far away',
      () => named('bert').with({ addedTokens: [{ content: 'new', id: 1_999_999_999 }] }),
      /"new": id 1999999999, not a whole number to/,
    ],
    [
      'no delimiter',
      () => new preTokenizers.CharDelimiterSplit(''),
      /CharDelimiterSplit: delimiter is "", expected one character/,
    ],
    [
      'two characters for a space',
      () => new preTokenizers.Metaspace({ replacement: '__' }),
      /Metaspace: replacement is "__"/,
    ],
    ['no character to strip', () => new decoders.Strip('', 1e9, 0), /Strip: content is ""/],
    [
      'a literal of a megabyte',
      () => preTokenizers.splitAtPattern('a'.repeat(1e6), 'Removed'),
      /1000000 units, more than/,
    ],
    [
      'no room for special tokens',
      () => named('bert').encode('a', { truncation: { maxLength: 1 } }),
      /maxLength is 1, but 2 special tokens/,
    ],
    [
      'a stride as long as a part',
      () => named('bert').encode('the quick brown fox', { truncation: { maxLength: 4, stride: 2 } }),
      /stride is 2, but a part has 2 tokens/,
    ],
    [
      'onlySecond without a second',
      () => named('bert').encode('the quick brown fox', { truncation: { maxLength: 4, strategy: 'onlySecond' } }),
      /there is no second text/,
    ],
    [
      'a text too short to be cut',
      () =>
        named('bert').encode('a', { pair: 'the quick brown fox', truncation: { maxLength: 5, strategy: 'onlyFirst' } }),
      /of the 1 tokens of text 1, 3 must go/,
    ],
    ['a length that is none', () => named('bert').encode('a', { truncation: { maxLength: -1 } }), /maxLength is -1/],
    [
      'padding without an id',
      () => named('bert').encode('a', { padding: { token: 'x' } as never }),
      /padding: id is undefined/,
    ],
    [
      'an added token with an id in use',
      () => named('bert').with({ addedTokens: [{ content: 'new', id: 3 }] }),
      /"new": id 3, which is the id of "\[SEP\]"/,
    ],
  ])('refuses %s', (_, attempt, message) => {
    const error = failure(attempt);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/\n/);
  });
});
