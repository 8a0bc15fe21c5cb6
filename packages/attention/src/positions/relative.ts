import type { Parameter, Tensor } from '@qkv/tensor';

import { expectPositions } from './rows';

/** Key position − query position: positions (T) or (B, T) and (S) or (B, S), int32 → (T, S) or (B, T, S), int32. */
export function relativePositions(layer: string, queryPositions: Tensor, keyPositions: Tensor): Tensor {
  expectPositions(layer, queryPositions);
  expectPositions(layer, keyPositions);
  return keyPositions.unsqueeze(-2).sub(queryPositions.unsqueeze(-1));
}

/** 0 … 2·most, for relative positions from −most or less to most or more (Shaw et al. 2018, section 3.2). */
export function clippedIndex(relative: Tensor, most: number): Tensor {
  return relative.maximum(-most).minimum(most).add(most);
}

/** Rows of a table (R, H) by index, (T, S) or (B, T, S) → (1, H, T, S) or (B, H, T, S). */
export function headBias(table: Parameter, index: Tensor): Tensor {
  const batched = index.rank === 2 ? index.unsqueeze(0) : index;
  return table.value.gather(batched).permute([0, 3, 1, 2]); // (B, T, S, H) → (B, H, T, S)
}
