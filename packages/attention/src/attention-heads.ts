import { scaledDotProductAttention, ShapeError, type Tensor } from '@qkv/tensor';

/** Throws unless q is (B, T, H, Dh), k (B, S, Hk, Dh) and v (B, S, Hk, Dv), with H a multiple of Hk. */
export function checkHeads(q: Tensor, k: Tensor, v: Tensor = k): void {
  const [B, S, Hk] = k.shape;
  const fits =
    [q, k, v].every((x) => x.rank === 4 && x.dtype === 'float32') &&
    q.shape[0] === B &&
    [B, S, Hk].every((size, d) => size === v.shape[d]);
  if (!fits) {
    throw new ShapeError(
      `attend: expected queries (B, T, H, Dh), keys (B, S, Hk, Dh) and values (B, S, Hk, Dv), got [${q.shape.join(', ')}], [${k.shape.join(', ')}] and [${v.shape.join(', ')}]`,
    );
  }
  if (Hk === 0 || q.shape[2] % Hk !== 0) {
    throw new ShapeError(`attend: ${q.shape[2]} query heads are no multiple of ${Hk} key heads`);
  }
}

/** (B, S, Hk, Dh) → (B, S, H, Dh): each head H/Hk times in a row. */
export function repeatHeads(x: Tensor, heads: number): Tensor {
  const [B, S, Hk, Dh] = x.shape;
  if (Hk === heads) return x;
  const repeated = x.unsqueeze(3).expand([B, S, Hk, heads / Hk, Dh]);
  return repeated.reshape([B, S, heads, Dh]);
}

export interface KernelOptions {
  readonly scale: number;
  readonly causal: boolean;
  /** Both of rank 4. */
  readonly mask?: Tensor;
  readonly bias?: Tensor;
}

/** The kernel, for fewer key heads than query heads too: output (B, T, H, Dv), log-sum-exp (B, H, T). */
export function groupedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: KernelOptions,
): { output: Tensor; logSumExp: Tensor } {
  const [[B, T, H, Dh], Hk, Dv] = [q.shape, k.shape[2], v.shape[3]];
  if (Hk === H) return scaledDotProductAttention(q, k, v, options);
  if (T !== 1) return scaledDotProductAttention(q, repeatHeads(k, H), repeatHeads(v, H), options);
  // A step of decoding reads its long cache as it lies: the queries of a group are those of one head at G positions.
  const G = H / Hk;
  const fold = (x?: Tensor): Tensor | undefined =>
    x === undefined || x.shape[1] === 1 ? x : x.reshape([x.shape[0], Hk, G, x.shape[3]]); // (B, H, 1, S) → (B, Hk, G, S)
  const queries = q.reshape([B, Hk, G, Dh]).permute([0, 2, 1, 3]); // (B, G, Hk, Dh)
  const { scale, mask, bias } = options; // one key, position 0, is all that `causal` leaves, and all that there is
  const { output, logSumExp } = scaledDotProductAttention(queries, k, v, { scale, mask: fold(mask), bias: fold(bias) });
  return { output: output.permute([0, 2, 1, 3]).reshape([B, 1, H, Dv]), logSumExp: logSumExp.reshape([B, H, 1]) };
}
