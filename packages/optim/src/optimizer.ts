import { full, isTraining, type Parameter, type Tensor, Variable, zeros } from '@qkv/tensor';

import { clipFactor, globalNorm } from './clip';
import { ParameterState } from './parameter-state';
import type { Schedule } from './schedules';
import type { TorchRules } from './torch-layout';

export interface OptimizerOptions {
  /** A number, or a function of the step. */
  readonly learningRate: number | Schedule;
  /** Largest norm of all gradients together; not clipped by default. */
  readonly clipNorm?: number;
  /** Which parameters decay; all by default, as in torch. Often: `(p) => p.shape.length > 1`. */
  readonly decayFilter?: (parameter: Parameter) => boolean;
}

/** Scalars of one update, to be returned from the training step and logged. */
export interface UpdateReport {
  /** Before clipping. */
  readonly gradientNorm: Tensor;
  readonly learningRate: Tensor;
}

/** What all parameters share in one update: scalars. */
export interface UpdateContext {
  /** 1 at the first update. */
  readonly step: Tensor;
  readonly learningRate: Tensor;
  /** Factor of every gradient. */
  readonly gradientScale: Tensor;
}

/** What optimisers have in common: the parameters, the count of updates, the learning rate and clipping. */
export abstract class Optimizer {
  readonly parameters: readonly Parameter[];
  /** Updates made, int32 scalar. */
  readonly step: Variable;
  /** May be changed between steps; a changed number makes another plan, a schedule does not. */
  learningRate: number | Schedule;
  readonly clipNorm: number | undefined;
  /** Which parameters decay. */
  readonly decays: (parameter: Parameter) => boolean;
  readonly #state: ParameterState;

  constructor(
    readonly name: string,
    parameters: readonly Parameter[],
    { learningRate, clipNorm, decayFilter = () => true }: OptimizerOptions,
  ) {
    this.#state = new ParameterState(name, 'optimizer', parameters);
    requireRange(name, 'clipNorm', clipNorm ?? 1, (x) => x > 0, 'positive');
    this.parameters = this.#state.parameters;
    this.learningRate = learningRate;
    this.clipNorm = clipNorm;
    this.decays = decayFilter;
    this.step = new Variable({
      shape: [],
      dtype: 'int32',
      initialize: () => zeros([], 'int32'),
      name: 'optimizer.step',
    });
  }

  /** Kinds of state that each parameter has, such as the two moments of Adam. */
  protected abstract readonly kinds: readonly string[];

  /** How torch calls what it keeps; null if torch has no such optimiser. */
  get torch(): TorchRules | null {
    return null;
  }

  /** Assigns the next value of every parameter, and of its state. */
  protected abstract update(gradients: readonly Tensor[], context: UpdateContext): void;

  /** Makes one update, inside `compile(fn, { mode: 'train' })`. Gradients stand in the order of the parameters. */
  apply(gradients: readonly Tensor[]): UpdateReport {
    const { name, clipNorm } = this;
    if (!isTraining()) {
      throw new Error(`${name}.apply: weights change only while training; compile the step with { mode: 'train' }`);
    }
    this.#state.check(`${name}.apply`, gradients);
    const count = this.step.value.add(1);
    this.step.assign(count);
    const step = count.cast('float32');
    const learningRate = typeof this.learningRate === 'number' ? full([], this.learningRate) : this.learningRate(step);
    const gradientNorm = globalNorm(gradients);
    const gradientScale = clipNorm === undefined ? full([], 1) : clipFactor(gradientNorm, clipNorm);
    this.update(gradients, { step, learningRate, gradientScale });
    return { gradientNorm, learningRate };
  }

  /** Everything that a checkpoint must keep, by name: `step`, and `<kind>.<parameter>`. */
  namedVariables(): Map<string, Variable> {
    const kinds = this.kinds.map((kind) => this.state(kind));
    return this.#state.named({ step: this.step }, kinds);
  }

  variables(): Variable[] {
    return [...this.namedVariables().values()];
  }

  /** Gives the memory of the state back; the next step starts from step 0 and moments of 0. Users need not call it. */
  release(): void {
    this.step.release();
    this.#state.release();
  }

  protected state(kind: string): readonly Variable[] {
    return this.#state.of(kind);
  }
}

export function requireRange(
  name: string,
  option: string,
  value: number,
  holds: (x: number) => boolean,
  what: string,
): void {
  if (!holds(value)) throw new RangeError(`${name}: ${option} must be ${what}, got ${value}`);
}
