// What the Rust library wrote and accepted, recorded by oracle/make_oracle.py.
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { dtypes, parse, SafetensorsError, serialize, type Dtype, type TensorEntry } from '../src/index';
import verdicts from './oracle/verdicts.json';
import { rawBytes, tensorOf } from './support';

const numpyNames: Record<Dtype, string> = {
  U64: 'uint64',
  I64: 'int64',
  F64: 'float64',
  F32: 'float32',
  U32: 'uint32',
  I32: 'int32',
  BF16: 'bfloat16',
  F16: 'float16',
  U16: 'uint16',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
};

const make = (dtype: Dtype, shape: readonly number[]): TensorEntry =>
  tensorOf(dtype, shape, (i) => (i * 37 + 11) % (dtype === 'BOOL' ? 2 : 251));

const tensors = new Map<string, TensorEntry>([
  ...dtypes.map((dtype) => [`all.${numpyNames[dtype]}`, make(dtype, [2, 3])] as const),
  ['scalar', make('F32', [])],
  ['empty', make('I64', [0, 7])],
  ['odd', make('U8', [3])],
  ['', make('U8', [1])],
  ['quote " back \\ slash / tab \t bell \x07 del \x7f line \u2028', make('F32', [1])],
  ['\ufffd sorts before', make('F32', [1])],
  ['\u{1f600} by code point', make('F32', [1])],
  ['__proto__', make('F32', [1])],
]);
const metadata = { format: 'pt', note: 'naïve \u{1f600}' };
const recorded = new Uint8Array(readFileSync(new URL('oracle/every-dtype.safetensors', import.meta.url)));

describe('a file written by the Rust library', () => {
  it('is read', () => {
    const file = parse(recorded);
    expect([...file.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { dtype, shape, data }] of file.tensors) {
      const expected = tensors.get(name)!;
      expect([name, dtype, shape]).toEqual([name, expected.dtype, expected.shape]);
      expect(rawBytes({ dtype, shape, data } as TensorEntry)).toEqual(rawBytes(expected));
    }
    expect({ ...file.metadata }).toEqual(metadata);
  });

  it('is what serialize writes, byte for byte', () => {
    expect(serialize(tensors, metadata)).toEqual(recorded);
  });
});

describe('the verdict of the Rust library', () => {
  // Where we are stricter, and why; everything else must agree.
  const stricter: Record<string, string> = {
    'leading space': 'the format says that the header begins with a brace',
    'same name twice': 'the format forbids it; the library keeps the last',
    'same name twice, one escaped': 'the same',
    'metadata key twice': 'the same',
    'metadata null': 'the format says: a map of text to text',
    'entry as a list': 'an accident of its JSON library',
    'shape 0, then beyond 2^53': 'numbers above 2^53 - 1 are not exact in JavaScript',
    'bool 2': 'a boolean that is neither',
  };

  const outcome = (bytes: string): boolean => {
    try {
      parse(new Uint8Array(Buffer.from(bytes, 'base64')));
      return true;
    } catch (error) {
      if (error instanceof SafetensorsError) return false;
      throw error;
    }
  };

  it.each(verdicts.cases)('on $name', ({ name, accepted, bytes }) => {
    expect(outcome(bytes)).toBe(accepted && !(name in stricter));
  });

  it('is more lenient where we say that we are stricter', () => {
    const accepted = verdicts.cases.filter((one) => one.accepted).map(({ name }) => name);
    expect(accepted).toEqual(expect.arrayContaining(Object.keys(stricter)));
  });
});
