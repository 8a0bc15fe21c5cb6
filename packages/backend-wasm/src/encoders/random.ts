import type { KernelEncoders } from '../encoder';

export const random: KernelEncoders = {};
