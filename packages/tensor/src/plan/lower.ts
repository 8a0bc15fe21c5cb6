import type { Attributes, Capabilities } from '../backend';
import type { TensorSpec } from '../dtype';
import type { GraphNode, Value } from '../graph';
import { IDENTITIES } from '../primitives';
import { elementCount } from '../shape';
import type { Variable } from '../variable';
import type { Program } from './collect';
import { describeStep, type Expanded } from './expand';
import { type Group, literalOf, type Product, type Unit, VIEWS } from './fuse';
import {
  coalesce,
  expandView,
  isContiguous,
  makeBuffer,
  permuteView,
  type PlanBuffer,
  reshapeView,
  sliceView,
  type View,
  wholeBuffer,
} from './views';

/** A step whose memory is not placed yet. */
export interface StepDraft {
  readonly kernel: string;
  readonly inputs: readonly View[];
  readonly outputs: View[];
  readonly attributes: Attributes;
  readonly workspaceBytes: number;
  readonly nodes: readonly number[];
}

export interface Lowered {
  readonly steps: readonly StepDraft[];
  readonly buffers: readonly PlanBuffer[];
  readonly inputs: readonly (View | null)[];
  readonly outputs: readonly View[];
  /** For each overwritten Variable: its buffer and the contiguous value to commit. */
  readonly commits: readonly { readonly target: PlanBuffer; readonly value: View }[];
}

/** Turns units of a graph into kernel calls over buffers; permuting, slicing, expanding and reshaping move no data. */
export class Lowering {
  private readonly steps: StepDraft[] = [];
  private readonly buffers: PlanBuffer[] = [];
  private readonly views = new Map<Value, View>();
  private readonly contiguousCopies = new Map<Value, View>();
  private readonly slots = new Map<Variable, PlanBuffer>();
  private readonly hostViews = new Map<GraphNode, View>();
  /** Literals and views of them. */
  private readonly constants = new Set<Value>();
  private origin: number[] = [];

  constructor(
    private readonly expanded: Expanded,
    private readonly capabilities: Capabilities,
    program: Program,
  ) {
    program.variables.forEach((variable, i) => {
      const buffer = makeBuffer(variable.size, variable.dtype, { slot: i + 1 });
      this.slots.set(variable, buffer);
    });
  }

  lower(units: readonly Unit[], program: Program): Lowered {
    for (const unit of units) {
      const nodes = unit.kind === 'node' ? [unit.node] : unit.kind === 'product' ? [unit.product, ...unit.epilogue.nodes] : unit.nodes;
      this.origin = [...new Set(nodes.map((node) => this.expanded.origins.get(node)!))];
      if (unit.kind === 'elementwise') this.elementwise(unit);
      else if (unit.kind === 'product') this.product(unit);
      else this.node(unit.node);
    }
    this.origin = [];
    const overwritten = new Set(program.assigned.map(([variable]) => this.slots.get(variable)!));
    const outputs = program.outputs.map((value) => {
      const view = this.contiguous(value);
      // Read after the last step, when the Variable already has its next value.
      return overwritten.has(view.buffer) ? this.copyOf(view) : view;
    });
    const commits = program.assigned.map(([variable, value]) => {
      const target = this.slots.get(variable)!;
      const view = this.contiguous(value);
      return { target, value: overwritten.has(view.buffer) && view.buffer !== target ? this.copyOf(view) : view };
    });
    const inputs = [...program.hostLeaves, ...this.expanded.constants].map((leaf) => this.hostViews.get(leaf) ?? null);
    return { steps: this.steps, buffers: this.buffers, inputs, outputs, commits };
  }

  private view(value: Value): View {
    const known = this.views.get(value) ?? this.views.get(this.expanded.resolve(value));
    if (known !== undefined) return known;
    // A constant that something other than an element-wise program reads: one element, repeated.
    const at = this.expanded.resolve(value);
    const literal = literalOf(at, this.expanded.resolve);
    if (literal === null) throw new Error(`plan: no value for ${at.node.op} (please report this)`);
    let one = this.views.get(literal.outputs[0]!);
    if (one === undefined) {
      one = this.allocate({ shape: [], dtype: at.dtype });
      this.step('fill', [], [one], { value: literal.attributes['value']! });
      this.views.set(literal.outputs[0]!, one);
    }
    return expandView(one, at.shape);
  }

  private contiguous(value: Value): View {
    const at = this.expanded.resolve(value);
    const view = this.view(at);
    if (isContiguous(view)) return view;
    let copy = this.contiguousCopies.get(at);
    if (copy === undefined) this.contiguousCopies.set(at, (copy = this.copyOf(view)));
    return copy;
  }

  private allocate(spec: TensorSpec): View {
    const buffer = makeBuffer(elementCount(spec.shape), spec.dtype);
    this.buffers.push(buffer);
    return wholeBuffer(buffer, spec.shape);
  }

  private copyOf(view: View): View {
    const target = this.allocate({ shape: view.shape, dtype: view.buffer.dtype });
    this.copy(view, target);
    return target;
  }

