import { Loss } from '@qkv/nn';
import { arange, reciprocal, ShapeError, type Tensor } from '@qkv/tensor';

export interface GuidedAttentionOptions {
  /** int32 (B): source positions of each row that count, N. */
  readonly sourceLengths: Tensor;
  /** int32 (B): target positions of each row that count, T. */
  readonly targetLengths: Tensor;
  /** g: how far from the diagonal, as a share of the length, attention costs little; 0.2, as in the paper. */
  readonly deviation?: number;
}

/**
 * Guided attention (Tachibana et al. 2017, section 4.2), for pairs whose sides run in step, such as letters and sounds:
 * the mean of α_tn W_tn over the positions of all rows and heads, W_tn = 1 − exp(−(n/N − t/T)²/2g²), with t and n from 0.
 *
 * attention (B, H, T, S), as `capture` gives it for a decoder layer's `crossAttention`. Positions at or past a row's
 * lengths count nothing. To be added, with a factor, to the loss of the tokens.
 */
export function guidedAttentionLoss(attention: Tensor, options: GuidedAttentionOptions): Loss {
  const { sourceLengths, targetLengths, deviation = 0.2 } = options;
  if (attention.rank !== 4) {
    throw new ShapeError(`guidedAttentionLoss: expected attention (B, H, T, S), got [${attention.shape.join(', ')}]`);
  }
  if (!(deviation > 0)) throw new RangeError(`guidedAttentionLoss: deviation must be above 0, got ${deviation}`);
  const [B, H, T, S] = attention.shape;
  const target = axis('targetLengths', targetLengths, B, T);
  const source = axis('sourceLengths', sourceLengths, B, S);
  const distance = source.place.unsqueeze(1).sub(target.place.unsqueeze(2)); // (B, T, S)
  const penalty = distance
    .square()
    .mul(-1 / (2 * deviation * deviation))
    .exp()
    .neg()
    .add(1);
  const counts = source.counts.unsqueeze(1).mul(target.counts.unsqueeze(2)); // (B, T, S)
  return new Loss(attention.mul(penalty.mul(counts).unsqueeze(1)).sum(), counts.sum().mul(H));
}

/** Of each position the place i/length and whether it counts, 1 or 0: float32 (B, size). */
function axis(name: string, lengths: Tensor, rows: number, size: number): { place: Tensor; counts: Tensor } {
  if (lengths.dtype !== 'int32' || lengths.rank !== 1 || lengths.shape[0] !== rows) {
    throw new ShapeError(
      `guidedAttentionLoss: expected ${name} int32 [${rows}], got ${lengths.dtype} [${lengths.shape.join(', ')}]`,
    );
  }
  const positions = arange(size);
  const column = lengths.unsqueeze(1); // (B, 1)
  const place = positions.cast('float32').mul(reciprocal(column.maximum(1).cast('float32')));
  return { place, counts: positions.less(column).cast('float32') };
}
