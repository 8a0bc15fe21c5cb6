import type { Attributes } from '../backend';
import type { TensorSpec } from '../dtype';
import { defineComposite } from '../operation';
import { requireDType, ShapeError } from '../shape-error';
import { formatShape, sameShape } from '../shape';
import { arange, concat, ones, select, zeros } from '../create';
import type { Tensor } from '../types';

/** s = scale · q·k (+ bias), (B, H, T, S); and which entries may attend, or null for all. */
function scores(
  q: Tensor,
  k: Tensor,
  extra: readonly Tensor[],
  attributes: Attributes,
): { s: Tensor; may: Tensor | null } {
  const [T, S] = [q.shape[1]!, k.shape[1]!];
  const product = q.permute([0, 2, 1, 3]).matmul(k.permute([0, 2, 3, 1])); // (B, H, T, S)
  let s: Tensor = product.mul(attributes['scale'] as number);
  if (attributes['bias']) s = s.add(extra.at(-1)!);
  let may: Tensor | null = attributes['mask'] ? extra[0]! : null;
  if (attributes['causal']) {
    const past = arange(S).lessEqual(arange(T).unsqueeze(-1)); // (T, S)
    may = may === null ? past : may.and(past);
  }
  return { s: may === null ? s : select(may, s, -Infinity), may };
}

/** Probabilities from scores and their log-sum-exp; exactly 0 where it is not allowed to attend, never NaN. */
function probabilities(s: Tensor, lse: Tensor): Tensor {
  const finite = select(lse.equal(-Infinity), 0, lse);
  return s.sub(finite.unsqueeze(-1)).exp();
}

const attentionBackward = defineComposite({
  name: 'attentionBackward',
  version: 1,
  // q, k, v, o, lse, do, [mask], [bias] → dq, dk, dv, [dbias]
  infer: ([q, k, v, , lse], attributes) => [
    { shape: q!.shape, dtype: 'float32' },
    { shape: k!.shape, dtype: 'float32' },
    { shape: v!.shape, dtype: 'float32' },
    ...(attributes['bias'] ? [{ shape: [...lse!.shape, k!.shape[1]!], dtype: 'float32' } as TensorSpec] : []),
  ],
  decompose: ([q, k, v, o, lse, dOut, ...extra], attributes) => {
    const { s } = scores(q!, k!, extra, attributes);
    const p = probabilities(s, lse!); // (B, H, T, S)
    const d = dOut!.permute([0, 2, 1, 3]); // (B, H, T, Dv)
    const dv = p.transpose().matmul(d).permute([0, 2, 1, 3]);
    const dp = d.matmul(v!.permute([0, 2, 3, 1]));
    const delta = d.mul(o!.permute([0, 2, 1, 3])).sum(-1, { keep: true });
    const ds = p.mul(dp.sub(delta));
    const scaled = ds.mul(attributes['scale'] as number);
    const dq = scaled.matmul(k!.permute([0, 2, 1, 3])).permute([0, 2, 1, 3]);
    const dk = scaled
      .transpose()
      .matmul(q!.permute([0, 2, 1, 3]))
      .permute([0, 2, 1, 3]);
    return attributes['bias'] ? [dq, dk, dv, ds] : [dq, dk, dv];
  },
});

/**
 * With a cotangent of the log-sum-exp, ds = p·(dp − δ + dlse). To the kernel that is one more feature of the values: 1 for
 * every key, with dlse as its cotangent, so that dp grows by dlse, and 0 as its output, so that δ does not.
 */
function withLogSumExp(v: Tensor, o: Tensor, dOut: Tensor, dlse: Tensor): Tensor[] {
  const feature = (x: Tensor): number[] => [...x.shape.slice(0, 3), 1];
  return [
    concat([v, ones(feature(v))], 3),
    concat([o, zeros(feature(o))], 3),
    concat([dOut, dlse.transpose().unsqueeze(-1)], 3), // (B, H, T) → (B, T, H, 1)
  ];
}

