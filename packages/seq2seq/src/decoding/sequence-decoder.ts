import {
  compile,
  type Compiled,
  type Engine,
  full,
  type HostData,
  type Tensor,
  type Variable,
  zeros,
} from '@qkv/tensor';

import { type AutoregressiveModel, type DecodingCache, repeatRows } from './autoregressive-model';
import type { Hypothesis } from './hypothesis';
import { type ConstraintOptions, expectCount } from './logit-processors';
import { stateVariable } from './state-variable';
import { Turns } from './turns';

export interface DecoderOptions extends ConstraintOptions {
  /** Rows of a batch, B: always the same, filled up with rows of padding. */
  readonly rows: number;
  /** Length of the sources, S: always the same, filled up with padding. */
  readonly sourceLength: number;
  /** Most tokens that are generated, END included. */
  readonly maxLength: number;
  /**
   * Id of START, which every target begins with. Without it a source is a prompt, whose last id is put in first. It should
   * not be the model's padding: training with `forward` hides that in targets, decoding reads it.
   */
  readonly startId?: number;
  /** Id of END, after which nothing follows. */
  readonly endId: number;
  /** Where to compute; where the model is, or the default engine. */
  readonly engine?: Engine;
}

export interface DecodeCall {
  /** Ends the call early: it throws the signal's reason. Looked at between tokens, or passes. */
  readonly signal?: AbortSignal;
}

/** How the next tokens are chosen, which is what decoders differ in. Its state lives in Variables, its methods make graphs. */
export interface Search<Call extends DecodeCall = DecodeCall> {
  /** Sequences for each source, n. */
  readonly width: number;
  /** The token that each sequence puts in next, int32 (B·n). */
  readonly last: Variable;
  variables(): Variable[];
  /** What `begin` takes of a call. */
  inputs(call: Call): Tensor[];
  /** `silent`, bool (B): rows of padding, which have nothing to say. */
  begin(silent: Tensor, ...inputs: Tensor[]): void;
  /** Logits (B·n, V) after `length` tokens, an int32 scalar → whether all sequences are done, a bool scalar. */
  step(logits: Tensor, length: Tensor, cache: DecodingCache): Tensor;
  /** What the host needs. */
  state(): Tensor[];
  /** For each source its sequences, best first, from that. */
  hypotheses(state: readonly HostData[]): Hypothesis[][];
  /** For each source the ids that will not change any more. */
  settled(state: readonly HostData[]): Int32Array[];
}

/** Steps between two looks at a signal. */
const TURN = 8;

/**
 * What all decoders are: batches of one shape run the same plan, once per token, until all rows have finished, without
 * coming back to the host between, for everything that decides lives on the device. Calls that overlap run one after the
 * other. A row's result depends neither on its neighbours nor on appended padding.
 */
export class SequenceDecoder<Call extends DecodeCall = DecodeCall> {
  readonly #cache: DecodingCache;
  /** Tokens generated so far, an int32 scalar. */
  readonly #length: Variable;
  readonly #start: (source: Tensor, ...inputs: Tensor[]) => Promise<void>;
  readonly #step: Compiled<[], Tensor>;
  readonly #state: () => Promise<Tensor[]>;
  readonly #turns = new Turns(() => this.#free());

