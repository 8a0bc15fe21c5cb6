import type { KernelEncoders } from '../encoder';

export const optimizer: KernelEncoders = {};
