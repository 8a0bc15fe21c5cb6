import { makeLeaf, type Value } from './graph';
import { openTrace, within, withPath } from './trace';
import type { Variable } from './variable';

/** First values of Variables, traced under their names: each name has its own stream of random numbers. */
export function buildInitializers(variables: readonly Variable[]): { values: Value[]; seeds: Map<Value, Int32Array> } {
  const trace = openTrace('inference');
  const states = new Map<number, Value>();
  const values = within(trace, () =>
    variables.map((variable) => {
      let random = states.get(variable.seed);
      if (random === undefined) states.set(variable.seed, (random = makeLeaf({ shape: [4], dtype: 'int32' }, { kind: 'input' })));
      trace.random = random;
      // A stream for each name: what else is initialised in the same plan must not matter.
      if (variable.name !== '') trace.sites.clear();
      const value = withPath(variable.name, () => variable.initializer()) as unknown as Value;
      if (value.dtype !== variable.dtype || value.shape.join() !== variable.shape.join()) {
        throw new TypeError(`the initialiser of '${variable.name}' gives ${value.dtype} [${value.shape.join(', ')}], expected ${variable.dtype} [${variable.shape.join(', ')}]`);
      }
      return value;
    }),
  );
  trace.closed = true;
  return { values, seeds: new Map([...states].map(([seed, value]) => [value, seedWords(seed)])) };
}

/** The generator's state for a seed: low word, high word, step, micro-batch. */
export function seedWords(seed: number | bigint, step = 0): Int32Array {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) throw new RangeError(`a seed must be an integer, got ${seed}`);
  const wide = BigInt.asUintN(64, BigInt(seed));
  return Int32Array.of(Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0, step | 0, 0);
}
