import {
  concat,
  Parameter,
  type RecurrenceOptions,
  select,
  type Shape,
  ShapeError,
  stack,
  type Tensor,
  zeros,
} from '@qkv/tensor';

import { expectLastDimension, expectSize } from './check';
import { Dropout } from './dropout';
import { uniform } from './initializers';
import { Module } from './module';
import { tap } from './tap';
import { place } from './tree';

export interface RecurrentOptions {
  /** Size of the last dimension of x. */
  readonly inputs: number;
  /** H, the size of a state. */
  readonly hidden: number;
  /** How many stand upon each other, each reading the outputs of the one below; 1, as torch's. */
  readonly layers?: number;
  /** Whether a second recurrence runs from the end to the start in each layer; false, since it cannot generate. */
  readonly bidirectional?: boolean;
  /** Rate on the outputs of every layer but the last (Zaremba et al. 2014); 0, as torch's. */
  readonly dropout?: number;
  /** Whether both biases are there; true, as torch's. */
  readonly bias?: boolean;
}

/** (layers · directions, B, H) each, in torch's order: layer by layer, forwards before backwards. */
export type RecurrentState<K extends string> = Readonly<Record<K, Tensor>>;

export interface RecurrentInputs<K extends string> {
  /** Where to start; zeros by default. */
  readonly state?: RecurrentState<K>;
  /**
   * bool (B, T), true for tokens: elsewhere the state stays as it is and the output is 0. So each row ends with its last
   * token, and runs backwards from there, as torch's packed sequences do.
   */
  readonly mask?: Tensor;
}

export interface RecurrentOutput<K extends string> {
  /** Of the last layer: (B, T, directions · H), forwards before backwards. Tapped as `hidden`, for `capture`. */
  readonly output: Tensor;
  /** After the last token of each row; for what runs backwards, after the first. */
  readonly state: RecurrentState<K>;
}

/** What makes a recurrent layer an LSTM or a GRU. */
export interface RecurrentKind<K extends string> {
  readonly name: string;
  readonly gates: number;
  readonly states: readonly K[];
  /** From W_ih x + b_ih (B, T, gates · H), W_hh, b_hh and the first states (B, H): the states after each step (B, T, H). */
  scan(
    projected: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    states: readonly Tensor[],
    options: RecurrenceOptions,
  ): readonly Tensor[];
}

/** The weights of one layer in one direction: those of the gates lie one below another, in torch's order. */
export class RecurrentWeights extends Module {
  readonly inputWeight: Parameter;
  readonly stateWeight: Parameter;
  readonly inputBias: Parameter | null;
  readonly stateBias: Parameter | null;

  constructor(inputs: number, hidden: number, gates: number, bias: boolean) {
    super();
    const bound = 1 / Math.sqrt(hidden); // torch's choice for recurrent layers, whatever the number of inputs
    const parameter = (shape: Shape): Parameter =>
      new Parameter({ shape, initialize: () => uniform(-bound, bound)(shape) });
    this.inputWeight = parameter([gates * hidden, inputs]);
    this.stateWeight = parameter([gates * hidden, hidden]);
    this.inputBias = bias ? parameter([gates * hidden]) : null;
    this.stateBias = bias ? parameter([gates * hidden]) : null;
  }

  override forward<K extends string>(
    x: Tensor,
    kind: RecurrentKind<K>,
    states: readonly Tensor[],
    options: RecurrenceOptions,
  ): readonly Tensor[] {
    const product: Tensor = x.matmul(this.inputWeight.value.transpose()); // (B, T, gates · H): all times at once
    const projected = this.inputBias === null ? product : product.add(this.inputBias);
    return kind.scan(projected, this.stateWeight.value, this.stateBias?.value ?? null, states, options);
  }
}

/** What LSTM and GRU have in common: layers, directions, masks, states. */
export abstract class Recurrent<K extends string> extends Module {
  readonly inputs: number;
  readonly hidden: number;
  readonly bidirectional: boolean;
  /** One for each layer; those that run backwards are in `backwardLayers`, which is empty where nothing does. */
  readonly forwardLayers: readonly RecurrentWeights[];
  readonly backwardLayers: readonly RecurrentWeights[];
  readonly dropout: Dropout;
  readonly #kind: RecurrentKind<K>;

