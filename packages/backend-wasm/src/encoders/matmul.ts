import type { Step, StepDescription } from '@qkv/tensor';

import { mergeDimensions, sizeOf, type KernelEncoders, type Operand, type StepWriter } from '../encoder';

// As in assembly/matmul.ts.
const KC = 256;
const TILE = 192;
const SCRATCH = TILE + 40 * KC * 4;
const GROUP = 32;
const FEW = TILE + 4 * KC * 4 + GROUP * KC * 4;

/** Elements of B that are packed at a time: half a MiB, for the second-level cache. */
const BLOCK = 1 << 17;
/** k of such a block at most. */
const DEEP = 8 * KC;

const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** Sizes of a block of B. Where rows of A are gathered chunk by chunk, wide blocks are better than deep ones. */
function blockOf(k: number, deep: boolean): { depth: number; width: number } {
  const depth = Math.min(k, deep ? DEEP : KC);
  return { depth, width: Math.floor(BLOCK / depth / 32) * 32 };
}

function packedBytes(n: number, k: number): number {
  const elements = [true, false].map((deep) => {
    const { depth, width } = blockOf(k, deep);
    return roundUp(Math.min(n, width), 8) * depth;
  });
  return 4 * Math.max(...elements);
}

/** Whether walkers take chunks of k: where the result is small, so that they would share little of the rest. */
function splitsK(m: number, n: number, k: number, matrices: number, parts: number): boolean {
  return parts > 1 && matrices === 1 && m > 4 && m * n <= 1 << 16 && k >= 4 * KC;
}

/** Scratch of one walker that takes chunks of k, and all partial results. */
function splitBytes(m: number, n: number, k: number): { own: number; partial: number } {
  return { own: roundUp(SCRATCH + 4 * roundUp(n, 8) * KC, 64), partial: 4 * Math.ceil(k / KC) * m * n };
}

function encodeSplit(p: Product, step: Step, writer: StepWriter): void {
  const { own } = splitBytes(p.m, p.n, p.k);
  const partial = writer.parts * own;
  writer
    .kernel('matmulSplit')
    .ptr(p.a)
    .int(4 * p.am)
    .int(4 * p.ak);
  writer
    .ptr(p.b)
    .int(4 * p.bn)
    .int(4 * p.bk)
    .ptr(step.workspace!, partial);
  writer.int(p.m).int(p.n).int(p.k).ptr(step.workspace!).int(own);
  const chunks = Math.ceil(p.k / KC);
  writer
    .kernel('matmulSum')
    .ptr(step.workspace!, partial)
    .ptr(p.c)
    .int(p.m * p.n)
    .int(chunks);
}

interface Product {
  readonly a: Operand;
  readonly b: Operand;
  readonly c: Operand;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** In elements. */
  readonly am: number;
  readonly ak: number;
  readonly bk: number;
  readonly bn: number;
  /** Sizes and strides of A and B; outermost first. */
  readonly batch: { shape: number[]; strides: number[][] };
}

function product({ inputs: [a, b], outputs: [c] }: Step): Product {
  const rank = c.shape.length;
  let m = c.shape[rank - 2];
  const n = c.shape[rank - 1];
  const k = a.shape[rank - 1];
  const [am, ak] = a.strides.slice(-2);
  const [bk, bn] = b.strides.slice(-2);
  const batch = mergeDimensions(c.shape.slice(0, -2), a.strides.slice(0, -2), b.strides.slice(0, -2));
  // A batch that shares B and continues the rows of A is rows of one product.
  const last = batch.shape.length - 1;
  if (last >= 0 && batch.strides[1][last] === 0 && (m === 1 || batch.strides[0][last] === m * am)) {
    const stride = m === 1 ? batch.strides[0][last] : am;
    m *= batch.shape[last];
    return {
      a,
      b,
      c,
      m,
      n,
      k,
      am: stride,
      ak,
      bk,
      bn,
      batch: { shape: batch.shape.slice(0, -1), strides: batch.strides.map((s) => s.slice(0, -1)) },
    };
  }
  return { a, b, c, m, n, k, am, ak, bk, bn, batch };
}

/** Whether rows of A are gathered, as `multiplyBlock` does. */
const isFar = ({ am, ak }: Product): boolean => am === 1 && ak > 16;

function batchDimensions({ batch }: Product, writer: StepWriter): void {
  writer.int(batch.shape.length);
  for (let d = batch.shape.length - 1; d >= 0; d--)
    writer
      .int(batch.shape[d])
      .int(4 * batch.strides[0][d])
      .int(4 * batch.strides[1][d]);
}

