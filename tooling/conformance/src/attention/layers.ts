import {
  AlibiPositions,
  type AttentionPositions,
  BucketedRelativePositions,
  causalMask,
  ClippedRelativePositions,
  documentMask,
  graphMask,
  type Mask,
  MultiHeadAttention,
  paddingMask,
  prefixMask,
  RotaryPositions,
  windowMask,
} from '@qkv/attention';
import { constant } from '@qkv/tensor';

import type { Illegal, Row } from './covering';
import { BUCKETS, CLIP, FARTHEST, type Specification } from './naive';

/** Every option of the layer, and the ways to run it. */
export const OPTIONS = {
  mask: ['none', 'causal', 'padding', 'window', 'graph', 'prefix', 'documents', 'causal and padding'],
  position: ['none', 'rotary', 'alibi', 'clipped', 'buckets'],
  score: ['scaledDotProduct', 'dotProduct', 'general', 'additive'],
  normalization: ['softmax', 'relu', 'sparsemax', 'entmax15'],
  heads: ['1', '2', '4', '4/2', '4/1'],
  queryKeyNorm: [false, true],
  softCap: [undefined, 0.8],
  sinks: [false, true],
  window: [false, true],
  sizes: ['self', 'cross', 'heads'],
  cache: ['full', 'steps', 'prefix'],
  place: ['reference, float64', 'reference, float32', 'wasm'],
} as const;

export type LayerRow = Row<typeof OPTIONS>;

/** Turning makes only dot products relative, and only a softmax has a denominator. */
export const illegal: Illegal<typeof OPTIONS> = ({ position, score, sinks, normalization }) =>
  (position === 'rotary' && (score === 'general' || score === 'additive')) ||
  (sinks === true && normalization !== undefined && normalization !== 'softmax');

export const B = 2;
export const D = 8;
export const T = 6;
/** How many positions a prompt has. */
export const PROMPT = 4;
const WINDOW = { before: 2, after: 1 };
/** Masks tell of so many positions. */
const N = 8;

type Rule = (b: number, i: number, j: number) => boolean;

/** Of the second sequence, the first position is padding: with causality it attends to nothing. */
const IDS = [
  [4, 2, 9, 0, 7, 3, 0, 0],
  [0, 5, 5, 1, 0, 8, 2, 6],
];
const DOCUMENTS = [
  [0, 0, 1, 1, 1, 2, 2, 2],
  [3, 3, 3, 3, 3, 3, 7, 7],
];
const LENGTHS = [2, PROMPT];
/** Node 3 of the first graph has no neighbours. */
const edge: Rule = (b, i, j) => !(b === 0 && i === 3) && (5 * i + 3 * j + b * (i + 1)) % 4 !== 1;

const table = (values: number[][]): ReturnType<typeof constant> => constant(Int32Array.from(values.flat()), [B, N]);

/** Masks are made inside of a run, of constants. */
const MASKS: Record<LayerRow['mask'], { readonly rule: Rule; readonly mask: () => Mask | undefined }> = {
  none: { rule: () => true, mask: () => undefined },
  causal: { rule: (_, i, j) => j <= i, mask: causalMask },
  padding: { rule: (b, _, j) => IDS[b][j] !== 0, mask: () => paddingMask(table(IDS), 0) },
  window: {
    rule: (_, i, j) => j <= i + 2 && (j >= i - 1 || j < 1),
    mask: () => windowMask({ before: 1, after: 2, sinks: 1 }),
  },
  graph: {
    rule: edge,
    mask: () => {
      const flags = Array.from({ length: B * N * N }, (_, n) =>
        edge(Math.floor(n / (N * N)), Math.floor(n / N) % N, n % N),
      );
      return graphMask(constant(Uint8Array.from(flags, Number), [B, N, N], 'bool'));
    },
  },
  prefix: { rule: (b, i, j) => j <= i || j < LENGTHS[b], mask: () => prefixMask(constant(Int32Array.from(LENGTHS))) },
  documents: { rule: (b, i, j) => DOCUMENTS[b][i] === DOCUMENTS[b][j], mask: () => documentMask(table(DOCUMENTS)) },
  'causal and padding': {
    rule: (b, i, j) => j <= i && IDS[b][j] !== 0,
    mask: () => causalMask().and(paddingMask(table(IDS), 0)),
  },
};

const isCross = ({ sizes }: LayerRow): boolean => sizes === 'cross';

/** Whether tokens are appended one after another, so that whatever the mask says none sees a later one. */
function isOrdered(row: LayerRow): boolean {
  if (isCross(row) || row.cache === 'full') return false;
  return !(row.cache === 'prefix' && row.mask === 'prefix');
}

function positionsOf({ position }: LayerRow, heads: number, headDimension: number): AttentionPositions | undefined {
  if (position === 'rotary') return new RotaryPositions({ headDimension });
  if (position === 'alibi') return new AlibiPositions({ heads });
  if (position === 'clipped') return new ClippedRelativePositions({ heads, maxDistance: CLIP });
  return position === 'buckets'
    ? new BucketedRelativePositions({ heads, buckets: BUCKETS, maxDistance: FARTHEST })
    : undefined;
}

export interface Layer {
  readonly module: MultiHeadAttention;
  readonly specification: Specification;
  readonly cross: boolean;
  readonly keyDimension: number;
  readonly valueDimension: number;
  /** For `forward` over whole sequences; to be called inside of a run. */
  readonly options: () => { mask?: Mask; causal?: boolean };
  /** For `forward` with a cache; a prompt with a prefix that sees all of itself is not causal. */
  readonly cachedOptions: () => { mask?: Mask; causal?: boolean; append?: boolean };
}

export function layerOf(row: LayerRow): Layer {
  const [heads, keyValueHeads = heads] = row.heads.split('/').map(Number);
  const headDimension = row.sizes === 'heads' ? 6 : D / heads;
  const { score, normalization, queryKeyNorm, softCap, sinks, position } = row;
  const cross = isCross(row);
  const [keyDimension, valueDimension, S] = cross ? [5, 7, N] : [D, D, T];
  const module = new MultiHeadAttention({
    dimension: D,
    heads,
    keyValueHeads,
    keyDimension,
    valueDimension,
    headDimension,
    valueHeadDimension: row.sizes === 'heads' ? 3 : undefined,
    score,
    normalization,
    queryKeyNorm,
    softCap,
    sinks,
    positions: positionsOf(row, heads, headDimension),
    window: row.window ? WINDOW : undefined,
  });
  const { rule, mask } = MASKS[row.mask];
  const ordered = isOrdered(row);
  const may: Rule = (b, i, j) =>
    rule(b, i, j) && (!row.window || (j >= i - WINDOW.before && j <= i + WINDOW.after)) && (!ordered || j <= i);
  return {
    module,
    specification: { B, T, S, heads, keyValueHeads, score, normalization, position, queryKeyNorm, softCap, sinks, may },
    cross,
    keyDimension,
    valueDimension,
    options: () => ({ mask: mask(), causal: ordered }),
    cachedOptions: () =>
      cross ? { mask: mask(), append: false } : { mask: mask(), ...(ordered ? {} : { causal: false }) },
  };
}
