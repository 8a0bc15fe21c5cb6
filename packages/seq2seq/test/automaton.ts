import {
  arange,
  constant,
  createReferenceBackend,
  Engine,
  tensor,
  type Tensor,
  Variable,
  withPath,
  zeros,
} from '@qkv/tensor';

import { type AutoregressiveModel, type DecodingCache, repeatRows } from '../src/index';

/** Everything in doubles, so that results can be compared with plain arithmetic to 1e−10. */
export const float64 = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

/** Pseudo-random numbers for tests: a linear congruential generator. */
export function generator(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) + 0x85ebca6b) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
}

const STATES = 40;

class AutomatonCache implements DecodingCache {
  readonly position = new Variable({
    shape: [],
    dtype: 'int32',
    initialize: () => zeros([], 'int32'),
    name: 'position',
  });
  readonly state: Variable;

  constructor(
    readonly rows: number,
    readonly length: number,
  ) {
    this.state = new Variable({
      shape: [rows],
      dtype: 'int32',
      initialize: () => zeros([rows], 'int32'),
      name: 'state',
    });
  }

  variables(): Variable[] {
    return [this.position, this.state];
  }

  reorder(parents: Tensor): void {
    this.state.assign(this.state.value.gather(parents));
  }

  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}

/** A model whose next logits depend on the source and on all tokens before: a random automaton with a row of logits for each state. */
export class Automaton implements AutoregressiveModel<AutomatonCache> {
  readonly padId = 0;
  readonly maxLength = 100;
  readonly logits: Float64Array;
  readonly transitions: Int32Array;

  constructor(
    readonly targetVocabulary: number,
    seed: number,
    spread = 4,
  ) {
    const random = generator(seed);
    this.logits = Float64Array.from({ length: STATES * targetVocabulary }, () =>
      Math.fround((random() - 0.5) * spread),
    );
    this.transitions = Int32Array.from({ length: STATES * targetVocabulary }, () => Math.floor(random() * STATES));
  }

  createCache(rows: number, length: number): AutomatonCache {
    return new AutomatonCache(rows, length);
  }

  start(source: Tensor, cache: AutomatonCache): void {
    const [B] = source.shape;
    cache.state.assign(repeatRows(source.slice([0, 0], [B, 1]).reshape([B]), cache.rows));
    cache.position.assign(zeros([], 'int32'));
  }

  next(ids: Tensor, cache: AutomatonCache): Tensor {
    const V = this.targetVocabulary;
    // Past the end the run fails.
    const position = withPath('Automaton: position', () => arange(cache.length).gather(cache.position.value));
    cache.position.assign(position.add(1));
    const cells = cache.state.value.mul(V).add(ids);
    cache.state.assign(constant(this.transitions, [STATES * V]).gather(cells));
    return constant(this.logits, [STATES, V]).gather(cache.state.value);
  }

  /** State after these tokens, START included, of a source that begins with this id. */
  stateAfter(first: number, tokens: readonly number[]): number {
    return tokens.reduce((state, token) => this.transitions[state * this.targetVocabulary + token], first);
  }

  logitsOf(state: number): number[] {
    return [...this.logits.subarray(state * this.targetVocabulary, (state + 1) * this.targetVocabulary)];
  }

  /** The model as a function of the tokens before: what naive references use. */
  logitsAfter(first: number, tokens: readonly number[]): number[] {
    return this.logitsOf(this.stateAfter(first, tokens));
  }
}

export function logSoftmaxOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, x) => sum + Math.exp(x - largest), 0);
  return logits.map((x) => x - largest - Math.log(total));
}

export const idsTensor = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(Int32Array.from(rows.flat()), [rows.length, rows[0].length]);
