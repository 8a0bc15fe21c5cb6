import type { KernelEncoders } from '../encoder';

export const reduce: KernelEncoders = {};