  protected constructor(kind: RecurrentKind<K>, options: RecurrentOptions) {
    super();
    const { inputs, hidden, layers = 1, bidirectional = false, dropout = 0, bias = true } = options;
    expectSize(kind.name, 'inputs', inputs);
    expectSize(kind.name, 'hidden', hidden);
    expectSize(kind.name, 'layers', layers);
    const directions = bidirectional ? 2 : 1;
    const stackOf = (count: number): RecurrentWeights[] =>
      Array.from(
        { length: count },
        (_, i) => new RecurrentWeights(i === 0 ? inputs : directions * hidden, hidden, kind.gates, bias),
      );
    this.inputs = inputs;
    this.hidden = hidden;
    this.bidirectional = bidirectional;
    this.forwardLayers = stackOf(layers);
    this.backwardLayers = stackOf(bidirectional ? layers : 0);
    this.dropout = new Dropout({ rate: dropout });
    this.#kind = kind;
  }

  /** x (B, T, inputs) → output (B, T, directions · H) and the last states. */
  override forward(x: Tensor, { state, mask }: RecurrentInputs<K> = {}): RecurrentOutput<K> {
    const { states: names } = this.#kind;
    const first = this.#checked(x, state, mask);
    const last = names.map((): Tensor[] => []);
    let output = x;
    this.forwardLayers.forEach((forwards, layer) => {
      if (layer > 0) output = this.dropout.forward(output);
      const directions = this.bidirectional ? [forwards, this.backwardLayers[layer]] : [forwards];
      const outputs = directions.map((weights, direction) => {
        const reverse = direction === 1;
        const index = layer * directions.length + direction;
        const start = names.map((name) => first[name].slice([index], [1]).squeeze(0)); // (B, H)
        const states = weights.forward(output, this.#kind, start, { mask, reverse }); // (B, T, H)
        states.forEach((each, i) => {
          last[i].push(each.slice([0, reverse ? 0 : x.shape[1] - 1], [x.shape[0], 1]).squeeze(1));
        });
        return states[0];
      });
      const joined = outputs.length === 1 ? outputs[0] : concat(outputs, -1);
      output = mask === undefined ? joined : select(mask.unsqueeze(-1), joined, 0);
    });
    return { output: tap('hidden', output), state: this.#stateOf((_, i) => stack(last[i])) };
  }

  /** One token further, for decoding: x (B, inputs) and a state → output (B, H) and the next state. */
  step(x: Tensor, state: RecurrentState<K>): RecurrentOutput<K> {
    return this.scope(() => {
      if (this.bidirectional) {
        throw new RangeError(
          `${this.#kind.name}: a bidirectional one cannot step, because it reads from the end too${place()}`,
        );
      }
      if (x.rank !== 2) {
        throw new ShapeError(
          `${this.#kind.name}: expected one token a row, (B, ${this.inputs}), got [${x.shape.join(', ')}]${place()}`,
        );
      }
      const { output, state: next } = this.forward(x.unsqueeze(1), { state });
      return { output: output.squeeze(1), state: next };
    });
  }

  /** Zeros: where `forward` starts, and the shapes that a cache of states needs. */
  initialState(batch: number): RecurrentState<K> {
    const count = this.forwardLayers.length + this.backwardLayers.length;
    return this.#stateOf(() => zeros([count, batch, this.hidden]));
  }

  #stateOf(make: (name: K, index: number) => Tensor): RecurrentState<K> {
    return Object.fromEntries(this.#kind.states.map((name, i) => [name, make(name, i)])) as RecurrentState<K>;
  }

  #checked(x: Tensor, state: RecurrentState<K> | undefined, mask: Tensor | undefined): RecurrentState<K> {
    const { name } = this.#kind;
    const text = (shape: Shape): string => `[${shape.join(', ')}]`;
    expectLastDimension(name, x, this.inputs);
    if (x.rank !== 3 || x.shape[1] === 0) {
      throw new ShapeError(`${name}: expected (B, T, ${this.inputs}) with T ≥ 1, got ${text(x.shape)}${place()}`);
    }
    const [B, T] = x.shape;
    if (mask !== undefined && (mask.dtype !== 'bool' || `${mask.shape}` !== `${[B, T]}`)) {
      throw new ShapeError(
        `${name}: expected a mask bool [${B}, ${T}], true for tokens, got ${mask.dtype} ${text(mask.shape)}${place()}`,
      );
    }
    const start = this.initialState(B);
    if (state === undefined) return start;
    for (const part of this.#kind.states) {
      if (`${state[part]?.shape}` !== `${start[part].shape}`) {
        throw new ShapeError(
          `${name}: expected the state '${part}' (layers · directions, B, H) as ${text(start[part].shape)}, got ${state[part] === undefined ? 'none' : text(state[part].shape)}${place()}`,
        );
      }
    }
    return state;
  }
}
