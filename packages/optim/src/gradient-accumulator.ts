import { type Parameter, select, type Tensor, type TensorLike, Variable, zeros } from '@qkv/tensor';

import { ParameterState } from './parameter-state';

/**
 * Adds up the gradients of micro-batches, so that several small ones give the gradient of one large batch:
 * ∇ = Σᵢ ∇(sumᵢ) / Σᵢ weightᵢ, divided once, where sumᵢ and weightᵢ are those of the losses (`Loss` of @qkv/nn).
 * A mean of the means would give the tokens of short micro-batches too much weight.
 *
 * Sums are float32 Variables of the parameters' shapes. All methods that make nodes run inside `compile` or `run`; the
 * micro-batches and the update may be parts of one compiled step, or of several.
 */
export class GradientAccumulator {
  readonly parameters: readonly Parameter[];
  /** Total weight since the last `take`, scalar. */
  readonly weight: Variable;
  readonly #state: ParameterState;

  /** Throws a RangeError if there are no parameters, or if two have one name. */
  constructor(parameters: readonly Parameter[]) {
    this.#state = new ParameterState('GradientAccumulator', 'accumulator', parameters);
    this.parameters = this.#state.parameters;
    this.weight = new Variable({ shape: [], initialize: () => zeros([]), name: 'accumulator.weight' });
  }

  /** Adds `grad(loss.sum, parameters)` and `loss.weight`, a scalar. Throws if gradients are missing or left over. */
  add(gradients: readonly Tensor[], weight: TensorLike): void {
    this.#state.check('GradientAccumulator.add', gradients);
    this.#sums().forEach((sum, i) => sum.assign(sum.value.add(gradients[i])));
    this.weight.assign(this.weight.value.add(weight));
  }

  /** The mean gradients, for `optimizer.apply`, and starts again from 0. Where nothing had weight they are 0. */
  take(): Tensor[] {
    const weight: Tensor = this.weight.value;
    const divisor = select(weight.equal(0), 1, weight);
    const gradients = this.#sums().map((sum): Tensor => sum.value.div(divisor));
    for (const variable of [this.weight, ...this.#sums()]) variable.assign(zeros(variable.shape));
    return gradients;
  }

  /** What a checkpoint must keep between `add` and `take`, by name: `weight`, and `sum.<parameter>`. */
  namedVariables(): Map<string, Variable> {
    return this.#state.named({ weight: this.weight }, [this.#sums()]);
  }

  variables(): Variable[] {
    return [...this.namedVariables().values()];
  }

  /** Gives the memory back; the next `add` starts from 0. Users need not call it. */
  release(): void {
    this.weight.release();
    this.#state.release();
  }

  #sums(): readonly Variable[] {
    return this.#state.of('sum');
  }
}
