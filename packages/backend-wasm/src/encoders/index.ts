import type { KernelEncoders } from '../encoder';
import { attention } from './attention';
import { elementwise } from './elementwise';
import { losses } from './losses';
import { movement } from './movement';
import { norms } from './norms';
import { optimizer } from './optimizer';
import { product } from './product';
import { random } from './random';
import { reduce } from './reduce';
import { softmax } from './softmax';

/** Every kernel of the contract that this backend has, by name. */
export const encoders: KernelEncoders = {
  ...product,
  ...attention,
  ...movement,
  ...elementwise,
  ...reduce,
  ...softmax,
  ...norms,
  ...losses,
  ...optimizer,
  ...random,
};
