import type { Step, StepDescription } from '@qkv/tensor';

import { sizeOf, type KernelEncoder, type KernelEncoders, type Operand, type StepWriter } from '../encoder';

// As in assembly/attention-blocks.ts.
const ROWS = 65;
const CHUNK = 256;
const ROW = 1088;
const TILE = 192;

const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** Bytes of a row of scores, as in assembly/attention-blocks.ts. */
const rowOf = (keys: number): number => 64 * (Math.ceil((4 * roundUp(Math.min(keys, CHUNK), 8)) / 64) | 1);

/** q, k, v as (B, T, H, Dh), (B, S, H, Dh), (B, S, H, Dv). */
function sizes([q, k, v]: readonly { shape: readonly number[] }[]): {
  B: number;
  T: number;
  H: number;
  S: number;
  Dh: number;
  Dv: number;
} {
  const [B, T, H, Dh] = q.shape;
  return { B, T, H, S: k.shape[1], Dh, Dv: v.shape[3] };
}

/** Bytes of one walker. */
function forwardBytes(step: StepDescription): number {
  const { S, Dh, Dv } = sizes(step.inputs);
  const block = 8 + ROW + 4 * roundUp(Dh, 8) + 4 * roundUp(Dv, 8);
  return roundUp(ROWS * block + 4 * roundUp(S, 8) * Dh + 4 * S * roundUp(Dv, 8), 64);
}

function backwardBytes(step: StepDescription): number {
  const { T, S, Dh, Dv } = sizes(step.inputs);
  const row = 4 * (2 + roundUp(Dh, 8) + roundUp(Dv, 8));
  const chunk = 4 * (Dh + Dv);
  return roundUp(
    TILE + ROWS * 2 * rowOf(S) + CHUNK * chunk + 4 * roundUp(CHUNK, 5) * roundUp(Dh, 8) + (roundUp(T, 4) + 4) * row,
    64,
  );
}

function strided(operand: Operand, writer: StepWriter): void {
  writer.ptr(operand);
  for (const stride of operand.strides) writer.int(4 * stride);
}

function common(step: Step, mask: Operand | undefined, bytes: number, writer: StepWriter): void {
  const { B, T, H, S, Dh, Dv } = sizes(step.inputs);
  for (const operand of step.inputs.slice(0, 3)) strided(operand, writer);
  if (mask) strided(mask, writer);
  else writer.int(-1).int(0).int(0).int(0).int(0).int(0);
  writer
    .int(B)
    .int(H)
    .int(T)
    .int(S)
    .int(Dh)
    .int(Dv)
    .int(step.attributes.causal ? 1 : 0)
    .float(step.attributes.scale as number);
  writer.ptr(step.workspace!).int(bytes);
}

/** A bias added to the scores is left to the decomposition. */
const supports: KernelEncoder['supports'] = ({ attributes }) => attributes.bias !== true;

const attentionForward: KernelEncoder = {
  supports,
  encode(step, writer) {
    const [o, lse] = step.outputs;
    common(step, step.inputs[3], forwardBytes(step), writer.kernel('attention'));
    writer.ptr(o).ptr(lse);
  },
  strided: [0, 1, 2, 3],
  workspace: (step, parts) => parts * forwardBytes(step),
};

const attentionBackward: KernelEncoder = {
  supports,
  encode(step, writer) {
    const [, , , o, lse, gradient, mask] = step.inputs;
    if (sizeOf(lse.shape) === 0 || sizes(step.inputs).S === 0) {
      for (const y of step.outputs) {
        const n = sizeOf(y.shape);
        if (n > 0) writer.kernel('fill').ptr(y).int(0).int(n).int(1).int(1).int(0).int(1).int(0);
      }
      return;
    }
    common(step, mask, backwardBytes(step), writer.kernel('attentionBackward'));
    strided(o, writer);
    strided(gradient, writer);
    writer.ptr(lse);
    for (const y of step.outputs) writer.ptr(y);
  },
  strided: [0, 1, 2, 3, 5, 6],
  workspace: (step, parts) => parts * backwardBytes(step),
};

/** Attention in tiles, at memory linear in the lengths; q, k, v and the mask in any layout. */
export const attention: KernelEncoders = { attention: attentionForward, attentionBackward };
