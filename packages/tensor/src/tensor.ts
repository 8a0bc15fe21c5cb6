import type { DType, HostData, Shape, TensorSpec } from './dtype';
import { type GraphNode, setValueConstructor, Value } from './graph';
import { apply1 } from './operation';
import { literal, toValue } from './create';
import { formatShape, normalizeAxes, normalizeAxis } from './shape';
import { ShapeError } from './shape-error';
import { readValue } from './execute';
import type { TensorLike, ReduceOptions, Tensor } from './types';

/** The methods of `Tensor`, untyped inside; `types.ts` has the types that users see. */
class TensorValue extends Value {
  declare readonly '~shape': Shape;

  data(): Promise<HostData> {
    return readValue(this);
  }

  // Not `async`: like `data`, it throws at once where reading is not allowed.
  item(): Promise<number> {
    if (this.size !== 1) throw new TypeError(`item: expected one element, got [${this.shape.join(', ')}]`);
    return readValue(this).then((data) => data[0]!);
  }

  matmul(other: TensorLike): Value {
    const b = toValue(other, 'float32');
    // A batch of rows times one matrix is one product: the matrix is packed once, and its gradient is one product too.
    if (b.rank === 2 && this.rank > 2 && this.shape.at(-1) === b.shape[0]) {
      const rows = this.reshape([this.shape.slice(0, -1).reduce((x, y) => x * y, 1), this.shape.at(-1)!]);
      return (apply1('matmul', [rows, b]) as TensorValue).reshape([...this.shape.slice(0, -1), b.shape[1]!]);
    }
    return apply1('matmul', [this, b]);
  }

  cast(dtype: DType): Value {
    return dtype === this.dtype ? this : apply1('cast', [this], { dtype });
  }

  square(): Value {
    return apply1('mul', [this, this]);
  }

  greater(other: TensorLike): Value {
    return apply1('less', [toValue(other, this.dtype), this]);
  }

  greaterEqual(other: TensorLike): Value {
    return apply1('lessEqual', [toValue(other, this.dtype), this]);
  }

  sum(axes?: number | readonly number[], options?: ReduceOptions): Value {
    return this.reduce('sum', axes, options);
  }

  max(axes?: number | readonly number[], options?: ReduceOptions): Value {
    return this.reduce('max', axes, options);
  }

  min(axes?: number | readonly number[], options?: ReduceOptions): Value {
    return this.reduce('min', axes, options);
  }

  mean(axes?: number | readonly number[], options?: ReduceOptions): Value {
    const list = normalizeAxes(axes, this.rank, 'mean');
    const count = list.reduce((product, axis) => product * this.shape[axis]!, 1);
    return apply1('div', [this.sum(list, options), literal(count, 'float32')]);
  }

  private reduce(op: string, axes: number | readonly number[] | undefined, options?: ReduceOptions): Value {
    const list = normalizeAxes(axes, this.rank, op);
    const reduced = list.length === 0 ? this : (apply1(op, [this], { axes: list }) as TensorValue);
    return options?.keep ? reduced.reshape(this.shape.map((size, i) => (list.includes(i) ? 1 : size))) : reduced;
  }

  argMax(axis = -1): Value {
    const last = this.rank - 1;
    const at = normalizeAxis(axis, this.rank, 'argMax');
    const order = [...this.shape.keys()].filter((i) => i !== at);
    return apply1('argMax', [at === last ? this : this.permute([...order, at])]);
  }

  reshape(shape: Shape): TensorValue {
    const open = shape.indexOf(-1);
    let to = shape;
    if (open >= 0) {
      const known = shape.reduce((product, size, i) => (i === open ? product : product * size), 1);
      const rest = this.size / known;
      if (!(rest >= 0 && Number.isInteger(rest))) {
        throw new ShapeError(`reshape: the −1 in ${formatShape(shape)} cannot be worked out for ${formatShape(this.shape)}`);
      }
      to = shape.map((size, i) => (i === open ? rest : size));
    }
    if (to.length === this.rank && to.every((size, i) => size === this.shape[i])) return this;
    return apply1('reshape', [this], { shape: [...to] }) as TensorValue;
  }

  permute(axes: readonly number[]): TensorValue {
    return apply1('permute', [this], { axes: axes.map((axis) => normalizeAxis(axis, this.rank, 'permute')) }) as TensorValue;
  }

  transpose(a = -2, b = -1): TensorValue {
    const first = normalizeAxis(a, this.rank, 'transpose');
    const second = normalizeAxis(b, this.rank, 'transpose');
    return this.permute([...this.shape.keys()].map((i) => (i === first ? second : i === second ? first : i)));
  }

  slice(start: readonly number[], size: readonly number[] = []): TensorValue {
    const from = this.shape.map((_, i) => start[i] ?? 0);
    const count = this.shape.map((whole, i) => size[i] ?? whole - from[i]!);
    return apply1('slice', [this], { start: from, size: count }) as TensorValue;
  }

  expand(shape: Shape): TensorValue {
    return apply1('expand', [this], { shape: [...shape] }) as TensorValue;
  }

  unsqueeze(axis: number): TensorValue {
    const at = normalizeAxis(axis, this.rank + 1, 'unsqueeze');
    return this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]);
  }

  squeeze(axis: number): TensorValue {
    const at = normalizeAxis(axis, this.rank, 'squeeze');
    if (this.shape[at] !== 1) throw new TypeError(`squeeze: dimension ${axis} of [${this.shape.join(', ')}] is not 1`);
    return this.reshape([...this.shape.slice(0, at), ...this.shape.slice(at + 1)]);
  }

  gather(ids: TensorLike): Value {
    return apply1('gather', [this, toValue(ids, 'int32')]);
  }
}

const UNARY = ['neg', 'abs', 'sign', 'floor', 'ceil', 'sqrt', 'exp', 'log', 'sin', 'cos', 'tanh', 'erf', 'not'];
const BINARY = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'equal', 'notEqual', 'less', 'lessEqual', 'and', 'or'];

for (const op of UNARY) define(op, function () {
  return apply1(op, [this]);
});
for (const op of BINARY) define(op, function (other) {
  return apply1(op, [this, toValue(other as TensorLike, this.dtype)]);
});

function define(name: string, method: (this: TensorValue, other: unknown) => Value): void {
  Object.defineProperty(TensorValue.prototype, name, { value: method, writable: true, configurable: true });
}

setValueConstructor((spec: TensorSpec, node: GraphNode, index: number) => new TensorValue(spec, node, index));

/** The same object under the type that users see. */
export function asTensor(value: Value): Tensor {
  return value as unknown as Tensor;
}