  private copy(from: View, to: View): void {
    const [source, target] = coalesce([from, to]);
    this.step('copy', [source!], [target!], {});
  }

  private step(kernel: string, inputs: readonly View[], outputs: View[], attributes: Attributes): void {
    // Nothing to write: every kernel may assume that there is.
    if (outputs.every((view) => elementCount(view.shape) === 0)) return;
    const specs = (views: readonly View[]): TensorSpec[] => views.map((v) => ({ shape: v.shape, dtype: v.buffer.dtype }));
    const workspaceBytes = this.capabilities.workspace({ kernel, inputs: specs(inputs), outputs: specs(outputs), attributes });
    const at = this.steps.length;
    for (const { buffer } of inputs) buffer.last = Math.max(buffer.last, at);
    for (const { buffer } of outputs) {
      buffer.first = Math.min(buffer.first, at);
      buffer.last = Math.max(buffer.last, at);
    }
    this.steps.push({ kernel, inputs, outputs, attributes, workspaceBytes, nodes: this.origin });
  }

  private elementwise({ program, inputs, outputs }: Group): void {
    const results = this.results(outputs);
    const operands = inputs.map((value) => expandView(this.view(value), outputs[0]!.shape));
    const merged = coalesce([...operands, ...results]);
    this.step('elementwise', merged.slice(0, inputs.length), merged.slice(inputs.length), { program });
  }

  private results(values: readonly Value[]): View[] {
    return values.map((value) => {
      const result = this.allocate(value);
      this.views.set(value, result);
      return result;
    });
  }

  private product({ product, epilogue }: Product): void {
    const { program, inputs, outputs } = epilogue;
    const others = inputs.slice(1).map((value) => expandView(this.view(value), outputs[0]!.shape));
    const factors = this.factors(product);
    // Results may have another shape than the product, with the same elements in the same order.
    const { shape } = product.outputs[0]!;
    const results = this.results(outputs).map((view) => wholeBuffer(view.buffer, shape));
    this.step('matmul', [...factors, ...others], results, { program });
  }

  /** Both operands of a product with all batch dimensions. */
  private factors({ inputs, outputs }: GraphNode): View[] {
    const batch = outputs[0]!.shape.slice(0, -2);
    return inputs.map((value) => {
      const view = this.view(value);
      return expandView(view, [...batch, ...view.shape.slice(-2)]);
    });
  }

  private node(node: GraphNode): void {
    const output = node.outputs[0]!;
    // Views of constants are made where something reads them; programs hold the number itself.
    const isConstant = (value: Value): boolean => this.constants.has(this.expanded.resolve(value));
    if (node.op === 'literal') this.constants.add(output);
    else if (node.leaf !== undefined) this.views.set(output, this.leaf(node));
    else if (IDENTITIES.has(node.op)) {
      node.outputs.forEach((value, i) => {
        const from = node.inputs[i]!;
        if (isConstant(from)) this.constants.add(value);
        else this.views.set(value, this.view(from));
      });
    } else if (VIEWS.has(node.op) && isConstant(node.inputs[0]!)) this.constants.add(output);
    else {
      const rule = RULES[node.op];
      if (rule !== undefined) this.views.set(output, rule.call(this, node));
      else this.composite(node);
    }
  }

  private leaf(node: GraphNode): View {
    const output = node.outputs[0]!;
    if (node.leaf!.kind === 'variable') return wholeBuffer(this.slots.get(node.leaf!.variable)!, output.shape);
    const buffer = makeBuffer(output.size, output.dtype, { host: true });
    this.buffers.push(buffer);
    const view = wholeBuffer(buffer, output.shape);
    this.hostViews.set(node, view);
    return view;
  }

  private composite(node: GraphNode): void {
    const inputs = node.inputs.map((value, i) =>
      this.capabilities.readsStrides(node.op, i) ? this.view(value) : this.contiguous(value),
    );
    const outputs = node.outputs.map((value) => this.allocate(value));
    node.outputs.forEach((value, i) => this.views.set(value, outputs[i]!));
    this.step(node.op, inputs, outputs, describeStep(node).attributes);
  }

  private reduce(node: GraphNode, kernel: string, axes: readonly number[], attributes: Attributes): View {
    const x = this.view(node.inputs[0]!);
    const kept = [...x.shape.keys()].filter((i) => !axes.includes(i));
    const ordered = permuteView(x, [...kept, ...axes]);
    const [keptFirst] = coalesce([ordered], 0, kept.length);
    const keptRank = keptFirst!.shape.length - axes.length;
    const [operand] = coalesce([keptFirst!], keptRank);
    const result = this.allocate(node.outputs[0]!);
    const target = { ...result, shape: operand!.shape.slice(0, keptRank) };
    const trailing = operand!.shape.length - keptRank;
    this.step(kernel, [operand!], [{ ...target, ...stridesOf(target) }], kernel === 'reduce' ? { ...attributes, axes: trailing } : attributes);
    return result;
  }

