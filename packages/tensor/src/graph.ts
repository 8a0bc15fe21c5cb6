import type { Attributes, AttributeValue } from './backend';
import type { DType, HostData, Shape, TensorSpec } from './dtype';
import { elementCount } from './shape';
import { type Brand, BRAND, state, TENSOR_BRAND } from './state';
import type { Trace } from './trace';
import type { Variable } from './variable';

/** One operation of the pure graph. */
export interface GraphNode {
  /** Increasing in order of creation, so sorting by id is a topological order. */
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  /** Equal numbers mean equal operation and attributes (leaves: kind, shape and type). */
  readonly signature: number;
  readonly outputs: readonly Value[];
  /** Path of the module whose `forward` made it, such as `encoder.layers.0.selfAttention`. */
  readonly path: string;
  readonly trace: Trace | null;
  /** Leaves only: what is behind them. */
  readonly leaf?: Leaf;
  /** Where the user's code made it; under `debug()` only. */
  readonly source?: string;
  /** Number of runs submitted when it was made, and over how many different ones the graph behind it stretches. */
  readonly run: number;
  readonly span: number;
  /** Not part of the key: closures that only `grad` looks at. */
  readonly closure?: unknown;
  /** Values that were read: the id of a node made just then. Uses with a smaller id were built on the graph that is gone. */
  readonly detachedAt?: number;
}

export type Leaf =
  /** Values that the host holds; `constant` ones may be captured by a trace. */
  | { readonly kind: 'host' | 'constant'; readonly data: HostData }
  /** An argument of the traced function. */
  | { readonly kind: 'input' }
  | { readonly kind: 'variable'; readonly variable: Variable; readonly version: number };

const NO_ATTRIBUTES: Attributes = Object.freeze({});

/** The number of an operation with its attributes: what the plan's key is made of. */
export function signatureOf(text: string): number {
  let number = state.signatures.get(text);
  if (number === undefined) {
    number = state.signatures.size + 1;
    state.signatures.set(text, number);
  }
  return number;
}

function attributeText(value: AttributeValue): string {
  // String(-0) is "0", and JSON knows neither NaN nor infinities: both would make different plans look alike.
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(attributeText).join()}]`;
  return JSON.stringify(value);
}

function attributesText(op: string, attributes: Attributes): string {
  let text = op;
  // The value of a literal is in the plan's key itself: numbers that change must not fill the table of signatures.
  if (op === 'literal') return `literal|${String(attributes['dtype'])}`;
  for (const name in attributes) text += `|${name}=${attributeText(attributes[name]!)}`;
  return text;
}

/** One output of a node: what users know as a tensor (methods: `tensor.ts`). */
export abstract class Value {
  readonly [TENSOR_BRAND]: Brand = BRAND;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Replaced by a leaf once the value has been read (`detach`). */
  node: GraphNode;
  index: number;

  constructor(spec: TensorSpec, node: GraphNode, index: number) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.node = node;
    this.index = index;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return elementCount(this.shape);
  }
}

/** Set by `tensor.ts`, which subclasses `Value`; keeps this file free of the operations. */
let construct: (spec: TensorSpec, node: GraphNode, index: number) => Value;
export function setValueConstructor(make: typeof construct): void {
  construct = make;
}

/** A graph that has grown over this many runs (`total = total.add(loss)`) is computed and dropped. */
const MAXIMUM_SPAN = 32;

/** Set by `execute.ts`: computes a value in the background, so that it becomes a leaf. */
let settle: (value: Value) => void;
export function setSettle(fn: typeof settle): void {
  settle = fn;
}

export function makeNode(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes | undefined,
  specs: readonly TensorSpec[],
  closure?: unknown,
): GraphNode {
  const outputs: Value[] = [];
  const run = state.runs;
  let span = 0;
  if (state.trace === null) {
    for (const { node } of inputs) span = Math.max(span, node.span + (node.run === run ? 0 : 1));
  }
  const node: GraphNode = {
    id: state.nextNodeId++,
    op,
    inputs,
    run,
    span,
    attributes: attributes ?? NO_ATTRIBUTES,
    signature: signatureOf(attributes === undefined ? op : attributesText(op, attributes)),
    outputs,
    path: state.path,
    trace: state.trace,
    ...(closure === undefined ? null : { closure }),
    ...(state.debug ? { source: callerLine() } : null),
  };
  for (let i = 0; i < specs.length; i++) outputs.push(construct(specs[i]!, node, i));
  if (span >= MAXIMUM_SPAN) settle(outputs[0]!);
  return node;
}

export function makeLeaf(spec: TensorSpec, leaf: Leaf, trace: Trace | null = state.trace): Value {
  const outputs: Value[] = [];
  const node: GraphNode = {
    id: state.nextNodeId++,
    op: leaf.kind,
    inputs: [],
    attributes: NO_ATTRIBUTES,
    run: state.runs,
    span: 0,
    signature: signatureOf(`${leaf.kind === 'variable' ? 'variable' : 'leaf'}|${spec.dtype}|${spec.shape.join()}`),
    outputs,
    path: state.path,
    trace,
    leaf,
  };
  const value = construct(spec, node, 0);
  outputs.push(value);
  return value;
}

/** Makes a leaf of a value that has been read: whoever holds it no longer holds the graph behind it. */
export function detach(value: Value, data: HostData): void {
  const { node, index } = value;
  // The node may still be needed for its other outputs: it gets one of its own in place of this.
  (node.outputs as Value[])[index] = construct(value, node, index);
  const leaf = makeLeaf(value, { kind: 'host', data }, null).node;
  // Where the node was in the order of creation, which is before everything that uses the value.
  value.node = { ...leaf, id: node.id, outputs: [value], detachedAt: leaf.id };
  value.index = 0;
}

/** The folder in which this package and its siblings lie. */
const HOME = import.meta.url.replace(/^file:\/\//, '').replace(/(\/[^/]*){3}$/, '');

/** The first stack line outside these packages. */
function callerLine(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  const outside = lines.find((line) => !line.includes(HOME) && !/@qkv[/\\]|node:internal/.test(line));
  return (outside ?? '').trim().replace(/^at /, '');
}

/** Every node that the roots need, in topological order. Iterative: graphs are deeper than the call stack. */
export function reachable(roots: readonly Value[]): GraphNode[] {
  const seen = new Set<GraphNode>();
  const stack: GraphNode[] = [];
  for (const root of roots) {
    if (!seen.has(root.node)) {
      seen.add(root.node);
      stack.push(root.node);
    }
  }
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const input of node.inputs) {
      if (!seen.has(input.node)) {
        seen.add(input.node);
        stack.push(input.node);
      }
    }
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Text for errors: operation, module and shapes. */
export function describeNode(node: GraphNode): string {
  const where = node.path === '' ? '' : ` in ${node.path}`;
  const shapes = node.inputs.map((input) => `[${input.shape.join(', ')}]`).join(', ');
  const source = node.source ? ` (${node.source})` : '';
  return `${node.op}(${shapes})${where}${source}`;
}
