import type { Step, StepDescription } from '@qkv/tensor';

import { sizeOf, type KernelEncoder, type KernelEncoders, type StepWriter } from '../encoder';

/** As `BLOCK` in assembly/norms.ts. */
const BLOCK = 64;

function rowsOf({ inputs: [x] }: StepDescription | Step): { rows: number; columns: number } {
  const columns = x.shape[x.shape.length - 1];
  return { rows: sizeOf(x.shape.slice(0, -1)), columns };
}

/** Not for rows without elements: what their mean is, the decomposition says. */
function supports(description: StepDescription): boolean {
  return description.inputs[0].shape.length > 0 && rowsOf(description).columns > 0;
}

/** Adds up what the blocks of rows left in the workspace: the gradient of a parameter. */
function sumBlocks(step: Step, output: number, sums: number, writer: StepWriter): void {
  const { rows, columns } = rowsOf(step);
  writer
    .kernel('sumBlocks')
    .ptr(step.workspace!, 4 * columns * (output - 1))
    .ptr(step.outputs[output]);
  writer
    .int(Math.ceil(rows / BLOCK))
    .int(sums * columns)
    .int(columns);
}

function forward(name: 'layerNorm' | 'rmsNorm'): KernelEncoder {
  return {
    supports,
    encode(step, writer) {
      const { rows, columns } = rowsOf(step);
      writer.kernel(name);
      for (const operand of [...step.inputs, ...step.outputs]) writer.ptr(operand);
      writer
        .int(rows)
        .int(columns)
        .float(step.attributes.epsilon as number);
    },
  };
}

/** `sums`: how many parameters have a gradient. */
function backward(name: 'layerNormBackward' | 'rmsNormBackward', sums: number): KernelEncoder {
  return {
    supports,
    workspace: (description) => {
      const { rows, columns } = rowsOf(description);
      return 4 * sums * columns * Math.max(1, Math.ceil(rows / BLOCK));
    },
    encode(step, writer) {
      const { rows, columns } = rowsOf(step);
      writer.kernel(name);
      for (const operand of [...step.inputs, step.outputs[0]]) writer.ptr(operand);
      writer.ptr(step.workspace!).int(rows).int(columns);
      for (let output = 1; output <= sums; output++) sumBlocks(step, output, sums, writer);
    },
  };
}

export const norms: KernelEncoders = {
  layerNorm: forward('layerNorm'),
  layerNormBackward: backward('layerNormBackward', 2),
  rmsNorm: forward('rmsNorm'),
  rmsNormBackward: backward('rmsNormBackward', 1),
};
