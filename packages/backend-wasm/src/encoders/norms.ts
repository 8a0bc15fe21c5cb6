import type { KernelEncoders } from '../encoder';

export const norms: KernelEncoders = {};