  protected constructor(
    readonly name: string,
    model: AutoregressiveModel,
    readonly options: DecoderOptions,
    private readonly search: Search<Call>,
  ) {
    const { rows, sourceLength, maxLength, startId, engine } = options;
    checkOptions(name, model, options);
    const { padId } = model;
    const sequences = rows * search.width;
    const cache = model.createCache(sequences, maxLength, startId === undefined ? sourceLength - 1 : sourceLength);
    const length = stateVariable(`${name}.length`, [], 'int32');
    this.#start = compile(
      (source: Tensor, ...inputs: Tensor[]): void => {
        const last = sourceLength - 1;
        model.start(startId === undefined ? source.slice([0, 0], [rows, last]) : source, cache);
        const first = startId === undefined ? source.slice([0, last]).reshape([rows]) : full([rows], startId, 'int32');
        search.last.assign(repeatRows(first, sequences));
        search.begin(source.notEqual(padId).max(-1).not(), ...inputs);
        length.assign(zeros([], 'int32'));
      },
      { frozen: true, engine },
    );
    this.#step = compile(
      () => {
        const done = search.step(model.next(search.last.value, cache), length.value, cache);
        length.assign(length.value.add(1));
        return done;
      },
      { frozen: true, engine },
    );
    this.#state = compile(() => search.state(), { frozen: true, engine });
    this.#cache = cache;
    this.#length = length;
  }

  /** Source ids (B, S) → the best sequence for each row; what a row of padding gives is empty. */
  async decode(source: Tensor, call: Call = {} as Call): Promise<Hypothesis[]> {
    const all = await this.decodeAll(source, call);
    return all.map(([best]) => best ?? NOTHING);
  }

  /** Source ids (B, S) → for each row all its sequences, best first. */
  async decodeAll(source: Tensor, call: Call = {} as Call): Promise<Hypothesis[][]> {
    this.#check(source);
    return this.#turns.run(async () => {
      await this.#begin(source, call);
      await this.#run(call.signal);
      return this.search.hypotheses(await this.#read());
    });
  }

  /**
   * Gives, after each token, what every row has added to the ids that stay: together they are those that `decode` gives.
   * The rows of a beam add what all sequences agree on that may still become the best; only where none of them can go on
   * or end, and nothing has ended, were they given in vain. Leaving the loop ends the call; within it no other call of this
   * decoder may be awaited, for that waits for the end of this one.
   */
  async *stream(source: Tensor, call: Call = {} as Call): AsyncGenerator<readonly Int32Array[], void, undefined> {
    this.#check(source);
    yield* this.#turns.stream(() => this.#stepByStep(source, call));
  }

  /** Gives the memory of the cache back, once all calls are done; the next call takes new memory. */
  release(): void {
    this.#turns.release();
  }

  async *#stepByStep(source: Tensor, call: Call): AsyncGenerator<readonly Int32Array[], void, undefined> {
    await this.#begin(source, call);
    const { rows, maxLength } = this.options;
    const given = new Array<number>(rows).fill(0);
    for (let steps = 1, done = 0; done === 0 && steps <= maxLength; steps++) {
      call.signal?.throwIfAborted();
      done = await (await this.#step()).item();
      const settled = this.search.settled(await this.#read());
      yield settled.map((ids, row) => {
        const from = given[row];
        given[row] = ids.length;
        return ids.slice(from);
      });
    }
  }

  async #begin(source: Tensor, call: Call): Promise<void> {
    call.signal?.throwIfAborted();
    await this.#start(source, ...this.search.inputs(call));
  }

  async #run(signal?: AbortSignal): Promise<void> {
    const { maxLength } = this.options;
    const turn = signal === undefined ? maxLength : TURN;
    for (let left = maxLength; left > 0; left -= turn) {
      signal?.throwIfAborted();
      const times = Math.min(turn, left);
      if ((await this.#step.repeat(times)) < times) break;
    }
  }

  async #read(): Promise<HostData[]> {
    const state = await this.#state();
    return Promise.all(state.map((part) => part.data()));
  }

  #check(source: Tensor): void {
    const { rows, sourceLength } = this.options;
    if (source.rank !== 2 || source.shape[0] !== rows || source.shape[1] !== sourceLength) {
      throw new RangeError(`${this.name}: expected ids [${rows}, ${sourceLength}], got [${source.shape.join(', ')}]`);
    }
  }

  #free(): void {
    this.#cache.release();
    this.#length.release();
    for (const variable of this.search.variables()) variable.release();
  }
}

/** Where everything was forbidden. */
const NOTHING: Hypothesis = { ids: new Int32Array(), logProbability: -Infinity, score: -Infinity, finished: false };

function checkOptions(name: string, model: AutoregressiveModel, options: DecoderOptions): void {
  const { rows, sourceLength, maxLength, startId, endId, minLength = 0, forbidden = [] } = options;
  const V = model.targetVocabulary;
  for (const [option, value] of Object.entries({ rows, sourceLength, maxLength })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name}: ${option} must be a positive integer, got ${value}`);
    }
  }
  if (sourceLength > model.maxLength) {
    throw new RangeError(
      `${name}: sources of ${sourceLength} ids exceed the model's maxLength ${model.maxLength}; shorten them, or make the model with more`,
    );
  }
  if (startId !== undefined && (!Number.isInteger(startId) || startId < 0 || startId >= V)) {
    throw new RangeError(`${name}: startId ${startId} is outside a vocabulary of ${V}`);
  }
  if (!Number.isInteger(endId)) throw new RangeError(`${name}: endId must be an integer, got ${endId}`);
  expectCount(`${name}: minLength`, minLength, 0);
  if (minLength > maxLength) throw new RangeError(`${name}: minLength ${minLength} exceeds maxLength ${maxLength}`);
  if (new Set(forbidden).size >= V) {
    throw new RangeError(`${name}: all ${V} ids are forbidden, so that nothing can be generated; leave at least one`);
  }
}
