import type { Step, StepDescription } from '@qkv/tensor';

import type { KernelEncoders } from '../encoder';
import { elementwise, writeProgram } from './elementwise';
import { encodeMatmul, matmul } from './matmul';

const ROOM = 64;
const roundUp = (bytes: number): number => Math.ceil(bytes / ROOM) * ROOM;

/** The program behind a product: it reads what the product has put where the program's first result goes. */
function epilogueOf<S extends StepDescription>({ inputs, outputs, attributes }: S): StepDescription {
  const raw = { ...outputs[0], dtype: 'float32' as const }; // whatever the first result is
  return { kernel: 'elementwise', inputs: [raw, ...inputs.slice(2)], outputs, attributes };
}

const productOf = <S extends StepDescription>(step: S): S => ({
  ...step,
  inputs: step.inputs.slice(0, 2),
  outputs: step.outputs.slice(0, 1),
  attributes: {},
});

/** A matrix product, with the element-wise program that follows it, if there is one. */
export const product: KernelEncoders = {
  matmul: {
    strided: true,
    workspace(step, parts) {
      const bytes = matmul.matmul.workspace!(productOf(step), parts);
      if (step.attributes.program === undefined) return bytes;
      return roundUp(bytes) + elementwise.elementwise.workspace!(epilogueOf(step), parts);
    },
    encode(step, writer) {
      if (step.attributes.program === undefined) return void encodeMatmul(step, writer);
      const { slot, byteOffset, bytes } = step.workspace!;
      const own = roundUp(matmul.matmul.workspace!(productOf(step), writer.parts));
      const workspace = { slot, byteOffset: byteOffset + own, bytes: bytes - own };
      const epilogue = { ...step, ...epilogueOf(step), workspace } as Step;
      // Block by block while the product is in the cache, or else behind it.
      const done = encodeMatmul(productOf(step), writer, () => writeProgram(epilogue, writer));
      if (!done) elementwise.elementwise.encode!(epilogue, writer);
    },
  },
};
