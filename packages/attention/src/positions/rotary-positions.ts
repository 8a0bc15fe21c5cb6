import { expectSize, Module } from '@qkv/nn';
import { concat, ShapeError, stack, type Tensor, type Variable } from '@qkv/tensor';

import { inversePowers, progression, rotations } from './angles';
import type { AttentionPositions } from './attention-positions';
import { expectOneEach, expectPositions, rowsAt } from './rows';
import { tableVariable } from './table-variable';

export interface RotaryPositionsOptions {
  /** Dh: size of a query or key of one head. */
  readonly headDimension: number;
  /** How many of the features are turned, an even number; the others stay. All of them by default. GPT-NeoX's `rotary_pct`. */
  readonly rotatedDimension?: number;
  /** Wavelengths grow up to 2π·base; 10000, as in the paper. Longer contexts take more. */
  readonly base?: number;
  /**
   * Which features make a pair: `adjacent` (2i, 2i+1), as in the paper and GPT-J, the default; or `halves` (i, i + R/2), as
   * in GPT-NeoX and Llama. Weights of one kind do not fit the other.
   */
  readonly layout?: 'adjacent' | 'halves';
  /** Most positions; 512, beyond which it is an error. */
  readonly maxLength?: number;
}

/**
 * Rotary positions (Su et al. 2021, Eq. 34): of a query or key at position p, pair i of R features is turned by the angle
 * p·base^(−2i/R): (a, b) → (a cos − b sin, a sin + b cos). The score of two then depends on the distance of their
 * positions only. Has no parameters.
 */
export class RotaryPositions extends Module implements AttentionPositions {
  readonly headDimension: number;
  readonly rotatedDimension: number;
  readonly layout: 'adjacent' | 'halves';
  readonly #cosine: Variable;
  readonly #sine: Variable;

  constructor(options: RotaryPositionsOptions) {
    super();
    const {
      headDimension,
      rotatedDimension = headDimension,
      base = 10000,
      layout = 'adjacent',
      maxLength = 512,
    } = options;
    expectSize('RotaryPositions', 'headDimension', headDimension);
    expectSize('RotaryPositions', 'rotatedDimension', rotatedDimension);
    expectSize('RotaryPositions', 'maxLength', maxLength);
    if (rotatedDimension % 2 !== 0 || rotatedDimension > headDimension) {
      throw new RangeError(
        `RotaryPositions: rotatedDimension must be even and at most headDimension ${headDimension}, got ${rotatedDimension}`,
      );
    }
    if (!(base > 1 && base < Infinity)) throw new RangeError(`RotaryPositions: base must be above 1, got ${base}`);
    this.headDimension = headDimension;
    this.rotatedDimension = rotatedDimension;
    this.layout = layout;
    const pairs = rotatedDimension / 2;
    const table = (): ReturnType<typeof rotations> =>
      rotations(maxLength, inversePowers(base, rotatedDimension, progression(pairs, 0, 2)));
    this.#cosine = tableVariable([maxLength, pairs], () => table().cosine);
    this.#sine = tableVariable([maxLength, pairs], () => table().sine);
  }

  /** The same as `rotate`. */
  override forward(x: Tensor, positions: Tensor): Tensor {
    const { headDimension, rotatedDimension: R } = this;
    if (x.rank !== 4 || x.shape[3] !== headDimension) {
      throw new ShapeError(`RotaryPositions: expected (B, T, H, ${headDimension}), got [${x.shape.join(', ')}]`);
    }
    expectPositions('RotaryPositions', positions);
    const [B, T, H] = x.shape;
    expectOneEach('RotaryPositions: expected positions', positions, B, T);
    const rowsOf = (table: Variable): Tensor => rowsAt('RotaryPositions', table.value, positions).unsqueeze(-2);
    const [cosine, sine] = [rowsOf(this.#cosine), rowsOf(this.#sine)]; // (T, 1, R/2) or (B, T, 1, R/2)

    const axis = this.layout === 'adjacent' ? 4 : 3; // of the two members of a pair
    const split = this.layout === 'adjacent' ? [B, T, H, R / 2, 2] : [B, T, H, 2, R / 2];
    const pairs = x.slice([0, 0, 0, 0], [B, T, H, R]).reshape(split);
    const member = (i: number): Tensor => {
      const start = split.map((_, d) => (d === axis ? i : 0));
      const size = split.map((whole, d) => (d === axis ? 1 : whole));
      return pairs.slice(start, size).squeeze(axis); // (B, T, H, R/2)
    };
    const [a, b] = [member(0), member(1)];
    const turned = stack([a.mul(cosine).sub(b.mul(sine)), a.mul(sine).add(b.mul(cosine))], axis).reshape([B, T, H, R]);
    return R === headDimension ? turned : concat([turned, x.slice([0, 0, 0, R])], -1); // (B, T, H, Dh)
  }

  /** x (B, T, H, Dh) turned by positions, int32 (T) or (B, T) → (B, T, H, Dh). A position past `maxLength` fails. */
  rotate(x: Tensor, positions: Tensor): Tensor {
    return this.forward(x, positions);
  }
}