const attentionNode = defineComposite({
  name: 'attention',
  version: 1,
  infer: ([q, k, v, ...extra], attributes) => {
    for (const x of [q!, k!, v!]) {
      requireDType(x, 'float32', 'attention');
      if (x.shape.length !== 4) throw new ShapeError(`attention: expected (B, T, H, Dh), got ${formatShape(x.shape)}`);
    }
    const [B, T, H, Dh] = q!.shape as readonly [number, number, number, number];
    const S = k!.shape[1]!;
    const fits = sameShape(k!.shape, [B, S, H, Dh]) && sameShape(v!.shape.slice(0, 3), [B, S, H]);
    if (!fits) {
      throw new ShapeError(
        `attention: keys ${formatShape(k!.shape)} and values ${formatShape(v!.shape)} do not fit queries ${formatShape(q!.shape)}; expected (B, S, H, Dh) and (B, S, H, Dv)`,
      );
    }
    if (attributes['causal'] && T !== S) {
      throw new ShapeError(`attention: causal needs as many queries as keys, got ${T} and ${S}; pass a mask instead`);
    }
    for (const x of extra) {
      if (!sameShape(x.shape, [B, H, T, S])) {
        throw new ShapeError(
          `attention: expected a mask or bias of ${formatShape([B, H, T, S])}, got ${formatShape(x.shape)}`,
        );
      }
    }
    if (attributes['mask']) requireDType(extra[0]!, 'bool', 'attention: mask');
    if (attributes['bias']) requireDType(extra.at(-1)!, 'float32', 'attention: bias');
    return [
      { shape: [B, T, H, v!.shape[3]!], dtype: 'float32' },
      { shape: [B, H, T], dtype: 'float32' },
    ];
  },
  decompose: ([q, k, v, ...extra], attributes) => {
    const { s } = scores(q!, k!, extra, attributes);
    const largest = s.max(-1, { keep: true });
    const shift = select(largest.equal(-Infinity), 0, largest);
    const e = s.sub(shift).exp();
    const total = e.sum(-1, { keep: true });
    const empty = total.equal(0); // nothing to attend to
    const safe = select(empty, 1, total);
    const o = e
      .div(safe)
      .matmul(v!.permute([0, 2, 1, 3]))
      .permute([0, 2, 1, 3]); // (B, T, H, Dv)
    return [o, select(empty, -Infinity, safe.log().add(shift)).squeeze(-1)];
  },
  backward: ({ inputs: [q, k, v, ...extra], outputs: [o, lse], cotangents: [dOut, dlse], attributes }) => {
    if (dlse === null && dOut === null) return null;
    const d = dOut ?? zeros(o!.shape);
    const operands = dlse === null ? [v!, o!, d] : withLogSumExp(v!, o!, d, dlse!);
    const [dq, dk, dv, dbias] = attentionBackward(
      [q!, k!, operands[0]!, operands[1]!, lse!, operands[2]!, ...extra],
      attributes,
    );
    const gradients: (Tensor | null)[] = [dq!, dk!, dlse === null ? dv! : dv!.slice([0, 0, 0, 0], v!.shape)];
    if (attributes['mask']) gradients.push(null);
    if (attributes['bias']) gradients.push(dbias!);
    return gradients;
  },
});

export interface AttentionOptions {
  /** Factor of the scores; 1/√Dh by default. */
  readonly scale?: number;
  /** Position i attends to j ≤ i; needs T = S. */
  readonly causal?: boolean;
  /** bool, broadcastable to (B, H, T, S): true means "may attend". A row with nothing to attend to gives zeros. */
  readonly mask?: Tensor;
  /** Added to the scores; broadcastable to (B, H, T, S). */
  readonly bias?: Tensor;
}

/**
 * Scaled dot-product attention: softmax(scale · q kᵀ) v (Vaswani et al. 2017, Eq. 1).
 * q (B, T, H, Dh), k (B, S, H, Dh), v (B, S, H, Dv) → (B, T, H, Dv); heads stay beside their features, so that merging
 * them is a reshape. Returns also the log-sum-exp of the scores, (B, H, T): −∞ for a row with nothing to attend to.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): { output: Tensor; logSumExp: Tensor } {
  const { scale, causal = false, mask, bias } = options;
  const [headSize = 1, all] = [q.shape[3], [q.shape[0]!, q.shape[2]!, q.shape[1]!, k.shape[1]!]];
  // Expanding is a view: kernels that read strides see the small mask.
  const inputs = [q, k, v, ...(mask ? [mask.expand(all)] : []), ...(bias ? [bias.expand(all)] : [])];
  const [output, lse] = attentionNode(inputs, {
    scale: scale ?? 1 / Math.sqrt(Math.max(headSize, 1)),
    causal,
    mask: mask !== undefined,
    bias: bias !== undefined,
  });
  return { output: output!, logSumExp: lse! };
}
