import { adamW, type Parameter, type Tensor } from '@qkv/tensor';

import { biasCorrection } from './bias-correction';
import { Optimizer, type OptimizerOptions, requireRange, type UpdateContext } from './optimizer';
import type { TorchRules } from './torch-layout';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the two moments; 0.9 and 0.999, as in the paper. Transformers often take 0.98 for the second. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; 1e−8, as in the paper. */
  readonly epsilon?: number;
  /** Strength λ of weight decay: 0 for Adam, 0.01 for AdamW, both as in torch. */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma & Ba 2015): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − rate · m̂/(√v̂ + ε), where m̂ = m/(1−β₁ᵗ) and
 * v̂ = v/(1−β₂ᵗ). Weight decay, if any, is added to the gradient (L2).
 */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  protected readonly kinds = ['m', 'v'];
  protected readonly decoupled: boolean = false;

  constructor(parameters: readonly Parameter[], options: AdamOptions, name = 'Adam') {
    super(name, parameters, options);
    const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0 } = options;
    for (const beta of betas) requireRange(name, 'betas', beta, (x) => x >= 0 && x < 1, 'in [0, 1)');
    requireRange(name, 'epsilon', epsilon, (x) => x >= 0, 'non-negative');
    requireRange(name, 'weightDecay', weightDecay, (x) => x >= 0, 'non-negative');
    this.betas = betas;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
  }

  override get torch(): TorchRules {
    const { betas, epsilon, weightDecay } = this;
    return {
      fields: { exp_avg: 'm', exp_avg_sq: 'v' },
      counts: true,
      weightDecay,
      options: { betas: [...betas], eps: epsilon, amsgrad: false, maximize: false },
    };
  }

  protected override update(gradients: readonly Tensor[], context: UpdateContext): void {
    const [beta1, beta2] = this.betas;
    const [correction1, correction2] = this.betas.map((beta) => biasCorrection(beta, context.step));
    const [first, second] = this.kinds.map((kind) => this.state(kind));
    this.parameters.forEach((parameter, i) => {
      const next = adamW({
        parameter: parameter.value,
        gradient: gradients[i],
        m: first[i].value,
        v: second[i].value,
        rate: context.learningRate,
        correction1,
        correction2,
        gradientScale: context.gradientScale,
        beta1,
        beta2,
        epsilon: this.epsilon,
        weightDecay: this.decays(parameter) ? this.weightDecay : 0,
        decoupled: this.decoupled,
      });
      parameter.assign(next.parameter);
      first[i].assign(next.m);
      second[i].assign(next.v);
    });
  }
}

/** Adam whose weight decay acts on the weights, w ← w − rate · λ · w (Loshchilov & Hutter 2019), not on the gradient. */
export class AdamW extends Adam {
  protected override readonly decoupled = true;

  constructor(parameters: readonly Parameter[], options: AdamOptions) {
    super(parameters, { weightDecay: 0.01, ...options }, 'AdamW');
  }
}
