import type { Parameter, Tensor } from '@qkv/tensor';

import { Optimizer, type OptimizerOptions, requireRange, type UpdateContext } from './optimizer';
import type { TorchRules } from './torch-layout';

export interface SGDOptions extends OptimizerOptions {
  /** μ; 0 by default, and then there is no state. */
  readonly momentum?: number;
  /** Looks ahead along the momentum (Nesterov 1983, as in Sutskever et al. 2013). */
  readonly nesterov?: boolean;
  /** λ, added to the gradient as λw; 0 by default, as in torch. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent, as torch's: b ← μb + g; w ← w − rate · b, or with Nesterov w ← w − rate · (g + μb). */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  protected readonly kinds: readonly string[];

  constructor(parameters: readonly Parameter[], options: SGDOptions) {
    super('SGD', parameters, options);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    requireRange('SGD', 'momentum', momentum, (x) => x >= 0 && x < 1, 'in [0, 1)');
    requireRange('SGD', 'weightDecay', weightDecay, (x) => x >= 0, 'non-negative');
    if (nesterov && momentum === 0) throw new RangeError('SGD: nesterov needs a momentum');
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.weightDecay = weightDecay;
    this.kinds = momentum === 0 ? [] : ['momentum'];
  }

  override get torch(): TorchRules {
    const { momentum, nesterov, weightDecay } = this;
    return {
      fields: momentum === 0 ? {} : { momentum_buffer: 'momentum' },
      counts: false,
      weightDecay,
      options: { momentum, dampening: 0, nesterov, maximize: false },
    };
  }

  protected override update(gradients: readonly Tensor[], { learningRate, gradientScale }: UpdateContext): void {
    const { momentum } = this;
    this.parameters.forEach((parameter, i) => {
      const w = parameter.value;
      let g: Tensor = gradients[i].mul(gradientScale);
      if (this.weightDecay !== 0 && this.decays(parameter)) g = g.add(w.mul(this.weightDecay));
      if (momentum !== 0) {
        const buffer = this.state('momentum')[i];
        const b: Tensor = buffer.value.mul(momentum).add(g);
        buffer.assign(b);
        g = this.nesterov ? g.add(b.mul(momentum)) : b;
      }
      parameter.assign(w.sub(g.mul(learningRate)));
    });
  }
}
