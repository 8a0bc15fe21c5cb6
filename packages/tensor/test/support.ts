import {
  constant,
  createReferenceBackend,
  Engine,
  type EngineOptions,
  isVariable,
  read,
  type ReferenceOptions,
  type Tensor,
  Variable,
} from '../src/index';

/** An engine of its own for a test, on the reference backend. */
export function engineOf(reference: ReferenceOptions = {}, options: EngineOptions = {}): Engine {
  return new Engine(createReferenceBackend(reference), options);
}

/** The values of a tensor or a Variable as plain numbers. */
export async function valuesOf(x: Tensor | Variable, engine?: Engine): Promise<number[]> {
  const [data] = await read([isVariable(x) ? x.value : x], engine === undefined ? {} : { engine });
  return [...data];
}

/** A Variable that starts from these values. */
export function variableOf(name: string, values: readonly number[], shape: readonly number[] = [values.length]): Variable {
  return new Variable({ name, shape, initialize: () => constant(Float32Array.from(values), shape) });
}
