import { internals, type Parameter, reciprocal, run, select, type Tensor, Variable, zeros } from '@qkv/tensor';

import { requireRange } from './optimizer';
import { ParameterState } from './parameter-state';

export interface ExponentialMovingAverageOptions {
  /** δ, in [0, 1): how much of the old average is kept; 0.999, which averages over about the last 1000 updates. */
  readonly decay?: number;
  /** Use min(δ, (1 + t)/(10 + t)) at update t instead, so that a short run is not ruled by its first weights; false by default, as in torch. */
  readonly warmup?: boolean;
}

/**
 * A running average of the weights: a ← w at the first update, then a ← a + (1 − δₜ)(w − a), which is δₜa + (1 − δₜ)w.
 * δₜ is `decay`, or with `warmup` min(decay, (1 + t)/(10 + t)), where t is the count of updates before this one. As torch's
 * `AveragedModel` with such an `avg_fn`; the warm-up is that of TensorFlow's `ExponentialMovingAverage`.
 *
 * Averages are float32 Variables of the parameters' shapes. Source: Polyak & Juditsky 1992; Tarvainen & Valpola 2017.
 */
export class ExponentialMovingAverage {
  readonly parameters: readonly Parameter[];
  readonly decay: number;
  readonly warmup: boolean;
  /** Updates made, int32 scalar. */
  readonly updates: Variable;
  readonly #state: ParameterState;
  #swapped = false;

  /** Throws a RangeError if there are no parameters, if two have one name, and for a decay outside of [0, 1). */
  constructor(parameters: readonly Parameter[], options: ExponentialMovingAverageOptions = {}) {
    const { decay = 0.999, warmup = false } = options;
    this.#state = new ParameterState(NAME, 'average', parameters);
    requireRange(NAME, 'decay', decay, (x) => x >= 0 && x < 1, 'in [0, 1)');
    this.parameters = this.#state.parameters;
    this.decay = decay;
    this.warmup = warmup;
    const initialize = (): Tensor => zeros([], 'int32');
    this.updates = new Variable({ shape: [], dtype: 'int32', initialize, name: 'average.updates' });
  }

  /** Whether the parameters hold the averages now: see {@link swap}. */
  get swapped(): boolean {
    return this.#swapped;
  }

  /**
   * Takes the weights of this step into the average: inside of the compiled training step, after `optimizer.apply`.
   * Throws while swapped, for it would average averages; a step that is `frozen` is not traced, and cannot see it.
   */
  update(): void {
    this.#refuseSwapped('update');
    const before = this.updates.value;
    this.updates.assign(before.add(1));
    const count = before.cast('float32');
    const share = 1 - this.decay;
    // 1 − (1 + t)/(10 + t), without the difference; and the form a + s(w − a) rather than δa + (1 − δ)w: rounded to float32,
    // δ and 1 − δ do not add up to 1, and the average of weights that stand still would drift away from them.
    const weight = this.warmup ? reciprocal(count.add(10)).mul(9).maximum(share) : share;
    const first = before.equal(0);
    const averages = this.#averages();
    this.parameters.forEach((parameter, i) => {
      const old = averages[i].value;
      const mixed = old.add(parameter.value.sub(old).mul(weight));
      averages[i].assign(select(first, parameter, mixed));
    });
  }

  /**
   * Exchanges parameters and averages on the device, bit by bit; once more gives the old state back. Between two steps,
   * for evaluation. Until swapped back, `update`, `namedVariables` and `release` throw.
   */
  swap(): Promise<void> {
    if (internals.state.trace !== null) {
      throw new Error(`${NAME}.swap: call it between runs, not inside run(fn) or compile(fn)`);
    }
    const averages = this.#averages();
    const engine = [...this.parameters, ...averages].find((variable) => variable.engine !== null)?.engine ?? undefined;
    const done = run(
      () => {
        this.parameters.forEach((parameter, i) => {
          const weights = parameter.value;
          parameter.assign(averages[i].value);
          averages[i].assign(weights);
        });
      },
      { engine },
    );
    // At once: what is traced from here on runs behind the exchange.
    this.#swapped = !this.#swapped;
    return done.catch((error: unknown) => {
      this.#swapped = !this.#swapped;
      throw error;
    });
  }

  /** What a checkpoint must keep, by name: `updates`, and `weights.<parameter>`. Throws while swapped. */
  namedVariables(): Map<string, Variable> {
    this.#refuseSwapped('namedVariables');
    return this.#state.named({ updates: this.updates }, [this.#averages()]);
  }

  variables(): Variable[] {
    return [...this.namedVariables().values()];
  }

  /** Gives the memory back; the next update starts a new average. Users need not call it. Throws while swapped. */
  release(): void {
    this.#refuseSwapped('release');
    this.updates.release();
    this.#state.release();
  }

  /** Before the first update they are the weights, so that a swap then changes nothing. */
  #averages(): readonly Variable[] {
    return this.#state.of('weights', (parameter) => parameter.value);
  }

  #refuseSwapped(method: string): void {
    if (!this.#swapped) return;
    throw new Error(
      `${NAME}.${method}: the parameters hold the averages; await swap() first, to have the weights back`,
    );
  }
}

const NAME = 'ExponentialMovingAverage';
