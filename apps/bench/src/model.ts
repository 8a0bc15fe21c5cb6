import { Encoder } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { crossEntropy, Linear, Module } from '@qkv/nn';
import { Adam } from '@qkv/optim';
import { compile, type Compiled, type Engine, type Tensor, tensor } from '@qkv/tensor';

import { inputs, WORKLOAD } from './workload.mjs';

const { B, T, D, H, F, layers, classes, learningRate, beta1, beta2, adamEpsilon } = WORKLOAD;

class Classifier extends Module {
  readonly encoder = new Encoder({
    dimension: D,
    heads: H,
    feedForward: F,
    layers,
    activation: 'gelu',
    normalization: 'pre',
    dropout: 0,
  });
  readonly head = new Linear({ inputs: D, outputs: classes });

  override forward(x: Tensor): Tensor {
    const pooled: Tensor = this.encoder.forward(x).mean(1); // (B, D)
    return this.head.forward(pooled); // (B, classes)
  }
}

export type TrainingStep = Compiled<[Tensor, Tensor], Tensor>;

/** The workload as a user writes it. Both steps train the same weights: re-traced on every call, and frozen. */
export function createTrainingSteps(engine: Engine): {
  retraced: TrainingStep;
  frozen: TrainingStep;
  batch: [Tensor, Tensor];
} {
  const model = new Classifier();
  const parameters = model.parameters();
  const optimizer = new Adam(parameters, { learningRate, betas: [beta1, beta2], epsilon: adamEpsilon });
  const step = (x: Tensor, labels: Tensor): Tensor => {
    const loss = crossEntropy(model.forward(x), labels).mean();
    optimizer.apply(grad(loss, parameters));
    return loss;
  };
  const { x, labels } = inputs();
  return {
    retraced: compile(step, { mode: 'train', seed: 1, engine }),
    frozen: compile(step, { mode: 'train', seed: 1, engine, frozen: true }),
    batch: [tensor(x, [B, T, D]), tensor(labels, [B], 'int32')],
  };
}
