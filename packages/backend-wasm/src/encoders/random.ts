import { sizeOf, type KernelEncoders } from '../encoder';

export const random: KernelEncoders = {
  random: {
    encode({ inputs: [state], outputs: [y], attributes }, writer) {
      writer
        .kernel('random')
        .ptr(state)
        .ptr(y)
        .int(sizeOf(y.shape))
        .int(attributes.site as number);
    },
  },
  dropout: {
    encode({ inputs: [x, state], outputs: [y], attributes }, writer) {
      writer
        .kernel('dropout')
        .ptr(x)
        .ptr(state)
        .ptr(y)
        .int(sizeOf(y.shape))
        .int(attributes.site as number);
      writer.float(1 - (attributes.rate as number));
    },
  },
};
