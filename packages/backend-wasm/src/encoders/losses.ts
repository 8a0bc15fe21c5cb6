import type { Step } from '@qkv/tensor';

import type { KernelEncoder, KernelEncoders } from '../encoder';

function lossKernel(name: 'crossEntropy' | 'crossEntropyBackward'): KernelEncoder {
  return {
    supports: ({ inputs: [logits] }) => logits.shape.length === 2 && logits.shape[1] > 0,
    encode({ inputs, outputs, attributes }, writer) {
      const [rows, columns] = inputs[0].shape;
      writer.kernel(name);
      for (const operand of [...inputs, ...outputs]) writer.ptr(operand);
      writer
        .int(rows)
        .int(columns)
        .float(attributes.smoothing as number)
        .int(attributes.ignoreIndex as number);
    },
    explain: (_, target, row, step: Step) =>
      `target ${target} of row ${row} is outside 0 … ${step.inputs[0].shape[1] - 1}`,
  };
}

export const losses: KernelEncoders = {
  crossEntropy: lossKernel('crossEntropy'),
  crossEntropyBackward: lossKernel('crossEntropyBackward'),
};
