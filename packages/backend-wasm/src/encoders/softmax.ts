import type { KernelEncoders } from '../encoder';

export const softmax: KernelEncoders = {};
