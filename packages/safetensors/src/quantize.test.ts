import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { tensorOf } from '../test/support';
import { transformerWeights } from '../test/transformer';
import {
  dequantize,
  parse,
  quantize,
  type QuantizationFormat,
  type QuantizeOptions,
  serialize,
  type TensorEntry,
  toFloat32,
} from './index';

/** Through the bytes of a file, as it is used. */
function fileOf(
  tensors: Map<string, TensorEntry> | Record<string, TensorEntry>,
  format: QuantizationFormat,
  options?: QuantizeOptions,
) {
  const { tensors: smaller, metadata } = quantize(tensors, format, options);
  return parse(serialize(smaller, metadata));
}

const f32 = (shape: number[], values: Iterable<number>): TensorEntry => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});

/** Floats of every size, 0 and −0 often; the largest as given. */
const anyFloats = (size: number, max: number) =>
  fc.array(
    fc.oneof(
      fc.float({ noNaN: true, max: Math.fround(max), min: -Math.fround(max) }),
      fc.float({ noNaN: true, max: 1, min: -1 }),
      fc.constantFrom(0, -0),
    ),
    {
      minLength: size,
      maxLength: size,
    },
  );

const anyTensor = (max: number) =>
  fc
    .record({ shape: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }), axis: fc.nat() })
    .chain(({ shape, axis }) =>
      anyFloats(
        shape.reduce((a, b) => a * b, 1),
        max,
      ).map((values) => ({ entry: f32(shape, values), axis: (axis % (2 * shape.length)) - shape.length })),
    );

