import { makeLeaf, type Value } from './graph';
import { openTrace, within, withPath } from './trace';
import type { Variable } from './variable';

/**
 * First values of Variables, traced under their names: each name has its own stream of random numbers, whatever else is
 * initialised in the same plan. An initialiser may read other Variables; those that are new too are built first, and are
 * part of the result.
 */
export function buildInitializers(variables: readonly Variable[]): {
  assigned: (readonly [Variable, Value])[];
  seeds: Map<Value, Int32Array>;
} {
  const trace = openTrace('inference');
  const states = new Map<number, Value>();
  const assigned: (readonly [Variable, Value])[] = [];
  const running = new Set<Variable>();

  const build = (variable: Variable): Value | undefined => {
    // One that has a place has a value; one that is built stands in the trace.
    if (variable.engine !== null || trace.variables.has(variable)) return trace.variables.get(variable);
    if (running.has(variable)) throw new Error(`the initialiser of '${variable.name}' reads '${variable.name}' itself`);
    running.add(variable);
    const { random } = trace;
    const sites = [...trace.sites];
    let words = states.get(variable.seed);
    if (words === undefined) states.set(variable.seed, (words = makeLeaf({ shape: [4], dtype: 'int32' }, { kind: 'input' })));
    trace.random = words;
    trace.sites.clear();
    const path = variable.name === '' ? `#${variable.ordinal}` : variable.name;
    const value = withPath(path, () => variable.initializer()) as unknown as Value;
    if (value.dtype !== variable.dtype || value.shape.join() !== variable.shape.join()) {
      throw new TypeError(
        `the initialiser of '${variable.name}' gives ${value.dtype} [${value.shape.join(', ')}], expected ${variable.dtype} [${variable.shape.join(', ')}]`,
      );
    }
    trace.random = random;
    trace.sites.clear();
    for (const [site, count] of sites) trace.sites.set(site, count);
    trace.variables.set(variable, value);
    assigned.push([variable, value]);
    return value;
  };

  trace.initialize = build;
  within(trace, () => {
    for (const variable of variables) build(variable);
  });
  trace.closed = true;
  return { assigned, seeds: new Map([...states].map(([seed, value]) => [value, seedWords(seed)])) };
}

/** The generator's state for a seed: low word, high word, step, micro-batch. */
export function seedWords(seed: number | bigint, step = 0): Int32Array {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) throw new RangeError(`a seed must be an integer, got ${seed}`);
  const wide = BigInt.asUintN(64, BigInt(seed));
  return Int32Array.of(Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0, step | 0, 0);
}
