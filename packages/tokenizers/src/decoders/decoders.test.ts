import { describe, expect, it } from 'vitest';

import golden from '../../test/goldens/decoded.json';
import { TokenizerError } from '../error';
import { JsonValue } from '../json';
import { fullKit } from '../full-kit';
import { readDecoder } from './read';

const read = (json: unknown) => readDecoder(new JsonValue(json, 'decoder', fullKit));

describe('decoders', () => {
  it.each(golden.cases.map(({ json, texts }) => [JSON.stringify(json), json, texts] as const))(
    'give the texts of the Rust library: %s',
    (_, json, texts) => {
      const decoder = read(json);
      expect(JSON.stringify(decoder)).toBe(JSON.stringify(json));
      for (const [i, tokens] of golden.tokens.entries()) {
        expect(decoder.decode(tokens).join(''), JSON.stringify(tokens)).toBe(texts[i]);
      }
    },
  );

  it('strip both ends, where the Rust library ends the program', () => {
    const strip = read({ type: 'Strip', content: ' ', start: 1, stop: 2 });
    expect(strip.decode([' ', '', '  ', ' a  ', '   a'])).toEqual(['', '', '', 'a', '  a']);
  });

  it('read bytes as UTF-8, what is none as U+FFFD', () => {
    const bytes = read({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: false });
    expect(bytes.decode(['ï»¿a'.repeat(1000), 'Ã'])).toEqual(['\ufeffa'.repeat(1000) + '\ufffd']);
  });

  it.each([
    [{ type: 'Fused' }, /^decoder.type: "Fused" is not known; known are BPEDecoder, ByteFallback, /],
    [{ type: 'WordPiece', prefix: '##' }, /^decoder.cleanup: expected true or false/],
    [{ type: 'Strip', content: 'ab', start: 0, stop: 0 }, /^decoder.content: expected one character/],
    [{ type: 'Strip', content: 'a', start: -1, stop: 0 }, /^decoder.start: expected a whole number/],
    [
      { type: 'Replace', pattern: { Regex: '(a+b?)+c' }, content: '' },
      /^decoder.pattern.Regex: at 0: a repeated group/,
    ],
    [{ type: 'Sequence', decoders: [null] }, /^decoder.decoders\[0\]: expected an object/],
  ])('refuse %j', (json, message) => {
    expect(() => read(json)).toThrow(TokenizerError);
    expect(() => read(json)).toThrow(message);
  });
});