  /** One per primitive that is not element-wise. */
  static readonly rules: Record<string, (this: Lowering, node: GraphNode) => View> = {
    permute(node) {
      return permuteView(this.view(node.inputs[0]!), node.attributes['axes'] as readonly number[]);
    },
    slice(node) {
      const { start, size } = node.attributes as Record<string, readonly number[]>;
      return sliceView(this.view(node.inputs[0]!), start!, size!);
    },
    expand(node) {
      return expandView(this.view(node.inputs[0]!), node.outputs[0]!.shape);
    },
    reshape(node) {
      const shape = node.outputs[0]!.shape;
      return reshapeView(this.view(node.inputs[0]!), shape) ?? wholeReshape(this.contiguous(node.inputs[0]!), shape);
    },
    concat(node) {
      const axis = node.attributes['axis'] as number;
      const result = this.allocate(node.outputs[0]!);
      const start = new Array<number>(result.shape.length).fill(0);
      for (const input of node.inputs) {
        const part = this.view(input);
        this.copy(part, sliceView(result, start, part.shape));
        start[axis]! += part.shape[axis]!;
      }
      return result;
    },
    pad(node) {
      const part = this.view(node.inputs[0]!);
      const result = this.allocate(node.outputs[0]!);
      this.step('fill', [], coalesce([result]), { value: node.attributes['value']! });
      this.copy(part, sliceView(result, node.attributes['before'] as readonly number[], part.shape));
      return result;
    },
    sum(node) {
      return this.reduce(node, 'reduce', node.attributes['axes'] as readonly number[], { op: 'sum' });
    },
    max(node) {
      return this.reduce(node, 'reduce', node.attributes['axes'] as readonly number[], { op: 'max' });
    },
    min(node) {
      return this.reduce(node, 'reduce', node.attributes['axes'] as readonly number[], { op: 'min' });
    },
    argMax(node) {
      return this.reduce(node, 'argMax', [node.inputs[0]!.rank - 1], {});
    },
    topK(node) {
      const x = this.contiguous(node.inputs[0]!);
      const result = this.allocate(node.outputs[0]!);
      const [n, k] = [x.shape.at(-1)!, result.shape.at(-1)!];
      const rows = elementCount(result.shape) / k;
      this.step('topK', [wholeReshape(x, [rows, n])], [wholeReshape(result, [rows, k])], {});
      return result;
    },
    matmul(node) {
      const [a, b] = this.factors(node);
      const result = this.allocate(node.outputs[0]!);
      const rank = result.shape.length - 2;
      const [aBatch, bBatch, cBatch] = rank === 0 ? [a!, b!, result] : coalesceBatch([a!, b!, result], rank);
      this.step('matmul', [aBatch!, bBatch!], [cBatch!], {});
      return result;
    },
    gather(node) {
      const [table, ids] = node.inputs.map((value) => this.contiguous(value));
      const rows = table!.shape[0]!;
      const result = this.allocate(node.outputs[0]!);
      const count = elementCount(ids!.shape);
      const columns = elementCount(table!.shape.slice(1));
      this.step('gather', [wholeReshape(table!, [rows, columns]), wholeReshape(ids!, [count])], [wholeReshape(result, [count, columns])], {});
      return result;
    },
    scatterAdd(node) {
      const [ids, updates] = node.inputs.map((value) => this.contiguous(value));
      const result = this.allocate(node.outputs[0]!);
      const count = elementCount(ids!.shape);
      const columns = elementCount(result.shape.slice(1));
      this.step('scatterAdd', [wholeReshape(ids!, [count]), wholeReshape(updates!, [count, columns])], [wholeReshape(result, [result.shape[0]!, columns])], {});
      return result;
    },
    iota(node) {
      const result = this.allocate(node.outputs[0]!);
      this.step('iota', [], [result], {});
      return result;
    },
    random(node) {
      const result = this.allocate(node.outputs[0]!);
      this.step('random', [this.contiguous(node.inputs[0]!)], [wholeReshape(result, [elementCount(result.shape)])], { site: node.attributes['site']! });
      return result;
    },
  };
}

const RULES = Lowering.rules;

function wholeReshape(view: View, shape: readonly number[]): View {
  return reshapeView(view, shape)!;
}

function stridesOf(view: View): { strides: number[] } {
  const whole = wholeBuffer(view.buffer, view.shape);
  return { strides: [...whole.strides] };
}

/** Matrices of several operands have different sizes: only the batch dimensions are merged. */
function coalesceBatch(views: readonly View[], rank: number): View[] {
  const heads = coalesce(views.map((view) => ({ ...view, shape: view.shape.slice(0, rank), strides: view.strides.slice(0, rank) })));
  return heads.map((head, i) => ({
    ...head,
    shape: [...head.shape, ...views[i]!.shape.slice(rank)],
    strides: [...head.strides, ...views[i]!.strides.slice(rank)],
  }));
}
