import type { TensorSpec } from '../dtype';
import { concat } from '../create';
import { requireDType, ShapeError } from '../shape-error';
import { formatShape, sameShape } from '../shape';
import type { Tensor } from '../types';

/** What the recurrent composites share. B batch, T length, H hidden size, G gates. */

/** The positions in the order in which the recurrence visits them. */
export function visits(length: number, reverse: boolean): number[] {
  return Array.from({ length }, (_, i) => (reverse ? length - 1 - i : i));
}

/** (B, T, …) → (B, …). */
export function atTime(x: Tensor, t: number): Tensor {
  return x.slice([0, t], [x.shape[0]!, 1]).squeeze(1);
}

/** (…, G·H) → G times (…, H), as views. */
export function gatesOf(x: Tensor, gates: number): Tensor[] {
  const lead = x.shape.slice(0, -1);
  const size = x.shape.at(-1)! / gates;
  return Array.from({ length: gates }, (_, gate) => x.slice([...lead.map(() => 0), gate * size], [...lead, size]));
}

/** From the states after each visit (B, T, H), and the first one (B, H), those before each visit. */
export function statesBefore(states: Tensor, first: Tensor, reverse: boolean): Tensor {
  const [B, T] = states.shape as readonly [number, number];
  const start = first.unsqueeze(1);
  return reverse ? concat([states.slice([0, 1]), start], 1) : concat([start, states.slice([0, 0], [B, T - 1])], 1);
}

/** Throws unless projected (B, T, G·H), weight (G·H, H), each state (B, H) and the mask (B, T) belong together. */
export function checkRecurrence(
  name: string,
  gates: number,
  projected: TensorSpec,
  weight: TensorSpec,
  states: readonly TensorSpec[],
  mask: TensorSpec | undefined,
): void {
  for (const x of [projected, weight, ...states]) requireDType(x, 'float32', name);
  const [B, T, width] = projected.shape;
  const H = weight.shape[1];
  const fits =
    projected.shape.length === 3 &&
    weight.shape.length === 2 &&
    width === gates * H! &&
    weight.shape[0] === width &&
    states.every(({ shape }) => sameShape(shape, [B!, H!]));
  if (!fits || T === 0) {
    const given = [projected, weight, ...states].map(({ shape }) => formatShape(shape)).join(' ');
    throw new ShapeError(
      `${name}: expected (B, T, ${gates}·H), (${gates}·H, H) and states (B, H), with T ≥ 1; got ${given}`,
    );
  }
  if (mask === undefined) return;
  requireDType(mask, 'bool', `${name}: mask`);
  if (!sameShape(mask.shape, [B!, T!])) {
    throw new ShapeError(`${name}: expected a mask of ${formatShape([B!, T!])}, got ${formatShape(mask.shape)}`);
  }
}

export interface RecurrenceOptions {
  /** bool (B, T): where it is false the states pass unchanged. */
  readonly mask?: Tensor;
  /** Whether time runs from the last position to the first. */
  readonly reverse?: boolean;
}
