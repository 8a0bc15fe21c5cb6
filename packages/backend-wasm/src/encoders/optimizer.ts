import { sizeOf, type KernelEncoders } from '../encoder';

export const optimizer: KernelEncoders = {
  adamW: {
    encode({ inputs, outputs, attributes }, writer) {
      const { beta1, beta2, epsilon, weightDecay } = attributes as Record<string, number>;
      writer.kernel('adamW');
      for (const operand of [...inputs, ...outputs]) writer.ptr(operand);
      writer
        .int(sizeOf(outputs[0].shape))
        .float(beta1)
        .float(1 - beta1)
        .float(beta2)
        .float(1 - beta2);
      writer.float(epsilon).float(weightDecay).int(Number(attributes.decoupled));
    },
  },
};
