import type { Attributes } from './backend';
import type { TensorSpec } from './dtype';
import { type GraphNode, makeNode, type Value } from './graph';
import { type Primitive, PRIMITIVES } from './primitives';
import { ShapeError } from './shape-error';
import { state } from './state';
import { checkUsable } from './trace';
import type { Tensor } from './types';

export type Decompose = (inputs: readonly Tensor[], attributes: Attributes) => readonly Tensor[];

/**
 * Gradient of a composite: given the node's inputs and outputs and the cotangents of its outputs (null where nothing
 * flows), the cotangents of its inputs (null where there is none). Returns null as a whole for a case that it does not
 * cover, such as a cotangent of a value saved for the gradient: then the decomposition is differentiated.
 */
export type CompositeBackward = (context: {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly cotangents: readonly (Tensor | null)[];
  readonly attributes: Attributes;
}) => readonly (Tensor | null)[] | null;

/** A named operation with a readable meaning in terms of others, which a backend may implement as one kernel. */
export interface Composite {
  readonly kind: 'composite';
  readonly name: string;
  /** Raised when the meaning changes, so that saved graphs and backends notice. */
  readonly version: number;
  readonly elementwise: boolean;
  infer(inputs: readonly TensorSpec[], attributes: Attributes): readonly TensorSpec[];
  readonly decompose: Decompose;
  /** Left out: `grad` differentiates the decomposition. */
  readonly backward?: CompositeBackward;
}

export type Operation = Primitive | Composite;

// Shared by all copies of the package in the process: a composite made through one runs on an engine of another.
const { operations } = state;
for (const primitive of PRIMITIVES) operations.set(primitive.name, primitive);

/**
 * Adds an operation made of others. `infer` gives shapes and types, `decompose` the meaning, `backward` (optional) the
 * gradient, usually through a second composite, so that it can be differentiated again.
 */
export function defineComposite(
  definition: Omit<Composite, 'kind' | 'elementwise'> & { readonly elementwise?: boolean },
): (inputs: readonly Tensor[], attributes?: Attributes) => readonly Tensor[] {
  const known = operations.get(definition.name);
  if (known !== undefined && (known.kind !== 'composite' || known.version !== definition.version)) {
    throw new Error(`defineComposite: '${definition.name}' is already defined, with another meaning`);
  }
  operations.set(definition.name, { kind: 'composite', elementwise: false, ...definition });
  return (inputs, attributes) => applyTensors(definition.name, inputs, attributes);
}

export function operationOf(name: string): Operation | undefined {
  return operations.get(name);
}

/** Names of all operations, for tables and tests. */
export function operationNames(kind?: Operation['kind']): string[] {
  return [...operations.values()].filter((o) => kind === undefined || o.kind === kind).map((o) => o.name);
}

/** Builds one node: shapes are inferred and checked here, nothing is computed. */
export function applyNode(
  name: string,
  inputs: readonly Value[],
  attributes?: Attributes,
  closure?: unknown,
): GraphNode {
  const operation = operations.get(name);
  if (operation === undefined) throw new TypeError(`there is no operation '${name}'`);
  for (const input of inputs) checkUsable(input, name);
  let specs: readonly TensorSpec[];
  try {
    specs = operation.infer(inputs, attributes ?? {});
  } catch (error) {
    if (error instanceof ShapeError && state.path !== '' && !error.message.includes(' (in ')) {
      error.message += ` (in ${state.path})`;
    }
    throw error;
  }
  return makeNode(name, inputs, attributes, specs, closure);
}

export function apply(name: string, inputs: readonly Value[], attributes?: Attributes): readonly Value[] {
  return applyNode(name, inputs, attributes).outputs;
}

/** `apply` for operations with one output. */
export function apply1(name: string, inputs: readonly Value[], attributes?: Attributes): Value {
  return applyNode(name, inputs, attributes).outputs[0]!;
}

/** `apply` under the types that users see; the objects are the same. */
export function applyTensors(name: string, inputs: readonly Tensor[], attributes?: Attributes): readonly Tensor[] {
  return apply(name, inputs as unknown as readonly Value[], attributes) as unknown as readonly Tensor[];
}
