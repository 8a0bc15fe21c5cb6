import { type CheckLastDimension, Parameter, type Shape, type Tensor, type WithLastDimension } from '@qkv/tensor';

import { expectLastDimension, expectSize } from './check';
import { type Initializer, uniform } from './initializers';
import { Module } from './module';

export interface LinearOptions<In extends number, Out extends number> {
  /** Size of the last dimension of x. */
  readonly inputs: In;
  /** Size of the last dimension of y. */
  readonly outputs: Out;
  /** Whether b is added; true, as nearly every model has it. */
  readonly bias?: boolean;
  /** First weights; U(−1/√inputs, 1/√inputs) by default, torch's choice for linear layers. */
  readonly weightInitializer?: Initializer;
  /** First biases; the same by default, for the same reason. */
  readonly biasInitializer?: Initializer;
}

/**
 * y = x Wᵀ + b.
 *
 * x (…, inputs) → y (…, outputs). `weight` is stored (outputs, inputs) and `bias` (outputs), as torch stores them.
 */
export class Linear<const In extends number = number, const Out extends number = number> extends Module {
  readonly inputs: In;
  readonly outputs: Out;
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(options: LinearOptions<In, Out>) {
    super();
    const { inputs, outputs, bias = true } = options;
    expectSize('Linear', 'inputs', inputs);
    expectSize('Linear', 'outputs', outputs);
    const bound = 1 / Math.sqrt(inputs);
    const { weightInitializer = uniform(-bound, bound), biasInitializer = uniform(-bound, bound) } = options;
    this.inputs = inputs;
    this.outputs = outputs;
    this.weight = new Parameter({
      shape: [outputs, inputs],
      initialize: () => weightInitializer([outputs, inputs]),
    });
    this.bias = bias ? new Parameter({ shape: [outputs], initialize: () => biasInitializer([outputs]) }) : null;
  }

  override forward<S extends Shape>(
    x: Tensor<S> & CheckLastDimension<S, In, 'Linear'>,
  ): Tensor<WithLastDimension<S, Out>> {
    const input: Tensor = x;
    expectLastDimension('Linear', input, this.inputs);
    const product: Tensor = input.matmul(this.weight.value.transpose()); // (…, outputs)
    return (this.bias === null ? product : product.add(this.bias)) as Tensor<WithLastDimension<S, Out>>;
  }
}
