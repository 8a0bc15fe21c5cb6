import type { TensorSpec } from './dtype';
import { formatShape } from './shape';

/** A shape or type that an operation cannot take. */
export class ShapeError extends TypeError {
  override readonly name = 'ShapeError';
}

export function requireDType(input: TensorSpec, dtype: TensorSpec['dtype'], what: string): void {
  if (input.dtype !== dtype) {
    throw new ShapeError(`${what}: expected ${dtype}, got ${input.dtype} ${formatShape(input.shape)}`);
  }
}
