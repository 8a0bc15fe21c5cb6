import { describe, expect, it } from 'vitest';

import { dequantize, quantize, type SafetensorsFile, type TensorEntry } from './index';

const w: TensorEntry = { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const ids: TensorEntry = { dtype: 'I8', shape: [2], data: Int8Array.of(1, 2) };
const good = quantize({ w, v: w, ids }, 'int8', { channelAxis: (name) => (name === 'v' ? 0 : 1) });

const withTensors = (changes: Record<string, TensorEntry | undefined>): SafetensorsFile => {
  const tensors = new Map(good.tensors);
  for (const [name, entry] of Object.entries(changes)) {
    if (entry === undefined) tensors.delete(name);
    else tensors.set(name, entry);
  }
  return { ...good, tensors };
};
const withText = (quantization: string | undefined): SafetensorsFile => ({
  ...good,
  metadata: quantization === undefined ? {} : { quantization },
});
const described = (changes: object): SafetensorsFile =>
  withText(JSON.stringify({ ...(JSON.parse(good.metadata.quantization) as object), ...changes }));
const scales = (...values: number[]): TensorEntry => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const SCALES = 'quantization.scales';

describe('dequantize', () => {
  it('reads what these tests damage', () => {
    expect([...dequantize(good).tensors.keys()].toSorted()).toEqual(['ids', 'v', 'w']);
    expect(dequantize(withTensors({ [SCALES]: scales(1, 1, 1, 1, 1) })).tensors.get('v')!.dtype).toBe('F32');
  });

  it('gives each tensor its own scales, whatever the order of the file', () => {
    const [a, b] = [1, 100].map((size): TensorEntry => ({
      dtype: 'F32',
      shape: [2, 1],
      data: Float32Array.of(size, -size),
    }));
    const file = quantize({ a, b }, 'int8');
    for (const tensors of [file.tensors, new Map([...file.tensors].toReversed())]) {
      const found = dequantize({ ...file, tensors }).tensors;
      for (const [name, size] of [
        ['a', 1],
        ['b', 100],
      ] as const) {
        const [first, second] = found.get(name)!.data;
        expect(Math.abs(Number(first) - size)).toBeLessThanOrEqual(size / 254);
        expect(second).toBe(-first);
      }
    }
  });

  it('leaves the file as it was', () => {
    const before = JSON.stringify([...good.tensors]);
    dequantize(good);
    expect(JSON.stringify([...good.tensors])).toBe(before);
  });

  it.each<[string, SafetensorsFile, string]>([
    ['an ordinary file', withText(undefined), 'its metadata have no "quantization"; it is not a quantized file'],
    ['text that is not JSON', withText('int8'), 'are "int8", which is not JSON'],
    ['null', withText('null'), 'it has the unknown format "undefined", version "undefined"'],
    [
      'an unknown format',
      described({ format: 'int4' }),
      'it has the unknown format "\\"int4\\"", version "1"; known are fp16 and int8, version 1',
    ],
    ['a later version', described({ version: 2 }), 'version "2"; known are'],
    ['an axis below −1', described({ axis: -2 }), 'are damaged'],
    ['axes that are none', described({ axes: { v: '0' } }), 'are damaged'],
    ['axes that are null', described({ axes: null }), 'are damaged'],
    ['untouched names that are none', described({ untouched: [1] }), 'are damaged'],
    [
      'an axis of a tensor that is not there',
      described({ axes: { x: 0 } }),
      'its metadata name tensor "x", which is no I8 tensor of it',
    ],
    ['an untouched tensor that is none', described({ untouched: ['ids', 'y'] }), 'its metadata name tensor "y"'],
    ['an axis too many', described({ axis: 2 }), 'tensor "w" of shape [2,3] has no channel axis 2'],
    [
      'integers that are not said to be',
      described({ untouched: [] }),
      'tensor "ids" of shape [2] has no channel axis -1',
    ],
    ['no scales', withTensors({ [SCALES]: undefined }), 'it has I8 tensors but no "quantization.scales"'],
    [
      'a scale too few',
      withTensors({ [SCALES]: scales(1, 1, 1, 1) }),
      '"quantization.scales" is F32 [4], its tensors need F16 or F32 [5]',
    ],
    [
      'a scale too many',
      withTensors({ [SCALES]: scales(1, 1, 1, 1, 1, 1) }),
      'is F32 [6], its tensors need F16 or F32 [5]',
    ],
    [
      'scales of another type',
      withTensors({ [SCALES]: { dtype: 'I32', shape: [5], data: new Int32Array(5) } }),
      'is I32 [5]',
    ],
    [
      'scales of another shape',
      withTensors({ [SCALES]: { dtype: 'F32', shape: [5, 1], data: new Float32Array(5) } }),
      'is F32 [5,1]',
    ],
    ['a scale below 0', withTensors({ [SCALES]: scales(1, 1, -1, 1, 1) }), 'scale 2 is -1, not a finite number from 0'],
    ['an infinite scale', withTensors({ [SCALES]: scales(1, 1, 1, Infinity, 1) }), 'scale 3 is Infinity'],
    ['a scale that is no number', withTensors({ [SCALES]: scales(NaN, 1, 1, 1, 1) }), 'scale 0 is NaN'],
    [
      '−128',
      withTensors({ w: { dtype: 'I8', shape: [2, 3], data: Int8Array.of(0, -128, 0, 0, 0, 0) } }),
      'element 1 of tensor "w" is -128',
    ],
  ])('refuses %s', (_, file, message) => {
    expect(() => dequantize(file)).toThrow(
      expect.objectContaining({
        name: 'SafetensorsError',
        code: 'quantization',
        message: expect.stringContaining(message),
      }),
    );
    expect(() => dequantize(file)).toThrow(/^dequantize: the file cannot be read; [^\n]+$/);
  });

  it('refuses tensors whose shape is not that of their data', () => {
    const file = withTensors({ w: { dtype: 'I8', shape: [2, 3], data: new Int8Array(5) } });
    expect(() => dequantize(file)).toThrow('tensor "w": shape [2,3] has 6 elements, its data 5');
  });
});
