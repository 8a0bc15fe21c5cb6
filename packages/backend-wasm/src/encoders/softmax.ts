import type { Step } from '@qkv/tensor';

import { sizeOf, type KernelEncoder, type KernelEncoders, type StepWriter, type WasmKernel } from '../encoder';

/** A kernel over rows: its operands, then how many rows and how long they are. */
function overRows(name: WasmKernel): KernelEncoder {
  return {
    supports: ({ inputs: [x] }) => x.shape.length > 0,
    encode: (step, writer) => writeRows(name, step, writer),
  };
}

function writeRows(name: WasmKernel, { inputs, outputs }: Step, writer: StepWriter): void {
  const size = sizeOf(inputs[0].shape);
  if (size === 0) return;
  const columns = inputs[0].shape[inputs[0].shape.length - 1];
  writer.kernel(name);
  for (const operand of [...inputs, ...outputs]) writer.ptr(operand);
  writer.int(size / columns).int(columns);
}

export const softmax: KernelEncoders = {
  softmax: overRows('softmax'),
  softmaxBackward: overRows('softmaxBackward'),
  logSoftmax: overRows('logSoftmax'),
  logSoftmaxBackward: overRows('logSoftmaxBackward'),
};
