import { defineComposite, select, ShapeError, type Tensor, zeros } from '@qkv/tensor';

/** 1 in place of 0: what a row with nothing in it is divided by. */
const orOne = (total: Tensor): Tensor => select(total.equal(0), 1, total);

/**
 * Newton steps after which a row of n has its threshold to the last digit of a double. On a convex decreasing f, from the
 * side where f ≥ 0, Newton never passes the root, and each step has f₊/f + g₊/g ≤ 1 with g = |f′|: f·g falls at least to a
 * quarter, as 4ab ≤ (a + b)². It is 2n² at most to begin with, and the error, which is at most f·g since g ≥ 1, is below
 * 2⁻⁵³ after 27 + log₂ n steps. sparsemax takes no more than n, as every step but the last shrinks the support.
 */
function newtonSteps(n: number, power: number): number {
  const enough = 32 - Math.clz32(n) + 27;
  return power === 1 ? Math.min(n, enough) : enough;
}

/**
 * y = max(z/k − τ, 0)^k along the last axis, where τ makes the row sum to 1; k = attributes.power: 1 is sparsemax, 2 is
 * entmax-1.5. There is no sort: τ is the root of the convex f(τ) = Σ max(x − τ, 0)^k − 1, found from below.
 */
const entmaxLast = defineComposite({
  name: 'entmax',
  version: 1,
  infer: ([z]) => {
    if (z.dtype !== 'float32' || z.shape.length === 0) {
      throw new ShapeError(`entmax: expected float32 (…, S), got ${z.dtype} [${z.shape.join(', ')}]`);
    }
    return [{ shape: z.shape, dtype: 'float32' }];
  },
  decompose: ([z], attributes) => {
    const power = attributes['power'] as number;
    const largest = z.max(-1, { keep: true });
    const shift = select(largest.equal(-Infinity), 0, largest); // a row with nothing in it
    const x = z.sub(shift).mul(1 / power); // ≤ 0: τ lies in [−1, 0)
    const raised = (t: Tensor): Tensor => (power === 1 ? t : t.square());
    let threshold: Tensor = zeros(largest.shape).sub(1);
    let excess: Tensor = x.sub(threshold).maximum(0);
    for (let step = newtonSteps(z.shape.at(-1)!, power); step > 0; step--) {
      const f = raised(excess).sum(-1, { keep: true }).sub(1);
      const support = power === 1 ? excess.greater(0).cast('float32') : excess.mul(2);
      const slope = support.sum(-1, { keep: true });
      threshold = threshold.add(f.div(orOne(slope)));
      excess = x.sub(threshold).maximum(0);
    }
    const y = raised(excess);
    // The same as y, but for the rounding of τ, which all elements share.
    return [y.div(orOne(y.sum(-1, { keep: true })))];
  },
  // dz = s ⊙ (dy − Σ s dy / Σ s) with s = y^(1 − 1/k): 1 on the support, or √y (Peters et al. 2019, Eq. 10).
  backward: ({ outputs: [y], cotangents: [dy], attributes }) => {
    const support = y.greater(0);
    // The inner select keeps the slope of √ at 0, which is infinite, out of second derivatives.
    const s = attributes['power'] === 1 ? support.cast('float32') : select(support, select(support, y, 1).sqrt(), 0);
    const mean = s
      .mul(dy!)
      .sum(-1, { keep: true })
      .div(orOne(s.sum(-1, { keep: true })));
    return [s.mul(dy!.sub(mean))];
  },
});

/**
 * sparsemax(z) = argmin_p ‖p − z‖² over the probabilities, which is max(z − τ, 0) (Martins & Astudillo 2016, Eq. 3). Along
 * the last axis; small scores give exactly 0. A row that is all −∞ gives zeros, and no gradient.
 */
export function sparsemax(z: Tensor): Tensor {
  return entmaxLast([z], { power: 1 })[0];
}

/**
 * entmax-1.5(z) = max(z/2 − τ, 0)², between softmax and sparsemax (Peters et al. 2019, Eq. 6 with α = 1.5). Along the last
 * axis; small scores give exactly 0. A row that is all −∞ gives zeros, and no gradient.
 */
export function entmax15(z: Tensor): Tensor {
  return entmaxLast([z], { power: 2 })[0];
}
