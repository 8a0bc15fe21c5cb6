import type { InputPositions, Mask } from '@qkv/attention';
import { Dropout, Embedding, globalAveragePool, globalMaxPool, Linear, Module, normal, tap } from '@qkv/nn';
import { concat, isTensor, arange, pad, Parameter, ShapeError, type Tensor } from '@qkv/tensor';

import { CharacterEncoder, type CharacterEncoderOptions } from './character-encoder';
import { createEncoder, type EncoderKind, type SequenceEncoder } from './encoder-kinds';
import { addPositions, embed, embeddingInitializer, expectIds, expectLength } from './ids';
import { type ModelOptions, modelSizes } from './model-options';
import { createInputPositions } from './position-kinds';
import { stackOptions } from './stack-options';

/**
 * One vector for all inputs: a learned `class` token before them (BERT, ViT), the `mean` or the largest (`max`, Kim 2014) of
 * what is not padding, or what became of the `first`, which then says something of its own, as BERT's [CLS] in the ids.
 */
export type Pooling = 'class' | 'mean' | 'max' | 'first';

export interface EncoderModelOptions extends ModelOptions {
  /** Number of ids, for inputs int32 (B, T). Either this or `features`. */
  readonly vocabulary?: number;
  /** F, for inputs float32 (B, T, F): frames of speech, nodes of a graph. */
  readonly features?: number;
  /** Adds what a `CharacterEncoder` makes of each word's characters to its embedding; none. */
  readonly characters?: Omit<CharacterEncoderOptions, 'outputs'>;
  /** 6. */
  readonly layers?: number;
  /** `attention`. */
  readonly encoder?: EncoderKind;
  /** `mean`, which has no parameters and never fails to learn. */
  readonly pooling?: Pooling;
}

export interface EncodeOptions {
  /** bool (B, T): which inputs are there. By default ids that are not padding, and all of other inputs. */
  readonly present?: Tensor;
  /** Who may attend to whom besides, such as `graphMask(adjacency)`: over the T inputs. */
  readonly mask?: Tensor | Mask;
  /** int32 (B, T, W): the characters of each word, with the option `characters`. */
  readonly characters?: Tensor;
}

export interface EncoderOutputs {
  /** (B, T, D) */
  readonly tokens: Tensor;
  /** (B, D) */
  readonly pooled: Tensor;
}

/**
 * An encoder-only Transformer (BERT, Devlin et al. 2019, without token types): inputs embedded, positions added, a stack of
 * encoder layers. ids (B, T) or features (B, T, F) → one vector for each input and one for all; what is not used of them is
 * not computed. Both are tapped by their names, `tokens` and `pooled`.
 */
export class EncoderModel extends Module {
  readonly dimension: number;
  readonly maxLength: number;
  readonly padId: number;
  readonly pooling: Pooling;
  /** For ids. */
  readonly embedding: Embedding | null;
  /** For features. */
  readonly projection: Linear | null;
  readonly characters: CharacterEncoder | null;
  /** (D), with the pooling `class` only. */
  readonly classToken: Parameter | null;
  /** Null where order is told otherwise, or not at all. */
  readonly positions: InputPositions | null;
  readonly dropout: Dropout;
  readonly encoder: SequenceEncoder;

  constructor(options: EncoderModelOptions) {
    super();
    const { vocabulary, features, characters, layers = 6, encoder = 'attention', pooling = 'mean' } = options;
    const { dimension, dropout, maxLength, padId } = modelSizes(options);
    if (!['class', 'mean', 'max', 'first'].includes(pooling)) {
      throw new RangeError(
        `EncoderModel: there is no pooling '${String(pooling)}'; choose from class, mean, max, first`,
      );
    }
    if ((vocabulary === undefined) === (features === undefined)) {
      throw new RangeError('EncoderModel: needs either a vocabulary, for ids, or a number of features');
    }
    this.dimension = dimension;
    this.maxLength = maxLength;
    this.padId = padId;
    this.pooling = pooling;
    this.embedding =
      vocabulary === undefined
        ? null
        : new Embedding({ vocabulary, dimension, initializer: embeddingInitializer(dimension) });
    this.projection = features === undefined ? null : new Linear({ inputs: features, outputs: dimension });
    this.characters =
      characters === undefined ? null : new CharacterEncoder({ padId, ...characters, outputs: dimension });
    this.classToken =
      pooling === 'class'
        ? new Parameter({ shape: [dimension], initialize: () => normal({ deviation: 0.02 })([dimension]) })
        : null;
    // The class token is at position 0.
    const places = pooling === 'class' ? maxLength + 1 : maxLength;
    this.positions = createInputPositions({ ...options, maxLength: places });
    this.dropout = new Dropout({ rate: dropout });
    this.encoder = createEncoder(
      encoder,
      stackOptions({ ...options, maxLength: places }, layers, { bidirectional: true }),
    );
  }

