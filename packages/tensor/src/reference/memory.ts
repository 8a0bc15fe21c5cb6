import type { Handle, Memory, Operand } from '../backend';
import { OutOfMemory } from '../backend';
import type { DType } from '../dtype';
import { contiguousStrides, elementCount, forEachOffset, sameShape, stridedExtent } from '../shape';

export type Numeric = Float32Array | Float64Array | Int32Array;

/** An operand's values, row-major. */
export interface Dense {
  readonly data: Numeric;
  readonly dtype: DType;
}

export type Precision = 'float32' | 'float64';

/** Blocks of host memory behind handles. In float64 every element, ids and masks included, is a double. */
export class ReferenceMemory {
  private readonly blocks = new Map<Handle, ArrayBuffer>();
  private next = 1;
  bytesInUse = 0;

  constructor(
    readonly precision: Precision,
    private readonly maximumBytes: number,
  ) {}

  readonly make = (dtype: DType, length: number): Numeric => {
    if (this.precision === 'float64') return new Float64Array(length);
    return dtype === 'float32' ? new Float32Array(length) : new Int32Array(length);
  };

  allocate(bytes: number): Handle {
    if (this.bytesInUse + bytes > this.maximumBytes) throw new OutOfMemory(bytes);
    const handle = this.next++;
    try {
      this.blocks.set(handle, new ArrayBuffer(Math.ceil(bytes / 8) * 8));
    } catch {
      throw new OutOfMemory(bytes);
    }
    this.bytesInUse += bytes;
    return handle;
  }

  free(handle: Handle): void {
    this.bytesInUse -= this.block(handle).byteLength;
    this.blocks.delete(handle);
  }

  block(handle: Handle): ArrayBuffer {
    const block = this.blocks.get(handle);
    if (block === undefined) throw new Error(`reference backend: no block ${handle}`);
    return block;
  }

  private window(operand: Operand, memory: Memory, elements: number): Numeric {
    const block = this.block(memory[operand.slot]!);
    if (this.precision === 'float64') return new Float64Array(block, operand.byteOffset, elements);
    const Array = operand.dtype === 'float32' ? Float32Array : Int32Array;
    return new Array(block, operand.byteOffset, elements);
  }

  /** The values of an operand, row-major: in place where it is contiguous, gathered where not. */
  dense(operand: Operand, memory: Memory): Dense {
    const { shape, strides, dtype } = operand;
    const count = elementCount(shape);
    if (count === 0) return { data: this.make(dtype, 0), dtype };
    if (sameShape(strides, contiguousStrides(shape))) return { data: this.window(operand, memory, count), dtype };
    const source = this.window(operand, memory, stridedExtent(shape, strides));
    const out = this.make(dtype, count);
    forEachOffset(shape, strides, (offset, i) => (out[i] = source[offset]!));
    return { data: out, dtype };
  }

  /** Writes row-major values into an operand, strided or not. */
  store(values: Numeric, operand: Operand, memory: Memory): void {
    const { shape, strides } = operand;
    const target = this.window(operand, memory, stridedExtent(shape, strides));
    if (sameShape(strides, contiguousStrides(shape))) target.set(values);
    else forEachOffset(shape, strides, (offset, i) => (target[offset] = values[i]!));
  }
}
