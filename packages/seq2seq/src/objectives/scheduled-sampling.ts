import { concat, isTraining, randomUniform, select, ShapeError, type Tensor } from '@qkv/tensor';

export interface ScheduledSamplingOptions {
  /** Share of tokens that the model's own take the place of, 1 − ε of the paper: a number, or a scalar of a schedule. */
  readonly probability: number | Tensor;
  /** Tokens with this id stay, and none becomes it; 0. */
  readonly padId?: number;
  /** `sample` draws the model's tokens from its distribution, as Bengio et al. do; `argmax` takes the likeliest. */
  readonly draw?: 'sample' | 'argmax';
}

/**
 * Scheduled sampling (Bengio et al. 2015) in two passes, for models that read all targets at once (Mihaylova & Martins
 * 2019, section 3): what the model predicts from the gold tokens takes the place of some of them. A second pass from the
 * result is trained towards the gold tokens; no gradient flows through the first.
 *
 * target ids (B, T), beginning with START; `predict` gives their logits (B, T, V) → ids (B, T), where each token after
 * START is, independently, with `probability` the one that the model predicts for its place. Inside `compile` with a seed.
 * Without `mode: 'train'` the ids come back as they are, so that evaluation is teacher forcing.
 */
export function scheduledSampling(
  target: Tensor,
  predict: (target: Tensor) => Tensor,
  options: ScheduledSamplingOptions,
): Tensor {
  const { probability, padId = 0, draw = 'sample' } = options;
  if (target.dtype !== 'int32' || target.rank !== 2) {
    throw new ShapeError(
      `scheduledSampling: expected ids int32 (B, T), got ${target.dtype} [${target.shape.join(', ')}]`,
    );
  }
  if (typeof probability === 'number' && !(probability >= 0 && probability <= 1)) {
    throw new RangeError(`scheduledSampling: probability must be in [0, 1], got ${probability}`);
  }
  if (typeof probability !== 'number' && (probability.dtype !== 'float32' || probability.rank !== 0)) {
    throw new ShapeError(
      `scheduledSampling: expected a probability that is a float32 scalar, got ${probability.dtype} [${probability.shape.join(', ')}]`,
    );
  }
  if (draw !== 'sample' && draw !== 'argmax') {
    throw new RangeError(`scheduledSampling: there is no draw '${String(draw)}'; choose sample or argmax`);
  }
  const [B, T] = target.shape;
  if (!isTraining() || T < 2) return target;
  const logits = predict(target); // (B, T, V)
  if (logits.rank !== 3 || logits.shape[0] !== B || logits.shape[1] !== T) {
    throw new ShapeError(
      `scheduledSampling: expected logits (${B}, ${T}, V) of predict, got [${logits.shape.join(', ')}]`,
    );
  }
  const own = (draw === 'argmax' ? logits : perturbed(logits)).argMax().slice([0, 0], [B, T - 1]); // for places 1 … T−1
  const gold = target.slice([0, 1]); // (B, T − 1)
  const replace = randomUniform([B, T - 1])
    .less(probability)
    .and(gold.notEqual(padId))
    .and(own.notEqual(padId));
  return concat([target.slice([0, 0], [B, 1]), select(replace, own, gold)], 1);
}

/** Gumbel-max (Gumbel 1954): the largest of x_v − log(−log u_v) is v with probability softmax(x)_v. */
function perturbed(logits: Tensor): Tensor {
  const u = randomUniform(logits.shape).maximum(2 ** -25); // log 0 would forbid a token
  return logits.sub(u.log().neg().log());
}