  override forward(inputs: Tensor, options: EncodeOptions = {}): EncoderOutputs {
    const embedded = this.embed(inputs, options.characters); // (B, T, D)
    const [B, T, D] = embedded.shape;
    const present = this.presentIn(inputs, options.present); // (B, T)
    const first = this.classToken === null ? 0 : 1;
    const all = this.classToken === null ? embedded : concat([this.classToken.value.expand([B, 1, D]), embedded], 1);
    const x = this.dropout.forward(addPositions(all, this.positions)); // (B, T or T + 1, D)
    const y = this.encoder.forward(x, { mask: attentionMask(present, options.mask, [B, T], first) });
    const tokens = tap('tokens', y.slice([0, first, 0], [B, T, D]));
    return { tokens, pooled: tap('pooled', this.pool(y, tokens, present)) };
  }

  private pool(y: Tensor, tokens: Tensor, present: Tensor | undefined): Tensor {
    if (this.pooling === 'mean') return globalAveragePool(tokens, present);
    if (this.pooling === 'max') return globalMaxPool(tokens, present);
    return y.slice([0, 0, 0], [y.shape[0], 1, this.dimension]).squeeze(1);
  }

  /** (B, T, D) */
  private embed(inputs: Tensor, characters: Tensor | undefined): Tensor {
    const x = this.embedInputs(inputs);
    if (this.characters === null) {
      if (characters === undefined) return x;
      throw new TypeError(
        'EncoderModel: it was given characters, and reads none; make it with the option `characters`',
      );
    }
    if (characters === undefined) throw new TypeError('EncoderModel: it reads characters, and was given none');
    const [B, T] = x.shape;
    if (characters.rank === 3 && (characters.shape[0] !== B || characters.shape[1] !== T)) {
      throw new ShapeError(`EncoderModel: expected characters (${B}, ${T}, W), got [${characters.shape.join(', ')}]`);
    }
    return x.add(this.characters.forward(characters));
  }

  private embedInputs(inputs: Tensor): Tensor {
    if (this.embedding !== null) {
      expectIds('EncoderModel', inputs, this.maxLength);
      return embed(inputs, this.embedding);
    }
    const projection = this.projection!;
    if (inputs.rank !== 3 || inputs.dtype !== 'float32') {
      throw new ShapeError(
        `EncoderModel: expected float32 (B, T, ${projection.inputs}), got ${inputs.dtype} [${inputs.shape.join(', ')}]`,
      );
    }
    expectLength('EncoderModel', inputs.shape[1], this.maxLength);
    return projection.forward(inputs);
  }

  /** (B, T), or undefined where all inputs are there. */
  private presentIn(inputs: Tensor, present: Tensor | undefined): Tensor | undefined {
    const [B, T] = inputs.shape;
    if (present !== undefined && (present.dtype !== 'bool' || `${present.shape}` !== `${[B, T]}`)) {
      throw new ShapeError(
        `EncoderModel: expected present as bool [${B}, ${T}], got ${present.dtype} [${present.shape.join(', ')}]`,
      );
    }
    return present ?? (inputs.dtype === 'int32' ? inputs.notEqual(this.padId) : undefined);
  }
}

/** Over T inputs, and `first` tokens before them, which all may attend to and which may attend to all. */
function attentionMask(
  present: Tensor | undefined,
  mask: Tensor | Mask | undefined,
  [B, T]: readonly [B: number, T: number],
  first: number,
): Tensor | undefined {
  const inputs = present?.unsqueeze(1).unsqueeze(1); // (B, 1, 1, T)
  const keys = inputs === undefined ? undefined : pad(inputs, [0, 0, 0, first], [0, 0, 0, 0], 1);
  if (mask === undefined) return keys;
  const pairs = isTensor(mask) ? mask : mask.at(arange(T), arange(T)); // broadcastable to (B, H, T, T)
  const shape = [...Array<number>(Math.max(0, 4 - pairs.rank)).fill(1), ...pairs.shape];
  const fits = (size: number, all: number): boolean => size === 1 || size === all;
  if (pairs.dtype !== 'bool' || shape.length > 4 || ![B, shape[1], T, T].every((all, d) => fits(shape[d], all))) {
    throw new ShapeError(
      `EncoderModel: expected a bool mask that broadcasts to (B, H, T, T) of [${B}, H, ${T}, ${T}], got ${pairs.dtype} [${pairs.shape.join(', ')}]`,
    );
  }
  const square = pairs.reshape(shape).expand([shape[0], shape[1], T, T]);
  const padded = pad(square, [0, 0, first, first], [0, 0, 0, 0], 1);
  return keys === undefined ? padded : padded.and(keys);
}
