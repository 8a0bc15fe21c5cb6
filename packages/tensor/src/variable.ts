import type { Handle } from './backend';
import type { DType, HostData, Shape, TensorSpec } from './dtype';
import type { Engine } from './engine';
import { makeLeaf, type Value } from './graph';
import { elementCount, formatShape, sameShape } from './shape';
import { BRAND, type Brand, state, VARIABLE_BRAND } from './state';
import { checkUsable } from './trace';
import type { Tensor } from './types';

export interface VariableOptions {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Graph of the first value, built when it is first needed. Randomness: `randomUniform` and its like. */
  readonly initialize: () => Tensor;
  /** Path within its model; set by the module that owns it. */
  readonly name?: string;
  readonly trainable?: boolean;
}

/**
 * Named storage on the device. Only a description until first execution: counting parameters allocates nothing.
 * Inside `run` or `compile`, `value` is the latest value in this trace and `assign` makes the next; the last one stays.
 */
export class Variable implements TensorSpec {
  readonly [VARIABLE_BRAND]: Brand = BRAND;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly trainable: boolean;
  /** Path within its model, such as `encoder.layers.0.norm1.gain`; names the stream of its initial random numbers. */
  name: string;
  /** Tells Variables without a name apart: how many were made before in this process. */
  readonly ordinal = state.variables++;
  /** Seed of its initial value; see `initialize` in @qkv/nn. */
  seed = 0;
  /** Grows by one with each write, when the write is queued. */
  version = 0;
  readonly initializer: () => Tensor;
  /** Where it lives; set by the engine. */
  engine: Engine | null = null;
  handle: Handle | null = null;

  constructor(options: VariableOptions) {
    this.shape = [...options.shape];
    this.dtype = options.dtype ?? 'float32';
    this.name = options.name ?? '';
    this.trainable = options.trainable ?? false;
    this.initializer = options.initialize;
  }

  get size(): number {
    return elementCount(this.shape);
  }

  /** The value as a tensor. In a trace: the latest there. Outside: the one now; using it after a change throws. */
  get value(): Tensor {
    const trace = state.trace;
    const known = trace?.variables.get(this) ?? trace?.initialize?.(this);
    if (known !== undefined) return known as unknown as Tensor;
    const leaf = makeLeaf(this, { kind: 'variable', variable: this, version: this.version });
    trace?.variables.set(this, leaf);
    return leaf as unknown as Tensor;
  }

  /** The next value; committed when the traced function has run. Throws outside `run` and `compile`. */
  assign(value: Tensor): void {
    const trace = state.trace;
    if (trace === null) {
      throw new Error(`assign to '${this.name}' outside run(fn) or compile(fn): variables change only inside`);
    }
    if (!sameShape(value.shape, this.shape) || value.dtype !== this.dtype) {
      throw new TypeError(
        `assign to '${this.name}': expected ${this.dtype} ${formatShape(this.shape)}, got ${value.dtype} ${formatShape(value.shape)}`,
      );
    }
    checkUsable(value as unknown as Value, `assign to '${this.name}'`);
    trace.variables.set(this, value as unknown as Value);
    trace.assigned.add(this);
  }

  /** Reads the value back to the host. */
  data(): Promise<HostData> {
    return this.value.data();
  }

  /** Replaces the value by one that the host holds, such as a checkpoint's. Queued behind what runs already. */
  load(data: HostData | readonly number[]): Promise<void> {
    return loadAll([[this, data]]);
  }

  /** Gives the device memory back; the next use starts from the initialiser. Owners call this, users need not. */
  release(): void {
    if (state.trace !== null) throw new Error(`release '${this.name}' inside run(fn) or compile(fn): Variables change only by assign there`);
    this.engine?.releaseVariable(this);
  }
}

export type VariableEntries = readonly (readonly [Variable, HostData | readonly number[]])[];

let loadAll: (entries: VariableEntries) => Promise<void>;
/** Set by `execute.ts`, which knows the engines. */
export function setVariableLoader(load: typeof loadAll): void {
  loadAll = load;
}

/** A Variable that an optimiser may change. */
export class Parameter extends Variable {
  constructor(options: Omit<VariableOptions, 'trainable'>) {
    super({ ...options, trainable: true });
  }
}

export function isVariable(thing: unknown): thing is Variable {
  return typeof thing === 'object' && thing !== null && VARIABLE_BRAND in thing;
}