/** One block of B after the other is packed by all walkers, then multiplied by all. */
function encodeShared(
  p: Product,
  matrices: number,
  bytesA: number,
  bytesB: number,
  bytesC: number,
  dims: Product['batch'],
  step: Step,
  writer: StepWriter,
  epilogue?: Epilogue,
): boolean {
  const packed = packedBytes(p.n, p.k);
  const { depth, width } = blockOf(p.k, !isFar(p));
  const splitColumns = p.m < 32 * writer.parts;
  // The program runs over whole rows that are done.
  const carries = epilogue !== undefined && p.n <= width && p.k <= depth && !splitColumns;
  for (let j = 0; j < p.n; j += width) {
    const columns = Math.min(width, p.n - j);
    for (let q = 0; q < p.k; q += depth) {
      const k = Math.min(depth, p.k - q);
      writer
        .kernel('matmulPack')
        .ptr(p.b, bytesB + 4 * (q * p.bk + j * p.bn))
        .int(4 * p.bn)
        .int(4 * p.bk);
      writer.int(columns).int(k).ptr(step.workspace!);
      writer
        .kernel('matmulShared')
        .ptr(p.a, bytesA + 4 * q * p.ak)
        .int(4 * p.am)
        .int(4 * p.ak);
      writer
        .ptr(p.c, bytesC + 4 * j)
        .int(p.n)
        .int(p.m)
        .int(columns)
        .int(k)
        .int(q > 0 ? 1 : 0);
      writer.ptr(step.workspace!).ptr(step.workspace!, packed);
      writer
        .int(matrices)
        .int(4 * p.m * p.n)
        .int(splitColumns ? 1 : 0)
        .int(carries ? 20 + 3 * dims.shape.length : 0);
      batchDimensions({ ...p, batch: dims }, writer);
    }
  }
  if (carries) epilogue(writer);
  return carries;
}

/** `own` are the bytes of one walker. */
function encodeBatch(
  kernel: 'matmulBatch' | 'matmulFew',
  p: Product,
  matrices: number,
  own: number,
  step: Step,
  writer: StepWriter,
): void {
  writer
    .kernel(kernel)
    .ptr(p.a)
    .int(4 * p.am)
    .int(4 * p.ak)
    .ptr(p.b)
    .int(4 * p.bn)
    .int(4 * p.bk);
  writer.ptr(p.c).int(p.m).int(p.n).int(p.k).ptr(step.workspace!).int(own);
  const { depth, width } = blockOf(p.k, !isFar(p));
  writer.int(depth).int(width).int(matrices);
  batchDimensions(p, writer);
}

/** Writes the words of the element-wise program that follows a product. */
type Epilogue = (writer: StepWriter) => void;

/** Whether the epilogue is part of what was written; otherwise it is still to do. */
export function encodeMatmul(step: Step, writer: StepWriter, epilogue?: Epilogue): boolean {
  const p = product(step);
  const matrices = sizeOf(p.batch.shape);
  if (matrices * p.m * p.n === 0) return true;
  if (p.k === 0) {
    writer
      .kernel('fill')
      .ptr(p.c)
      .int(0)
      .int(matrices * p.m * p.n)
      .int(1)
      .int(1)
      .int(0)
      .int(1)
      .int(0);
    return false;
  }
  // A product of few rows reads B once: packing it would cost more than multiplying.
  if (p.m === 1 || (p.m <= 4 && p.bn === 1)) {
    encodeBatch('matmulFew', p, matrices, FEW, step, writer);
  } else if (splitsK(p.m, p.n, p.k, matrices, writer.parts)) {
    encodeSplit(p, step, writer);
  } else if (p.batch.strides[1].every((stride) => stride === 0)) {
    return encodeShared(p, matrices, 0, 0, 0, p.batch, step, writer, epilogue);
  } else if (matrices < writer.parts) {
    for (let i = 0; i < matrices; i++) {
      let rest = i;
      let bytesA = 0;
      let bytesB = 0;
      for (let d = p.batch.shape.length - 1; d >= 0; d--) {
        const index = rest % p.batch.shape[d];
        rest = (rest - index) / p.batch.shape[d];
        bytesA += 4 * index * p.batch.strides[0][d];
        bytesB += 4 * index * p.batch.strides[1][d];
      }
      encodeShared(p, 1, bytesA, bytesB, 4 * i * p.m * p.n, { shape: [], strides: [[], []] }, step, writer);
    }
  } else {
    encodeBatch('matmulBatch', p, matrices, SCRATCH + roundUp(packedBytes(p.n, p.k), 64), step, writer);
  }
  return false;
}

function workspace({ inputs: [a], outputs: [c] }: StepDescription, parts: number): number {
  if (sizeOf(c.shape) === 0) return 0;
  const packed = packedBytes(c.shape.at(-1)!, a.shape.at(-1)!);
  const batched = sizeOf(c.shape.slice(0, -2)) > 1;
  const together = Math.max(FEW, SCRATCH + (batched ? roundUp(packed, 64) : 0)) * parts + packed;
  const [m, n, k] = [sizeOf(c.shape) / c.shape.at(-1)!, c.shape.at(-1)!, a.shape.at(-1)!];
  if (!splitsK(m, n, k, 1, parts)) return together;
  const { own, partial } = splitBytes(m, n, k);
  return Math.max(together, own * parts + partial);
}

/** Products of matrices in any layout: what is multiplied are packed panels, so a transposition costs nothing extra. */
export const matmul: KernelEncoders = { matmul: { encode: encodeMatmul, workspace, strided: true } };
