import { grad } from '@qkv/autograd';
import {
  compile,
  constant,
  type Engine,
  type HostData,
  read,
  run,
  tensor,
  type Tensor,
  validateGraph,
  Variable,
} from '@qkv/tensor';

import { randomGraph, type RandomGraph } from './random-graph';

/** Engines on one backend with different plans: all must agree in every bit. */
export interface Variants {
  readonly [name: string]: Engine;
}

interface Results {
  /** Of the first and the second call, and what is in the Variables at the end. */
  readonly values: readonly HostData[];
  /** The position in the pool of each result of a call. */
  readonly at: readonly number[];
  /** Of the sum of all results with respect to all float32 inputs, in both calls; of some graphs, not interpreted. */
  readonly gradients?: readonly HostData[];
}

/** The results of the first `count` steps. */
function resultsOf(graph: RandomGraph, count: number): number[] {
  let length = graph.inputs.length + graph.variables.length;
  for (const step of graph.steps.slice(0, count)) length += step.count;
  const at = graph.outputs.filter((i) => i < length);
  return count === graph.steps.length && at.length > 0 ? at : [...at, length - 1];
}

/** Two calls of a compiled function, with Variables. */
async function execute(graph: RandomGraph, count: number, engine: Engine): Promise<Results> {
  const { inputs, steps } = graph;
  const at = resultsOf(graph, count);
  const variables = graph.variables.map(
    ({ data, shape }, i) => new Variable({ name: `v${i}`, shape, initialize: () => constant(data, shape) }),
  );
  const step = compile(
    (...given: Tensor[]) => {
      const pool = [...given, ...variables.map((variable) => variable.value)];
      for (const { from, apply, assigns } of steps.slice(0, count)) {
        const operands = from.map((i) => pool[i]);
        if (assigns === undefined) pool.push(...apply(operands));
        else {
          variables[assigns].assign(operands[0]);
          pool.push(variables[assigns].value);
        }
      }
      const results = at.map((i) => pool[i]);
      return { results, gradients: graph.seed % 16 === 1 ? gradientsOf(results, given) : [] };
    },
    { engine },
  );
  const given = inputs.map(({ data, shape }) => tensor(data, shape));
  const calls = [await step(...given), await step(...given)] as unknown as { results: Tensor[]; gradients: Tensor[] }[];
  const values = await read(
    [...calls.flatMap(({ results }) => results), ...variables.map((variable) => variable.value)],
    { engine },
  );
  const gradients = await read(
    calls.flatMap((call) => call.gradients),
    { engine },
  );
  for (const variable of variables) variable.release();
  return { values, at, gradients };
}

/** Backward graphs are made of other operations, in other layouts, than those that are drawn. */
function gradientsOf(results: readonly Tensor[], given: readonly Tensor[]): readonly Tensor[] {
  const [outputs, wrt] = [results, given].map((list) => list.filter((x) => x.dtype === 'float32'));
  if (outputs.length === 0) return [];
  const total = outputs.map((x) => x.sum()).reduce((sum, x) => sum.add(x));
  return grad(total, wrt, { unused: 'zero' });
}

/**
 * The same without Variables: what they hold goes in and out of each call. With `alone`, each operation is moreover a
 * program of its own on host arrays, so that nothing of the plan but the lowering of that one operation has a part in it.
 */
async function interpret(graph: RandomGraph, count: number, engine: Engine, alone: boolean): Promise<Results> {
  const steps = graph.steps.slice(0, count);
  const at = resultsOf(graph, count);
  let held = graph.variables.map(({ data }) => data);
  const values: HostData[] = [];
  const leaf = (data: HostData, i: number): Tensor => {
    const { shape, dtype } = graph.shadows[i];
    return constant(data, shape, dtype);
  };
  for (let call = 0; call < 2; call++) {
    const start = [...graph.inputs.map(({ data }) => data), ...held];
    const latest = held.map((_, i) => graph.inputs.length + i);
    let results: readonly HostData[];
    if (alone) {
      const pool: HostData[] = start;
      for (const { from, apply, assigns } of steps) {
        const operands = from.map((i) => pool[i]);
        const made = await run(() => apply(operands.map((data, i) => leaf(data, from[i]))), { engine });
        if (assigns !== undefined) latest[assigns] = pool.length;
        pool.push(...(await read(made)));
      }
      results = [...at, ...latest].map((i) => pool[i]);
    } else {
      const made = await run(
        () => {
          const pool = start.map(leaf);
          for (const { from, apply, assigns } of steps) {
            if (assigns !== undefined) latest[assigns] = pool.length;
            pool.push(...apply(from.map((i) => pool[i])));
          }
          return [...at, ...latest].map((i) => pool[i]);
        },
        { engine },
      );
      results = await read(made);
    }
    values.push(...results.slice(0, at.length));
    held = results.slice(at.length);
  }
  return { values: [...values, ...held], at };
}

