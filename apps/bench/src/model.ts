import { Encoder } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { crossEntropy, Linear, Module, normal } from '@qkv/nn';
import { Adam } from '@qkv/optim';
import { compile, type Compiled, concat, type Engine, Parameter, type Tensor, tensor } from '@qkv/tensor';

import { inputs, type Model } from './workload.mjs';

const parameter = (...shape: number[]): Parameter =>
  new Parameter({ shape, initialize: () => normal({ deviation: 0.02 })(shape) });

/** Patches (B, P, C) → positions (B, 1 + P, D): embedded, behind a class token, with learned positions. */
class Patches extends Module {
  readonly embedding: Linear;
  readonly classToken: Parameter;
  readonly positions: Parameter;

  constructor({ patch, T, D }: Model) {
    super();
    this.embedding = new Linear({ inputs: patch, outputs: D });
    this.classToken = parameter(1, 1, D);
    this.positions = parameter(1, T, D);
  }

  override forward(x: Tensor): Tensor {
    const embedded = this.embedding.forward(x); // (B, P, D)
    const [B, , D] = embedded.shape;
    const first = this.classToken.value.expand([B, 1, D]);
    return concat([first, embedded], 1).add(this.positions.value); // (B, T, D)
  }
}

class Classifier extends Module {
  readonly patches: Patches | null;
  readonly encoder: Encoder;
  readonly head: Linear;

  constructor(model: Model) {
    super();
    const { D, H, F, layers, classes, patch } = model;
    this.patches = patch > 0 ? new Patches(model) : null;
    this.encoder = new Encoder({
      dimension: D,
      heads: H,
      feedForward: F,
      layers,
      activation: 'gelu',
      normalization: 'pre',
      dropout: 0,
    });
    this.head = new Linear({ inputs: D, outputs: classes });
  }

  override forward(x: Tensor): Tensor {
    const y = this.encoder.forward(this.patches === null ? x : this.patches.forward(x)); // (B, T, D)
    const pooled: Tensor =
      this.patches === null ? y.mean(1) : y.slice([0, 0, 0], [y.shape[0], 1, y.shape[2]]).squeeze(1);
    return this.head.forward(pooled); // (B, classes)
  }
}

export type TrainingStep = Compiled<[Tensor, Tensor], Tensor>;

/** The workload as a user writes it. Both steps train the same weights: re-traced on every call, and frozen. */
export function createTrainingSteps(
  engine: Engine,
  sizes: Model,
): { retraced: TrainingStep; frozen: TrainingStep; batch: [Tensor, Tensor]; parameters: number } {
  const { learningRate, beta1, beta2, adamEpsilon, B } = sizes;
  const model = new Classifier(sizes);
  const parameters = model.parameters();
  const optimizer = new Adam(parameters, { learningRate, betas: [beta1, beta2], epsilon: adamEpsilon });
  const step = (x: Tensor, labels: Tensor): Tensor => {
    const loss = crossEntropy(model.forward(x), labels).mean();
    optimizer.apply(grad(loss, parameters));
    return loss;
  };
  const { x, shape, labels } = inputs(sizes);
  return {
    retraced: compile(step, { mode: 'train', seed: 1, engine }),
    frozen: compile(step, { mode: 'train', seed: 1, engine, frozen: true }),
    batch: [tensor(x, shape), tensor(labels, [B], 'int32')],
    parameters: model.parameterCount(),
  };
}

/** The forward pass alone, frozen, as one who serves a model would have it: inputs → logits on the host. */
export function createForward(engine: Engine, sizes: Model): () => Promise<ArrayLike<number>> {
  const model = new Classifier(sizes);
  const forward = compile((x: Tensor) => model.forward(x), { engine, frozen: true });
  const { x, shape } = inputs(sizes);
  return async () => (await forward(tensor(x, shape))).data();
}
