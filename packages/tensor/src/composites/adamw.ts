import { defineComposite } from '../operation';
import { ShapeError } from '../shape-error';
import { formatShape, sameShape } from '../shape';
import type { Tensor } from '../types';

const adamWNode = defineComposite({
  name: 'adamW',
  version: 1,
  // p, g, m, v, rate, correction1, correction2, gradientScale → p, m, v
  infer: ([p, g, m, v, ...scalars]) => {
    for (const x of [g!, m!, v!]) {
      if (!sameShape(x.shape, p!.shape)) {
        throw new ShapeError(`adamW: expected ${formatShape(p!.shape)} for gradient and moments, got ${formatShape(x.shape)}`);
      }
    }
    if (scalars.some((s) => s.shape.length !== 0)) throw new ShapeError('adamW: rate, corrections and scale must be scalars');
    const spec = { shape: p!.shape, dtype: p!.dtype };
    return [spec, spec, spec];
  },
  decompose: ([p, gradient, m, v, rate, correction1, correction2, gradientScale], attributes) => {
    const { beta1, beta2, epsilon, weightDecay, decoupled } = attributes as Record<string, number>;
    let g: Tensor = gradient!.mul(gradientScale!);
    let weights: Tensor = p!;
    if (weightDecay !== 0) {
      if (decoupled) weights = weights.mul(rate!.mul(-weightDecay!).add(1));
      else g = g.add(weights.mul(weightDecay!));
    }
    const m1 = m!.mul(beta1!).add(g.mul(1 - beta1!));
    const v1 = v!.mul(beta2!).add(g.mul(g).mul(1 - beta2!));
    const step = m1.div(v1.sqrt().div(correction2!.sqrt()).add(epsilon!)).mul(rate!.div(correction1!));
    return [weights.sub(step), m1, v1];
  },
});

export interface AdamWStep {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** First and second moments. */
  readonly m: Tensor;
  readonly v: Tensor;
  /** Scalars: learning rate; 1−β₁ᵗ and 1−β₂ᵗ; factor of the gradient (clipping, loss scaling). */
  readonly rate: Tensor;
  readonly correction1: Tensor;
  readonly correction2: Tensor;
  readonly gradientScale: Tensor;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Decay applied to the weights (AdamW) instead of added to the gradient (Adam with L2). */
  readonly decoupled: boolean;
}

/** One step of Adam with weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019), in the order of torch's. */
export function adamW(step: AdamWStep): { parameter: Tensor; m: Tensor; v: Tensor } {
  const { beta1, beta2, epsilon, weightDecay, decoupled } = step;
  const inputs = [step.parameter, step.gradient, step.m, step.v, step.rate, step.correction1, step.correction2, step.gradientScale];
  const [parameter, m, v] = adamWNode(inputs, { beta1, beta2, epsilon, weightDecay, decoupled });
  return { parameter: parameter!, m: m!, v: v! };
}
