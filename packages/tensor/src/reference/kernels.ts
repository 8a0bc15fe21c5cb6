import type { ElementwiseProgram, Memory, Step } from '../backend';
import type { KERNELS } from '../kernels';
import { elementCount } from '../shape';
import { runElementwise } from './elementwise';
import type { Numeric, ReferenceMemory } from './memory';
import { philox } from './philox';

type Kernel = (step: Step, load: (input: number) => Numeric, device: ReferenceMemory, memory: Memory) => Numeric[];

const REDUCERS: Record<string, { start: (dtype: string) => number; add: (a: number, b: number) => number }> = {
  sum: { start: () => 0, add: (a, b) => a + b },
  max: { start: (dtype) => (dtype === 'float32' ? -Infinity : dtype === 'bool' ? 0 : -(2 ** 31)), add: (a, b) => Math.max(a, b) },
  min: { start: (dtype) => (dtype === 'float32' ? Infinity : dtype === 'bool' ? 1 : 2 ** 31 - 1), add: (a, b) => Math.min(a, b) },
};

/** One plain implementation of each kernel of the contract: slow, short, in doubles inside. */
export const REFERENCE_KERNELS: Record<(typeof KERNELS)[number], Kernel> = {
  elementwise(step, _, device, memory) {
    const inputs = step.inputs.map((operand) => device.dense(operand, memory));
    const count = elementCount(step.outputs[0]!.shape);
    return runElementwise(step.attributes['program'] as ElementwiseProgram, inputs, step.outputs, count, device.make);
  },

  reduce(step, load, device) {
    const { shape, dtype } = step.inputs[0]!;
    const reduced = elementCount(shape.slice(shape.length - (step.attributes['axes'] as number)));
    const x = load(0);
    const { start, add } = REDUCERS[step.attributes['op'] as string]!;
    const out = device.make(dtype, elementCount(step.outputs[0]!.shape));
    for (let i = 0; i < out.length; i++) {
      let total = start(dtype);
      for (let j = 0; j < reduced; j++) total = add(total, x[i * reduced + j]!);
      out[i] = dtype === 'int32' ? total | 0 : total;
    }
    return [out];
  },

  argMax(step, load, device) {
    const n = step.inputs[0]!.shape.at(-1)!;
    const x = load(0);
    const out = device.make('int32', x.length / n);
    for (let i = 0; i < out.length; i++) {
      let best = 0;
      for (let j = 1; j < n; j++) {
        const value = x[i * n + j]!;
        const top = x[i * n + best]!;
        if (value > top || (Number.isNaN(value) && !Number.isNaN(top))) best = j;
      }
      out[i] = best;
    }
    return [out];
  },

  topK(step, load, device) {
    const [n, k] = [step.inputs[0]!.shape.at(-1)!, step.outputs[0]!.shape.at(-1)!];
    const x = load(0);
    const out = device.make('int32', elementCount(step.outputs[0]!.shape));
    for (let row = 0; row * k < out.length; row++) {
      const value = (id: number): number => x[row * n + id]!;
      const comesBefore = (a: number, b: number): boolean => value(a) > value(b) || (Number.isNaN(value(a)) && !Number.isNaN(value(b)));
      const ids = Array.from({ length: n }, (_, id) => id);
      ids.sort((a, b) => (comesBefore(a, b) ? -1 : comesBefore(b, a) ? 1 : a - b));
      out.set(ids.slice(0, k), row * k);
    }
    return [out];
  },

  matmul(step, load, device) {
    const [M, N] = step.outputs[0]!.shape.slice(-2) as [number, number];
    const K = step.inputs[0]!.shape.at(-1)!;
    const [a, b] = [load(0), load(1)];
    const out = device.make('float32', elementCount(step.outputs[0]!.shape));
    const row = new Float64Array(N);
    for (let batch = 0; batch < out.length / (M * N); batch++) {
      for (let m = 0; m < M; m++) {
        row.fill(0);
        for (let k = 0; k < K; k++) {
          const scale = a[(batch * M + m) * K + k]!;
          const at = (batch * K + k) * N;
          for (let n = 0; n < N; n++) row[n]! += scale * b[at + n]!;
        }
        out.set(row, (batch * M + m) * N);
      }
    }
    return [out];
  },

  copy: (_, load) => [load(0)],

  fill(step, _, device) {
    const { shape, dtype } = step.outputs[0]!;
    return [device.make(dtype, elementCount(shape)).fill(step.attributes['value'] as number)];
  },

  iota(step, _, device) {
    const { shape, dtype } = step.outputs[0]!;
    const out = device.make(dtype, shape[0]!);
    for (let i = 0; i < out.length; i++) out[i] = i;
    return [out];
  },

  gather(step, load, device) {
    const [rows, columns] = step.inputs[0]!.shape as readonly [number, number];
    const [table, ids] = [load(0), load(1)];
    const out = device.make(step.outputs[0]!.dtype, ids.length * columns);
    ids.forEach((id: number, i: number) => {
      checkId('gather', id, rows);
      out.set(table.subarray(id * columns, (id + 1) * columns), i * columns);
    });
    return [out];
  },

  scatterAdd(step, load, device) {
    const [rows, columns] = step.outputs[0]!.shape as readonly [number, number];
    const [ids, updates] = [load(0), load(1)];
    const total = new Float64Array(rows * columns);
    ids.forEach((id: number, i: number) => {
      checkId('scatterAdd', id, rows);
      for (let c = 0; c < columns; c++) total[id * columns + c]! += updates[i * columns + c]!;
    });
    const out = device.make('float32', total.length);
    out.set(total);
    return [out];
  },

  random(step, load, device) {
    const [low, high, time, micro] = load(0) as unknown as [number, number, number, number];
    const out = device.make('int32', elementCount(step.outputs[0]!.shape));
    for (let block = 0; block * 4 < out.length; block++) {
      const words = philox([block, step.attributes['site'] as number, time, micro], [low, high]);
      for (let i = 0; i < 4 && block * 4 + i < out.length; i++) out[block * 4 + i] = words[i]! | 0;
    }
    return [out];
  },
};

function checkId(kernel: string, id: number, rows: number): void {
  if (!(id >= 0 && id < rows)) throw new RangeError(`${kernel}: id ${id} is outside a table of ${rows} rows`);
}
