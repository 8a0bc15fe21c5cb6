import {
  AlibiPositions,
  type AttentionPositions,
  BucketedRelativePositions,
  ClippedRelativePositions,
  type InputPositions,
  LearnedPositions,
  RotaryPositions,
  SinusoidalPositions,
} from '@qkv/attention';

import { type ModelOptions, modelSizes } from './model-options';

/** Shaw et al. 2018, section 4.3: larger k brings nothing. */
const MAX_DISTANCE = 16;

/** Positions that are added to embeddings, if the model's are. */
export function createInputPositions(options: ModelOptions): InputPositions | null {
  const { positions = 'sinusoidal' } = options;
  const { dimension, maxLength } = modelSizes(options);
  if (positions === 'sinusoidal') return new SinusoidalPositions({ dimension, maxLength });
  return positions === 'learned' ? new LearnedPositions({ dimension, maxLength }) : null;
}

/** Positions for the self-attention of one stack, if the model's are there. */
export function createAttentionPositions(
  options: ModelOptions,
  { bidirectional }: { bidirectional: boolean },
): AttentionPositions | undefined {
  const { positions = 'sinusoidal', attention } = options;
  const { dimension, heads, maxLength } = modelSizes(options);
  switch (positions) {
    case 'rotary':
      return new RotaryPositions({ headDimension: attention?.headDimension ?? dimension / heads, maxLength });
    case 'alibi':
      return new AlibiPositions({ heads });
    case 'relative':
      return new ClippedRelativePositions({ heads, maxDistance: MAX_DISTANCE });
    case 't5':
      return new BucketedRelativePositions({ heads, bidirectional });
    case 'sinusoidal':
    case 'learned':
    case 'none':
      return undefined;
    default:
      throw new RangeError(
        `positions: there is no '${String(positions)}'; choose from sinusoidal, learned, rotary, alibi, relative, t5, none`,
      );
  }
}