describe('fp16', () => {
  it('keeps every value within half a step of F16, and the sign of zero', () => {
    fc.assert(
      fc.property(anyTensor(65504), ({ entry }) => {
        const file = fileOf({ w: entry }, 'fp16');
        expect(file.tensors.get('w')!.dtype).toBe('F16');
        const found = dequantize(file).tensors.get('w')!;
        expect([found.dtype, found.shape]).toEqual(['F32', entry.shape]);
        const values = toFloat32(entry);
        toFloat32(found).forEach((value, i) => {
          const bound = Math.max(Math.abs(values[i]) * 2 ** -11, 2 ** -25);
          expect(Math.abs(value - values[i])).toBeLessThanOrEqual(bound);
          expect(Object.is(Math.sign(value), -0) || value < 0).toBe(Object.is(values[i], -0) || values[i] < 0);
        });
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it('keeps NaN, rounds F64 once, and takes F16 and BF16 as they are', () => {
    const once = 1 + 2 ** -11 + 2 ** -40; // in float32 a tie, which would go to even
    const tensors: Record<string, TensorEntry> = {
      nan: f32([1], [NaN]),
      double: { dtype: 'F64', shape: [1], data: Float64Array.of(once) },
      half: { dtype: 'F16', shape: [3], data: Uint16Array.of(0x7c00, 0x0001, 0xfc01) },
      brain: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f81) },
    };
    const file = fileOf(tensors, 'fp16');
    const bits = Object.fromEntries([...file.tensors].map(([name, { data }]) => [name, [...(data as Uint16Array)]]));
    expect(bits).toEqual({ nan: [0x7e00], double: [0x3c01], half: [0x7c00, 1, 0xfc01], brain: [0x3c08] });
    expect(dequantize(file).tensors.get('nan')!.data[0]).toBeNaN();
  });

  it.each([65504.01, -65520, 1e30, Infinity, -Infinity])('refuses %f', (value) => {
    const data = Float64Array.of(0, value);
    expect(() => quantize({ 'layer.weight': { dtype: 'F64', shape: [2], data } }, 'fp16')).toThrow(
      expect.objectContaining({
        name: 'SafetensorsError',
        code: 'range',
        message: `quantize: tensor "layer.weight": element 1 is ${value}, beyond the ±65504 of F16; keep the file in F32`,
      }),
    );
  });
});

describe('int8', () => {
  it('keeps every value within half a scale, whose channel ends at ±127', () => {
    let halfScales = 0;
    fc.assert(
      fc.property(anyTensor(3e38), ({ entry, axis }) => {
        fc.pre(entry.shape.length >= 2);
        const file = fileOf({ w: entry }, 'int8', { channelAxis: () => axis });
        const table = file.tensors.get('quantization.scales')!;
        if (table.dtype === 'F16') halfScales++;
        const scales = toFloat32(table);
        const place = axis < 0 ? axis + entry.shape.length : axis;
        expect(scales.length).toBe(entry.shape[place]);
        const inner = entry.shape.slice(place + 1).reduce((a, b) => a * b, 1);
        const [values, found] = [entry, dequantize(file).tensors.get('w')!].map(toFloat32);
        expect([file.tensors.get('w')!.dtype, found.length]).toEqual(['I8', values.length]);
        for (let i = 0; i < values.length; i++) {
          const scale = scales[Math.floor(i / inner) % scales.length];
          // q · s is exact in float32 where s is of F16; else it is rounded too.
          const rounding = table.dtype === 'F16' ? 0 : Math.abs(found[i]) * 2 ** -24;
          expect(Math.abs(found[i] - values[i])).toBeLessThanOrEqual(scale / 2 + rounding);
          expect(Number.isFinite(found[i])).toBe(true);
        }
      }),
      { seed: 6, numRuns: 1000 },
    );
    expect(halfScales).toBeGreaterThan(50);
  });

  it('is symmetric: −w becomes −q', () => {
    const { tensors: ties } = quantize({ w: f32([1, 5], [127, 0.5, -0.5, 2.5, -2.5]) }, 'int8', {
      channelAxis: () => 0,
    });
    expect([...ties.get('w')!.data]).toEqual([127, 1, -1, 3, -3]);
    fc.assert(
      fc.property(anyFloats(12, 1), (values) => {
        const [a, b] = [1, -1].map((sign) => {
          const { tensors } = quantize(
            {
              w: f32(
                [3, 4],
                values.map((value) => sign * value),
              ),
            },
            'int8',
          );
          return Array.from(tensors.get('w')!.data, Number);
        });
        expect(b.map((q) => -q + 0)).toEqual(a);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('has the scales of the last axis, or of another', () => {
    const w = f32([2, 3], [127, 2, 0, -254, 1, 0]);
    const last = fileOf({ w }, 'int8');
    expect(toFloat32(last.tensors.get('quantization.scales')!)).toEqual(
      Float32Array.of(2, toFloat32({ dtype: 'F16', shape: [1], data: Uint16Array.of(0x2408) })[0], 0),
    );
    expect([...last.tensors.get('w')!.data]).toEqual([64, 127, 0, -127, 64, 0]);
    const first = fileOf({ w }, 'int8', { channelAxis: () => 0 });
    expect(toFloat32(first.tensors.get('quantization.scales')!)).toEqual(Float32Array.of(1, 2));
    expect([...first.tensors.get('w')!.data]).toEqual([127, 2, 0, -127, 1, 0]);
    expect(dequantize(first).tensors.get('w')!.data).toEqual(Float32Array.of(127, 2, 0, -254, 2, 0));
  });

  it('takes F32 scales where F16 would lose digits, down to the smallest number and up to the largest', () => {
    const dtypeOf = (value: number) =>
      quantize({ w: f32([1, 1], [value]) }, 'int8').tensors.get('quantization.scales')!.dtype;
    expect([127 * 2 ** -14, 126 * 2 ** -14, 0, 8e6, 9e6].map(dtypeOf)).toEqual(['F16', 'F32', 'F16', 'F16', 'F32']);
    const ends = [2 ** -149, 190 * 2 ** -149, 2 ** -126, (2 - 2 ** -23) * 2 ** 127];
    for (const value of ends) {
      const found = dequantize(
        fileOf({ w: f32([1, 2], [value, -value]) }, 'int8', { channelAxis: () => 0 }),
      ).tensors.get('w')!;
      for (const [i, sign] of [1, -1].entries()) {
        expect(Math.abs(Number(found.data[i]) - sign * value)).toBeLessThanOrEqual(
          Math.max(value / 254, 2 ** -150) * 1,
        );
      }
    }
  });

  it('leaves integers and vectors alone, and gives back metadata and every name', () => {
    const tensors: Record<string, TensorEntry> = {
      ['__proto__']: f32([2, 2], [1, 2, 3, 4]),
      bias: f32([2], [0.5, 0.25]),
      ids: tensorOf('I8', [2, 2], (i) => 128 + i), // −128 among them
      mask: tensorOf('BOOL', [2], (i) => i),
      empty: f32([0, 3], []),
      last: f32([2, 2], [1, 2, 3, 4]),
      first: f32([2, 2], [1, 2, 3, 4]),
    };
    const options = { channelAxis: (name: string) => (name === 'first' ? 0 : -1), metadata: { epoch: '7' } };
    const file = fileOf(new Map(Object.entries(tensors)), 'int8', options);
    expect(JSON.parse(file.metadata.quantization)).toEqual({
      format: 'int8',
      version: 1,
      axis: -1,
      axes: { first: 0 },
      untouched: ['ids'],
    });
    const { tensors: found, metadata } = dequantize(file);
    expect({ ...metadata }).toEqual({ epoch: '7' });
    expect([...found.keys()].toSorted()).toEqual(['__proto__', 'bias', 'empty', 'first', 'ids', 'last', 'mask']);
    expect([found.get('ids'), found.get('mask'), found.get('bias')]).toEqual([tensors.ids, tensors.mask, tensors.bias]);
    expect(found.get('empty')!.shape).toEqual([0, 3]);
  });

  it.each<[string, TensorEntry, number, string, string]>([
    ['NaN', f32([1, 2], [0, NaN]), -1, 'range', 'element 1 is NaN, which has no place in I8'],
    ['infinity', f32([1, 2], [-Infinity, 0]), -1, 'range', 'element 0 is -Infinity'],
    [
      'a double beyond float32',
      { dtype: 'F64', shape: [1, 1], data: Float64Array.of(1e39) },
      -1,
      'range',
      'element 0 is 1e+39',
    ],
    ['a vector beyond F16', f32([1], [1e6]), -1, 'range', 'element 0 is 1000000, beyond the ±65504'],
    [
      'an axis too many',
      f32([1, 2], [0, 0]),
      2,
      'shape',
      'channelAxis gives 2 for shape [1,2]; it must be from -2 to 1',
    ],
    ['half an axis', f32([1, 2], [0, 0]), 0.5, 'shape', 'channelAxis gives 0.5'],
    ['data that are not of the shape', f32([2, 2], [0]), -1, 'shape', 'has 4 elements, its data 1'],
  ])('refuses %s', (_, entry, axis, code, message) => {
    expect(() => quantize({ 'a.weight': entry }, 'int8', { channelAxis: () => axis })).toThrow(
      expect.objectContaining({ name: 'SafetensorsError', code, message: expect.stringMatching(/tensor "a.weight"/) }),
    );
    expect(() => quantize({ 'a.weight': entry }, 'int8', { channelAxis: () => axis })).toThrow(message);
  });
});

it('refuses other formats, and names and keys of its own', () => {
  const w = f32([1], [1]);
  const refused = (code: string, message: string) =>
    expect.objectContaining({ name: 'SafetensorsError', code, message: expect.stringContaining(message) });
  expect(() => quantize({ w }, 'int4' as QuantizationFormat)).toThrow(
    refused('quantization', 'quantize: unknown format "int4"; use fp16 or int8'),
  );
  expect(() => quantize({ 'quantization.scales': w }, 'fp16')).toThrow(
    refused('name', 'this name is reserved for scales'),
  );
  expect(() => quantize({ w }, 'fp16', { metadata: { quantization: '' } })).toThrow(
    refused('metadata', 'metadata "quantization" are ours'),
  );
});

it('writes the same bytes for the same tensors in any order', () => {
  const tensors = transformerWeights(16, 32, 1, 10);
  for (const format of ['fp16', 'int8'] as const) {
    const [a, b] = [tensors, new Map([...tensors].toReversed())].map((one) => quantize(one, format));
    expect(serialize(a.tensors, a.metadata)).toEqual(serialize(b.tensors, b.metadata));
  }
});

describe('a Transformer of 1.3 million weights in 174 tensors', () => {
  const tensors = transformerWeights(108, 432, 4, 40);
  const whole = serialize(tensors).length;
  const size = (format: QuantizationFormat, options?: QuantizeOptions): number => {
    const { tensors: smaller, metadata } = quantize(tensors, format, options);
    return serialize(smaller, metadata).length / whole;
  };

  it('is what it says', () => {
    expect(tensors.size).toBe(174);
    const count = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(count / 1e6).toBeCloseTo(1.3, 1);
  });

  it('takes at most 0.52 of its size as fp16', () => expect(size('fp16')).toBeLessThanOrEqual(0.52));
  it('takes at most 0.27 of its size as int8', () => expect(size('int8')).toBeLessThanOrEqual(0.27));
  it('takes at most 0.27 of its size as int8 with scales of F32', () => {
    const tiny = new Map(tensors).set('tiny', f32([1, 1], [1e-30]));
    const { tensors: smaller, metadata } = quantize(tiny, 'int8', { channelAxis: () => 0 });
    expect(smaller.get('quantization.scales')!.dtype).toBe('F32');
    expect(serialize(smaller, metadata).length / whole).toBeLessThanOrEqual(0.27);
  });
});
