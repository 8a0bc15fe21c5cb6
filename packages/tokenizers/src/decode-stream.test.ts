import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { byteToChar } from './bytes';
import { DecodeStream, type DecodeStreamOptions } from './decode-stream';
import { fallbackByte } from './decoders/bytes';
import { readDecoder } from './decoders/read';
import { fullKit } from './full-kit';
import { JsonValue } from './json';

const hex = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
const inAlphabet = (text: string, from = 0, to?: number): string =>
  Array.from(new TextEncoder().encode(text).slice(from, to), (byte) => byteToChar[byte]).join('');

const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
const sentencePiece = [
  '▁',
  '▁a',
  'b',
  '▁▁',
  '▁the',
  'é',
  '\ufffd',
  ...Array.from({ length: 256 }, (_, byte) => hex(byte)),
];
const chunks = ['€', '😀', 'é a', ' the'];
const bytes = [
  ...byteToChar,
  ...chunks.flatMap((text) => [inAlphabet(text), inAlphabet(text, 0, -1), inAlphabet(text, 1)]),
];

/** Decoders with their tokens; ids 0 and 1 are special and left out. */
const decoders: readonly (readonly [name: string, json: unknown, tokens: readonly string[]])[] = [
  ['ByteLevel', { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true }, bytes],
  ['Metaspace', metaspace, sentencePiece],
  [
    'Llama',
    {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    sentencePiece,
  ],
  ['Gemma', { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, metaspace] }, sentencePiece],
  ['WordPiece', { type: 'WordPiece', prefix: '##', cleanup: true }, ['a', '##b', '.', "'", "##'", "##n't", 'do not']],
  ['BPEDecoder', { type: 'BPEDecoder', suffix: '</w>' }, ['a</w>', 'b', 'c</w>', '</w>']],
  ['CTC', { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true }, ['<pad>', 'a', 'b', '|', "'"]],
];

describe('DecodeStream', () => {
  it.each(decoders)('puts out the whole text, and no half characters: %s', (name, json, tokens) => {
    const decoder = readDecoder(new JsonValue(json, 'decoder', fullKit));
    const decode = (ids: readonly number[]) =>
      decoder.decode(ids.filter((id) => id > 1).map((id) => tokens[id - 2])).join('');
    const options: DecodeStreamOptions =
      name === 'Llama' || name === 'Gemma' ? { isOpen: (id) => id > 1 && fallbackByte(tokens[id - 2]) >= 0 } : {};
    const spelled = fc
      .constantFrom('€', '😀', 'é', '\ufffd')
      .map((text) =>
        Array.from(
          new TextEncoder().encode(text),
          (byte) => tokens.indexOf(name === 'ByteLevel' ? byteToChar[byte] : hex(byte)) + 2,
        ),
      );
    const id = fc.oneof(fc.nat(1), fc.nat(tokens.length + 1), fc.nat(Math.min(10, tokens.length + 1)));
    const some =
      tokens.length > 100
        ? fc.oneof(
            spelled,
            id.map((one) => [one]),
          )
        : id.map((one) => [one]);
    fc.assert(
      fc.property(fc.array(some, { maxLength: 30 }), (parts) => {
        const ids = parts.flat();
        const stream = new DecodeStream(decode, options);
        const outputs = ids.map((one) => stream.push(one));
        for (const output of outputs) expect(output).not.toMatch(/\p{Cs}/u);
        expect([...outputs, stream.end()].join('')).toBe(decode(ids));
        expect(stream.push(1) + stream.end()).toBe('');
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it('waits for all bytes of a character', () => {
    const decoder = readDecoder(
      new JsonValue({ type: 'ByteLevel', add_prefix_space: true, trim_offsets: true }, 'd', fullKit),
    );
    const letters = [...inAlphabet('a😀b'), byteToChar[0xe2], 'c'];
    const stream = new DecodeStream((ids) => decoder.decode(ids.map((id) => letters[id])).join(''));
    expect(letters.map((_, id) => stream.push(id))).toEqual(['a', '', '', '', '😀', 'b', '', '\ufffdc']);
  });

  it.each([
    ['text', 'a'],
    ['left out', ''],
    ['no character', byteToChar[0x80]],
    ['the beginning of one', byteToChar[0xf0]],
  ])('does constant work for each of many ids: %s', (_, token) => {
    const decoder = readDecoder(
      new JsonValue({ type: 'ByteLevel', add_prefix_space: true, trim_offsets: true }, 'd', fullKit),
    );
    let work = 0;
    const stream = new DecodeStream((ids) => {
      work += ids.length;
      return decoder.decode(ids.map((id) => (id === 0 ? token : ''))).join('');
    });
    for (let i = 0; i < 5000; i++) stream.push(i % 3 === 2 ? 1 : 0);
    expect(work / 5000).toBeLessThan(60);
  });
});