const bits = (a: HostData, b: HostData): number => {
  if (a.length !== b.length) return 0;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
};

/** What is wrong with the first `count` steps, or null. */
async function fault(graph: RandomGraph, count: number, truth: Engine, variants: Variants): Promise<string | null> {
  const expected = await interpret(graph, count, truth, graph.seed % 16 === 0);
  const calls = 2 * expected.at.length;
  let first: readonly HostData[] | null = null;
  let slopes: readonly HostData[] | undefined;
  for (const [name, engine] of Object.entries(variants)) {
    const { values, gradients } = await execute(graph, count, engine);
    slopes ??= gradients;
    const off = gradients!.findIndex((data, i) => bits(data, slopes![i]) >= 0);
    if (off >= 0)
      return `${name}: gradient ${off} is ${gradients![off].join()}, ${Object.keys(variants)[0]} has ${slopes![off].join()}`;
    for (const [i, actual] of values.entries()) {
      const position = i < calls ? expected.at[i % expected.at.length] : null;
      const where = position === null ? `Variable ${i - calls}` : `value ${position} of call ${i < calls / 2 ? 1 : 2}`;
      if (first !== null) {
        const off = bits(first[i], actual);
        if (off >= 0)
          return `${name}: ${where}: element ${off} is ${actual[off]}, ${Object.keys(variants)[0]} has ${first[i][off]}`;
        continue;
      }
      const allowed = position === null ? 0 : 4 * graph.known[position].error;
      const target = expected.values[i];
      if (actual.length !== target.length)
        return `${name}: ${where} has ${actual.length} elements instead of ${target.length}`;
      for (let k = 0; k < target.length; k++) {
        if (actual[k] === target[k] || Math.abs(actual[k] - target[k]) <= allowed) continue;
        return `${name}: ${where}: element ${k} is ${actual[k]} instead of ${target[k]}, allowed are ${allowed}`;
      }
    }
    first ??= values;
  }
  return null;
}

/** Caught as a fault as well: a plan that cannot be made, a kernel that throws. */
const attempt = (graph: RandomGraph, count: number, truth: Engine, variants: Variants): Promise<string | null> =>
  fault(graph, count, truth, variants).catch((error: Error) => error.stack ?? error.message);

/** Checks one random graph; the report names the seed and the fewest steps that are wrong. */
export async function checkGraph(seed: number, truth: Engine, variants: Variants): Promise<string | null> {
  const graph = randomGraph(seed, 4 + (seed % 25));
  validateGraph(graph.outputs.map((i) => graph.shadows[i]));
  if ((await attempt(graph, graph.steps.length, truth, variants)) === null) return null;
  for (let count = 1; count <= graph.steps.length; count++) {
    const wrong = await attempt(graph, count, truth, variants);
    if (wrong === null) continue;
    const first = graph.inputs.length + graph.variables.length;
    let next = first;
    const list = graph.steps.slice(0, count).map(({ text, from, count: outputs }) => {
      next += outputs;
      return `  ${next - outputs}: ${text} of ${from.join(', ') || 'nothing'} → [${graph.shadows[next - outputs].shape}]`;
    });
    const leaves = [...graph.inputs, ...graph.variables]
      .map(({ shape, dtype }, i) => `${i}: ${dtype}[${shape}]`)
      .join(' ');
    return `seed ${seed}, ${count} of ${graph.steps.length} steps: ${wrong}\n  ${leaves} (${graph.variables.length} Variables)\n${list.join('\n')}`;
  }
  return `seed ${seed}: wrong with all steps, and right with each number of them: something is not reproducible`;
}
