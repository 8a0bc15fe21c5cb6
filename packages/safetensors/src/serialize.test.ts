import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { anyMetadata, anyTensors } from '../test/arbitraries';
import { rawBytes, tensorOf } from '../test/support';
import { parse, serialize, type TensorEntry } from './index';
import { compareCodePoints } from './serialize';

const headerOf = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))));

const scalar: TensorEntry = { dtype: 'F32', shape: [], data: new Float32Array([1]) };

/** As an own property, which an object literal with `__proto__` would not give. */
function record<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const result: Record<string, T> = {};
  for (const [key, value] of entries) {
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true });
  }
  return result;
}

describe('serialize', () => {
  it('gives back every tensor, name and metadata, bit for bit', () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const file = parse(serialize(tensors, record(metadata)));
        expect(file.tensors.size).toBe(tensors.size);
        for (const [name, entry] of tensors) {
          const found = file.tensors.get(name)!;
          expect([found.dtype, found.shape]).toEqual([entry.dtype, entry.shape]);
          expect(Object.prototype.toString.call(found.data)).toBe(Object.prototype.toString.call(entry.data));
          expect(rawBytes(found)).toEqual(rawBytes(entry));
        }
        expect(new Map(Object.entries(file.metadata))).toEqual(metadata);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('gives the same bytes for the same tensors in any order, as a Map or an object', () => {
    fc.assert(
      fc.property(anyTensors, (tensors) => {
        const canonical = serialize(tensors);
        expect(serialize(new Map([...tensors].reverse()))).toEqual(canonical);
        expect(serialize(record(tensors))).toEqual(canonical);
        expect(serialize(parse(canonical).tensors)).toEqual(canonical);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it('aligns every tensor, so that reading an aligned file copies nothing', () => {
    fc.assert(
      fc.property(anyTensors, (tensors) => {
        const bytes = serialize(tensors);
        for (const { data } of parse(bytes).tensors.values()) expect(data.buffer).toBe(bytes.buffer);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it('sorts names by code point, pads the header to 8 bytes and writes metadata first', () => {
    const bytes = serialize(
      { '\u{1f600}': scalar, '\ufffd': scalar, z: tensorOf('F64', [1], () => 0) },
      { b: '', a: '' },
    );
    expect(headerOf(bytes)).toMatch(/^\{"__metadata__":\{"a":"","b":""\},"z":.*"\ufffd":.*"\u{1f600}":.*\} *$/u);
    expect(bytes[0] % 8).toBe(0);
    expect(headerOf(serialize({}))).toBe('{}      ');
  });

  it('writes only the window of an array that is a view', () => {
    const all = Float32Array.of(1, 2, 3, 4);
    const entry: TensorEntry = { dtype: 'F32', shape: [2], data: all.subarray(1, 3) };
    expect([...parse(serialize({ a: entry })).tensors.get('a')!.data]).toEqual([2, 3]);
  });

  it.each<[string, unknown, string, string]>([
    ['data of another length', { ...scalar, shape: [2] }, 'shape', 'tensor "a": shape [2] has 2 elements, its data 1'],
    ['a negative dimension', { ...scalar, shape: [-1] }, 'shape', 'dimension -1 of [-1]'],
    ['a fractional dimension', { ...scalar, shape: [1.5] }, 'shape', 'dimension 1.5'],
    ['a shape too large to count', { ...scalar, shape: [2 ** 52, 4] }, 'shape', 'too many elements'],
    ['an array of another type', { ...scalar, dtype: 'F64' }, 'dtype', 'held by Float64Array, got Float32Array'],
    ['an ordinary array', { ...scalar, data: [1] }, 'dtype', 'got object'],
    ['no data', { dtype: 'F32', shape: [] }, 'dtype', 'got undefined'],
    ['an unknown dtype', { ...scalar, dtype: 'F8' }, 'dtype', 'unknown dtype "F8"; use one of U64, '],
    ['a BOOL of 2', { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 2) }, 'bool', 'element 1 is 2'],
  ])('refuses %s', (_, entry, code, message) => {
    expect(() => serialize({ a: entry as TensorEntry })).toThrow(
      expect.objectContaining({ name: 'SafetensorsError', code, message: expect.stringContaining(message) }),
    );
  });

  it('refuses names and metadata that no file can hold', () => {
    const refused = (code: string) => expect.objectContaining({ name: 'SafetensorsError', code });
    expect(() => serialize({ __metadata__: scalar })).toThrow(refused('name'));
    expect(() => serialize({ '\ud800': scalar })).toThrow(refused('name'));
    expect(() => serialize({}, { a: '\udc00' })).toThrow(refused('metadata'));
    expect(() => serialize({}, { a: 1 as unknown as string })).toThrow(refused('metadata'));
    expect(() => serialize({}, { a: 'x'.repeat(1e8) })).toThrow(refused('header-length'));
  });
});

describe('compareCodePoints', () => {
  it('orders as the bytes of UTF-8 do', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
