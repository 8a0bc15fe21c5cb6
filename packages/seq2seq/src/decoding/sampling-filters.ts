import { arange, pad, select, softmax, type Tensor, topK } from '@qkv/tensor';

import { expectCount, type LogitProcessor } from './logit-processors';

/** x/T: below 1 the likely becomes likelier, above 1 all become more equal. T is from 1e−30 to 1e30. */
export function temperature(T: number): LogitProcessor {
  // Beyond that quotients overflow in float32, or what is forbidden becomes −∞/∞: NaN, which would be chosen.
  if (!(T >= 1e-30 && T <= 1e30)) {
    throw new RangeError(
      `temperature: must be positive, from 1e-30 to 1e30, got ${T}; for the likeliest token, the limit at 0, decode greedily`,
    );
  }
  return (logits) => logits.div(T);
}

/**
 * The k likeliest stay, all others get −∞ (Fan et al. 2018). What is as likely as the k-th stays, too; a k beyond the
 * vocabulary keeps all.
 */
export function keepTopK(k: number): LogitProcessor {
  expectCount('keepTopK', k, 1);
  return (logits) => {
    const V = logits.shape.at(-1)!;
    if (k >= V) return logits;
    const least = topK(logits, k).values.slice([0, k - 1]); // (N, 1)
    return select(logits.greaterEqual(least), logits, -Infinity);
  };
}

/**
 * The nucleus stays (Holtzman et al. 2020, Eq. 2–3): the fewest likeliest tokens whose probabilities add up to at least p.
 * What is as likely as the least of them stays, too. p = 1 keeps all.
 */
export function keepTopP(p: number): LogitProcessor {
  if (!(p > 0 && p <= 1)) throw new RangeError(`keepTopP: must be in (0, 1], got ${p}`);
  return (logits) => {
    if (p === 1) return logits;
    const probabilities = softmax(logits); // (N, V)
    const sorted = topK(probabilities, logits.shape.at(-1)!).values; // (N, V)
    const inside = sumBefore(sorted).less(Math.max(p, 1e-30)); // float32 has no smaller p: the likeliest always stays
    const least = select(inside, sorted, Infinity).min(-1, { keep: true }); // (N, 1)
    return select(probabilities.greaterEqual(least), logits, -Infinity);
  };
}

/** What has at least m times the probability of the likeliest stays (Nguyen et al. 2024, section 3). */
export function keepMinP(m: number): LogitProcessor {
  if (!(m >= 0 && m <= 1)) throw new RangeError(`keepMinP: must be in [0, 1], got ${m}`);
  return (logits) => {
    const probabilities = softmax(logits);
    const least = probabilities.max(-1, { keep: true }).mul(m); // (N, 1)
    return select(probabilities.greaterEqual(least), logits, -Infinity);
  };
}

/**
 * Σ_{j<i} x_j for each i, (N, V). Two products with triangles of ones, within blocks of √V and over blocks: 2·V^1.5
 * multiplications.
 */
function sumBefore(x: Tensor): Tensor {
  const [N, V] = x.shape;
  const size = Math.ceil(Math.sqrt(V));
  const blocks = Math.ceil(V / size);
  const cells = pad(x, [0, 0], [0, blocks * size - V]).reshape([N, blocks, size]);
  const triangle = (n: number): Tensor => arange(n).unsqueeze(1).less(arange(n)).cast('float32'); // (n, n): 1 where row < column
  const within = cells.matmul(triangle(size)); // (N, blocks, size)
  const blocksBefore = cells.sum(-1).matmul(triangle(blocks)); // (N, blocks)
  return within
    .add(blocksBefore.unsqueeze(-1))
    .reshape([N, blocks * size])
    .slice([0, 0], [N, V]);
}
