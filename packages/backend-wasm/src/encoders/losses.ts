import type { KernelEncoders } from '../encoder';

export const losses: KernelEncoders = {};
