import { arange, select, ShapeError, type Tensor } from '@qkv/tensor';

export interface PaddingOptions {
  /** bool (B, 1, 1, S), as attention takes it: which inputs there are. */
  readonly mask?: Tensor;
}

/** ids (B, T) → (B, 1, 1, T): whatever is not padding may be attended to. */
export function presentMask(ids: Tensor, padId: number): Tensor {
  return ids.notEqual(padId).unsqueeze(1).unsqueeze(1);
}

/**
 * ids (B, T) → (B, 1, 1, T): of a target everything up to its last token may be attended to. Padding before that was put
 * there by somebody, as a first token (T5 begins with it) or by decoding, and step by step it is read like any token.
 */
export function writtenMask(ids: Tensor, padId: number): Tensor {
  const places = arange(ids.shape[1]);
  const last = select(ids.notEqual(padId), places, 0).max(-1, { keep: true }); // (B, 1)
  return places.lessEqual(last).unsqueeze(1).unsqueeze(1);
}

/** The mask (B, 1, 1, S) as (B, S), for layers that go along the sequence and know no pairs. */
export function inputsPresent(layer: string, x: Tensor, mask: Tensor | undefined): Tensor | undefined {
  if (mask === undefined) return undefined;
  const [B, S] = x.shape;
  if (`${mask.shape}` !== `${[B, 1, 1, S]}`) {
    throw new ShapeError(
      `${layer}: takes a mask of padding, (${B}, 1, 1, ${S}), got [${mask.shape.join(', ')}]; who may attend to whom is for attention alone`,
    );
  }
  return mask.reshape([B, S]);
}
