import type { Step } from '@qkv/tensor';

import { mergeDimensions, sizeOf, valueBits, type KernelEncoders, type Operand, type StepWriter } from '../encoder';

interface Window {
  readonly shape: number[];
  /** Of each operand, outermost first. */
  readonly strides: number[][];
}

/** Orders dimensions by the strides of the last operand, then merges: the longest rows come out. */
function windowOf(...operands: Operand[]): Window {
  const written = operands[operands.length - 1];
  const order = written.shape.map((_, d) => d).sort((a, b) => written.strides[b] - written.strides[a] || a - b);
  const pick = (values: readonly number[]): number[] => order.map((d) => values[d]);
  return mergeDimensions(pick(written.shape), ...operands.map(({ strides }) => pick(strides)));
}

/** The words that `outerOffset` reads, for all dimensions but the last `inner`. */
function outerDimensions({ shape, strides }: Window, inner: number, writer: StepWriter): void {
  const count = Math.max(0, shape.length - inner);
  writer.int(count);
  for (let d = count - 1; d >= 0; d--) {
    writer.int(shape[d]);
    for (const s of strides) writer.int(s[d]);
  }
}

/** The words of a walk over rows: n and its strides, the middle dimension and its strides, rows, outer dimensions. */
function rows(window: Window, writer: StepWriter): void {
  const { shape, strides } = window;
  const last = shape.length - 1;
  writer.int(shape[last] ?? 1);
  for (const s of strides) writer.int(s[last] ?? 1);
  writer.int(shape[last - 1] ?? 1);
  for (const s of strides) writer.int(s[last - 1] ?? 0);
  writer.int(sizeOf(shape.slice(0, Math.max(0, last))));
  outerDimensions(window, 2, writer);
}

function copy({ inputs: [x], outputs: [y] }: Step, writer: StepWriter): void {
  if (sizeOf(y.shape) === 0) return;
  const { shape, strides } = windowOf(x, y);
  const last = shape.length - 1;
  const along = strides[0].indexOf(1);
  if (last >= 1 && strides[1][last] === 1 && along >= 0 && along < last && shape[along] >= 4) {
    const others = shape.map((_, d) => d).filter((d) => d !== along && d !== last);
    const pick = (values: readonly number[]): number[] => others.map((d) => values[d]);
    writer.kernel('copyTransposed').ptr(x).ptr(y).int(shape[along]).int(shape[last]);
    writer
      .int(strides[0][last])
      .int(strides[1][along])
      .int(sizeOf(pick(shape)));
    outerDimensions({ shape: pick(shape), strides: strides.map(pick) }, 0, writer);
  } else {
    rows({ shape, strides }, writer.kernel('copyRows').ptr(x).ptr(y));
  }
}

const idError = (id: number, position: number, rowCount: number): string =>
  `id ${id} at position ${position} is outside 0…${rowCount - 1}`;

/** Kernels that move numbers about. All types are 32 bits wide, so they look at none. */
export const movement: KernelEncoders = {
  copy: { encode: copy, strided: true },
  fill: {
    encode({ outputs: [y], attributes }, writer) {
      if (sizeOf(y.shape) === 0) return;
      rows(
        windowOf(y),
        writer
          .kernel('fill')
          .ptr(y)
          .int(valueBits(Number(attributes.value), y.dtype)),
      );
    },
  },
  iota: {
    encode({ outputs: [y] }, writer) {
      writer
        .kernel('iota')
        .ptr(y)
        .int(y.shape[0])
        .int(y.dtype === 'float32' ? 1 : 0);
    },
  },
  gather: {
    encode({ inputs: [table, ids], outputs: [y] }, writer) {
      writer.kernel('gather').ptr(table).ptr(ids).ptr(y).int(table.shape[0]).int(table.shape[1]).int(ids.shape[0]);
    },
    explain: (_, id, position, { inputs: [table] }) => idError(id, position, table.shape[0]),
  },
  scatterAdd: {
    encode({ inputs: [ids, updates], outputs: [y] }, writer) {
      writer.kernel('scatterAdd').ptr(ids).ptr(updates).ptr(y).int(y.shape[0]).int(y.shape[1]).int(ids.shape[0]);
    },
    explain: (_, id, position, { outputs: [y] }) => idError(id, position, y.shape[0]),
  },
  writeAt: {
    encode({ inputs: [x, slice, position], outputs: [y], attributes }, writer) {
      const axis = attributes.axis as number;
      const inner = 4 * sizeOf(x.shape.slice(axis + 1));
      writer.kernel('writeAt').ptr(x).ptr(slice).ptr(position).ptr(y);
      writer
        .int(sizeOf(x.shape.slice(0, axis)))
        .int(x.shape[axis])
        .int(inner);
    },
  },
};
