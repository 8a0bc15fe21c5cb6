import type { Step } from '@qkv/tensor';

import { mergeDimensions, sizeOf, valueBits, type KernelEncoders } from '../encoder';

type DType = Step['inputs'][number]['dtype'];

/** As `Op` in assembly/reduce.ts. */
const OPERATIONS = ['sum', 'max', 'min'];

function identityOf(op: string, dtype: DType): number {
  if (op === 'sum') return 0;
  const least = { float32: -Infinity, int32: -(2 ** 31), bool: 0 }[dtype];
  const greatest = { float32: Infinity, int32: 2 ** 31 - 1, bool: 1 }[dtype];
  return op === 'max' ? least : greatest;
}

/** Merged dimensions, at least one: (size, stride), outermost first. */
function windowOf(shape: readonly number[], strides: readonly number[]): [size: number, stride: number][] {
  const merged = mergeDimensions(shape, strides);
  const window = merged.shape.map((size, d): [number, number] => [size, merged.strides[0][d]]);
  return window.length === 0 ? [[1, 0]] : window;
}

/** Room for 8 rows of 512 lanes and 512 totals in float64. */
const SCRATCH = 4 * 512 * 10;

export const reduce: KernelEncoders = {
  reduce: {
    strided: [0],
    workspace: (_, parts) => SCRATCH * parts,
    encode({ inputs: [x], outputs: [y], attributes, workspace }, writer) {
      const op = attributes.op as string;
      const split = x.shape.length - (attributes.axes as number);
      const results = sizeOf(y.shape);
      if (results === 0) return;
      const count = sizeOf(x.shape.slice(split));
      const reduced = count === 0 ? [[1, 0] as const] : windowOf(x.shape.slice(split), x.strides.slice(split));
      const kept = windowOf(x.shape.slice(0, split), x.strides.slice(0, split));
      const [columns, stride] = kept[kept.length - 1];
      // Side by side, unless the reduced elements are themselves contiguous.
      const sideBySide = columns >= 4 && stride === 1 && !(reduced.length === 1 && reduced[0][1] === 1);
      if (sideBySide) kept.pop();
      if (kept.length === 0) kept.push([1, 0]);

      writer
        .kernel(sideBySide ? 'reduceColumns' : 'reduceRows')
        .ptr(x)
        .ptr(y);
      writer
        .int(OPERATIONS.indexOf(op) + (x.dtype === 'float32' ? 0 : 3))
        .int(valueBits(identityOf(op, x.dtype), x.dtype));
      writer.int(results).int(count).ptr(workspace!).int(SCRATCH).int(kept.length).int(reduced.length);
      for (const [size, step] of [...kept, ...reduced]) writer.int(size).int(step);
      if (sideBySide) writer.int(columns);
    },
  },
  topK: {
    encode({ inputs: [x], outputs: [y] }, writer) {
      writer.kernel('topK').ptr(x).ptr(y).int(y.shape[0]).int(x.shape[1]).int(y.shape[1]);
    },
  },
  argMax: {
    strided: [0],
    encode({ inputs: [x], outputs: [y] }, writer) {
      const last = x.shape.length - 1;
      if (sizeOf(y.shape) === 0) return;
      const kept = windowOf(x.shape.slice(0, last), x.strides.slice(0, last));
      writer.kernel('argMax').ptr(x).ptr(y).int(sizeOf(y.shape)).int(x.shape[last]);
      writer
        .int(x.strides[last])
        .int(Number(x.dtype === 'float32'))
        .int(kept.length);
      for (const [size, step] of kept) writer.int(size).int(step);
    },
  },
};
