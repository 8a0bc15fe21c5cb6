import { Conv1d, Embedding, expectSize, Linear, Module } from '@qkv/nn';
import { concat, pad, select, ShapeError, type Tensor } from '@qkv/tensor';

export interface CharacterEncoderOptions {
  /** Number of characters, C. */
  readonly vocabulary: number;
  /** D, of a word. */
  readonly outputs: number;
  /** Size of a character's embedding; 15, as in the paper. */
  readonly dimension?: number;
  /** Numbers of characters that filters see; 1 … 6, as in the paper's small model. */
  readonly widths?: readonly number[];
  /** A filter of width w has this number times w features; 25, as in the paper's small model. */
  readonly filters?: number;
  /** Id of padding; 0. */
  readonly padId?: number;
}

/**
 * Words from their characters (Kim et al. 2016, section 2.2, without the highway layer): for each width w the largest value
 * of tanh(Conv1d_w(E[characters])) over the word, side by side, and a linear layer. Filters begin at each character and see
 * zeros after the last, so that more padding changes nothing; a word of padding alone has zeros for features.
 *
 * character ids int32 (B, T, W) → (B, T, D).
 */
export class CharacterEncoder extends Module {
  readonly embedding: Embedding;
  readonly convolutions: readonly Conv1d[];
  readonly output: Linear;
  readonly padId: number;

  constructor(options: CharacterEncoderOptions) {
    super();
    const { vocabulary, outputs, dimension = 15, widths = [1, 2, 3, 4, 5, 6], filters = 25, padId = 0 } = options;
    expectSize('CharacterEncoder', 'filters', filters);
    expectSize('CharacterEncoder', 'number of widths', widths.length);
    this.embedding = new Embedding({ vocabulary, dimension });
    this.convolutions = widths.map((kernel) => new Conv1d({ inputs: dimension, outputs: filters * kernel, kernel }));
    this.output = new Linear({ inputs: widths.reduce((sum, width) => sum + filters * width, 0), outputs });
    this.padId = padId;
  }

  override forward(characters: Tensor): Tensor {
    if (characters.rank !== 3 || characters.dtype !== 'int32') {
      throw new ShapeError(
        `CharacterEncoder: expected ids (B, T, W), got ${characters.dtype} [${characters.shape.join(', ')}]`,
      );
    }
    const [B, T, W] = characters.shape;
    const ids = characters.reshape([B * T, W]);
    const present = ids.notEqual(this.padId).unsqueeze(-1); // (B·T, W, 1)
    const x = select(present, this.embedding.forward(ids), 0); // (B·T, W, C)
    const features = this.convolutions.map((convolution) => {
      const after = convolution.weight.shape[2] - 1;
      const y = convolution.forward(pad(x, [0, 0, 0], [0, after, 0])).tanh(); // (B·T, W, F)
      const most = select(present, y, -1).max(1); // (B·T, F); −1 is below any tanh
      return select(present.max(1), most, 0);
    });
    return this.output.forward(concat(features, -1)).reshape([B, T, this.output.outputs]); // (B, T, D)
  }
}
