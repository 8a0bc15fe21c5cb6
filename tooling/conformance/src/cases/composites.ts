import { type Attributes, internals, type Shape, type Tensor } from '@qkv/tensor';

import type { Tolerance } from '../compare';
import { anyShape, bools, floats, given, type Given, integers, type Sampler, sizeOf, strided, type View } from '../sample';
import type { Trial } from '../trial';

interface Case {
  readonly inputs: readonly Given[];
  readonly attributes?: Attributes;
  /** From the inputs to the operands. */
  readonly views?: readonly View[];
  readonly tolerance: Tolerance;
  readonly gradient?: Trial['gradient'];
}

/** (…, C): C around the width of a vector and of a chunk, leading dimensions that may be 0; now and then many rows, or long. */
function rowsShape(random: Sampler): number[] {
  if (random.chance(0.1)) return random.pick([[63, 5], [64, 8], [65, 3], [2, 70, 4], [130, 17], [3, 1030], [2, 2049]]);
  const last = random.pick([1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 64, 100, 257]);
  const lead = random.pick([[], [1], [2], [3], [5], [2, 3], [1, 4], [2, 1, 3], [0], [2, 0]]);
  return [...lead, last];
}

/** As `floats`, in a random layout; without `expand`, neighbours are different numbers. */
function laid(random: Sampler, shape: Shape, low?: number, high?: number, expand = true): { input: Given; view: View } {
  const { base, view } = strided(random, shape, { expand });
  return { input: floats(random, base, low, high), view };
}

const split = (all: readonly { input: Given; view: View }[]): { inputs: Given[]; views: View[] } => ({
  inputs: all.map(({ input }) => input),
  views: all.map(({ view }) => view),
});

// Of the largest element or 1, whichever is larger.
const normwise = (ulps: number): Tolerance => ({ ulps, of: 'tensor', floor: 1 });

function activation(random: Sampler): Case {
  const shape = anyShape(random);
  const { input, view } = laid(random, shape, -6, 6);
  if (random.chance(0.5)) for (let i = 0; i < input.data.length; i += 3) input.data[i] = random.pick([0, -0, 100, -100, 1e-30, -1e-6, 20, -20]);
  return { inputs: [input], views: [view], tolerance: { ulps: 4, floor: 1 }, gradient: { ulps: 24 } };
}

function activationBackward(random: Sampler): Case {
  const shape = anyShape(random);
  const x = laid(random, shape, -6, 6);
  // 1 − tanh² cancels where tanh is close to 1, before it is multiplied by up to 6.
  return { ...split([x, laid(random, shape)]), tolerance: normwise(32), gradient: { ulps: 384 } };
}

function softmax(random: Sampler): Case {
  const shape = rowsShape(random);
  const [large, some] = [random.pick([1, 4, 80]), random.chance(0.4)];
  const { input, view } = laid(random, shape, -large, large);
  if (some) for (let i = 0; i < input.data.length; i++) if (random.chance(0.3)) input.data[i] = -Infinity;
  if (random.chance(0.2)) input.data.fill(-Infinity);
  return { inputs: [input], views: [view], tolerance: normwise(8), gradient: some || input.data[0] === -Infinity ? undefined : { ulps: 64 } };
}

function logSoftmax(random: Sampler): Case {
  const { input, view } = laid(random, rowsShape(random), -20, 20);
  return { inputs: [input], views: [view], tolerance: normwise(2), gradient: { ulps: 192 } };
}

function rowsBackward(random: Sampler): Case {
  const shape = rowsShape(random);
  const c = shape.at(-1)!;
  return { ...split([laid(random, shape, 0, 2 / c), laid(random, shape)]), tolerance: normwise(32), gradient: { ulps: 48 } };
}

const EPSILONS = [1e-5, 1e-6, 1e-2];

/** layerNorm, and rmsNorm with `vectors` 1. */
const norm = (vectors: number) => (random: Sampler): Case => {
  const shape = rowsShape(random);
  const offset = random.uniform(-2, 2);
  // Rows of equal numbers would divide rounding errors by a deviation of almost 0; so do, less so, rows of two.
  const x = laid(random, shape, offset - 2, offset + 2, false);
  const parameters = Array.from({ length: vectors }, () => laid(random, [shape.at(-1)!], -1, 2));
  return { ...split([x, ...parameters]), attributes: { epsilon: random.pick(EPSILONS) }, tolerance: normwise(128), gradient: { outputs: [0], ulps: 1024 } };
};

const normBackward = (statistics: number) => (random: Sampler): Case => {
  const shape = rowsShape(random);
  const gain = laid(random, [shape.at(-1)!], -1, 2);
  const rows = Array.from({ length: statistics }, (_, i) => laid(random, shape.slice(0, -1), i === statistics - 1 ? 0.5 : -1, 2));
  return {
    ...split([laid(random, shape), gain, ...rows, laid(random, shape)]),
    attributes: { epsilon: 1e-5 },
    tolerance: normwise(16),
    gradient: { ulps: 384 },
  };
};

interface Heads {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  readonly H: number;
}

/** Mask and bias with the attributes that go with them; both may be small, and are expanded to (B, H, T, S). */
function attentionExtras(random: Sampler, { B, T, S, H }: Heads): { extra: { input: Given; view: View }[]; attributes: Attributes; allowed: (b: number, h: number, t: number) => boolean } {
  const all = [B, H, T, S];
  const extra: { input: Given; view: View }[] = [];
  const causal = T === S && random.chance(0.4);
  const [mask, bias] = [random.chance(0.5), random.chance(0.25)];
  let rowAllowed = (_b: number, _h: number, _t: number): boolean => S > 0;
  if (mask) {
    const small = random.pick([all, [B, 1, 1, S], [1, 1, T, S], [B, 1, T, S], [1, 1, 1, 1]]);
    const input = bools(random, small, random.pick([0.2, 0.7]));
    extra.push({ input, view: (x) => x.expand(all) });
    const strides = small.map((size, d) => (size === 1 && all[d] !== 1 ? 0 : sizeOf(small.slice(d + 1))));
    rowAllowed = (b, h, t) => {
      for (let s = 0; s < (causal ? t + 1 : S); s++) {
        if (input.data[b * strides[0] + h * strides[1] + t * strides[2] + s * strides[3]] === 1) return true;
      }
      return false;
    };
  }
  if (bias) {
    const small = random.pick([all, [1, H, T, S], [1, 1, 1, S]]);
    extra.push({ input: floats(random, small, -1, 1), view: (x) => x.expand(all) });
  }
  return { extra, attributes: { scale: random.pick([1, 0.25, 0.7]), causal, mask, bias }, allowed: rowAllowed };
}

function attentionOperands(random: Sampler): { heads: Heads; Dv: number; operands: { input: Given; view: View }[] } {
  // Now and then more queries than a block has, and more keys than a chunk.
  const size = (): number => (random.chance(0.06) ? random.pick([63, 64, 65, 130, 255, 256, 257, 300]) : random.pick([1, 2, 3, 4, 5, 8, 9, 17, 33]));
  const T = random.chance(0.05) ? 0 : size();
  const S = random.chance(0.5) ? T : random.chance(0.05) ? 0 : size();
  const heads = { B: random.pick([1, 1, 2, 3]), T, S, H: random.pick([1, 2, 3]) };
  const [Dh, Dv] = [random.pick([1, 2, 4, 5, 8, 16, 24]), random.pick([1, 3, 4, 8, 16])];
  const head = (length: number, features: number): number[] => [heads.B, length, heads.H, features];
  return { heads, Dv, operands: [laid(random, head(T, Dh)), laid(random, head(S, Dh)), laid(random, head(S, Dv))] };
}

function attention(random: Sampler): Case {
  const { heads, operands } = attentionOperands(random);
  const { extra, attributes, allowed } = attentionExtras(random, heads);
  // The log-sum-exp of a row with nothing to attend to is −∞, which no sum of outputs survives.
  const rows = heads.B * heads.H * heads.T;
  const finite = Array.from({ length: rows }, (_, i) => allowed(Math.floor(i / (heads.H * heads.T)), Math.floor(i / heads.T) % heads.H, i % heads.T)).every(Boolean);
  const outputs = finite ? random.pick([[0], [1], [0, 1]]) : [0];
  return { ...split([...operands, ...extra]), attributes, tolerance: normwise(24), gradient: { outputs, ulps: 160 } };
}

function attentionBackward(random: Sampler): Case {
  const { heads, Dv, operands } = attentionOperands(random);
  const { B, T, H } = heads;
  const { extra, attributes, allowed } = attentionExtras(random, heads);
  // −∞ where a row may attend to nothing, as the forward pass gives.
  const most = (attributes.scale as number) * (operands[0].input.shape.at(-1) ?? 1);
  const lse = floats(random, [B, H, T], 3 + most, 6 + most);
  lse.data.forEach((_, i) => {
    if (!allowed(Math.floor(i / (H * T)), Math.floor(i / T) % H, i % T)) lse.data[i] = -Infinity;
  });
  const o = [B, T, H, Dv];
  const finite = lse.data.every((value) => Number.isFinite(value));
  return {
    ...split([...operands, laid(random, o), { input: lse, view: (x) => x }, laid(random, o), ...extra]),
    attributes,
    tolerance: normwise(256),
    gradient: finite ? { ulps: 160 } : undefined,
  };
}

function crossEntropyInputs(random: Sampler): { logits: Given; targets: Given; attributes: Attributes; masked: boolean } {
  const [N, C] = [random.pick([0, 1, 2, 3, 5, 17, 70]), random.pick([1, 2, 3, 4, 7, 8, 33, 130, 1030])];
  const attributes = { smoothing: random.pick([0, 0, 0.1, 0.5]), ignoreIndex: random.pick([-100, 0, C - 1]) };
  const targets = integers(random, [N], 0, C - 1);
  targets.data.forEach((_, i) => {
    if (random.chance(0.25)) targets.data[i] = attributes.ignoreIndex;
  });
  const logits = floats(random, [N, C], -5, 5);
  const masked = attributes.smoothing === 0 && random.chance(0.3);
  if (masked) {
    logits.data.forEach((_, i) => {
      if (targets.data[Math.floor(i / C)] !== i % C && i % C !== 0 && random.chance(0.3)) logits.data[i] = -Infinity;
    });
  }
  return { logits, targets, attributes, masked };
}

function crossEntropy(random: Sampler): Case {
  const { logits, targets, attributes, masked } = crossEntropyInputs(random);
  return { inputs: [logits, targets], attributes, tolerance: normwise(4), gradient: masked ? undefined : { outputs: [0], ulps: 8 } };
}

function crossEntropyBackward(random: Sampler): Case {
  const { logits, targets, attributes, masked } = crossEntropyInputs(random);
  const rows = [targets.shape[0]];
  return {
    inputs: [logits, targets, floats(random, rows, 4, 8), floats(random, rows)],
    attributes,
    tolerance: normwise(8),
    gradient: masked ? undefined : { ulps: 12 },
  };
}

/** A recurrence of this many gates, with `sequences` more operands (B, T, H), and perhaps a mask. */
const recurrence = (gates: number, sequences = 0) => (random: Sampler): Case => {
  const [B, T, H] = [random.pick([1, 2, 3]), random.pick([1, 2, 3]), random.pick([1, 2, 3, 4, 8, 17])];
  const shapes = [[B, T, gates * H], [gates * H, H], gates === 4 ? [B, H] : [gates * H], [B, H], ...new Array<number[]>(sequences).fill([B, T, H])];
  const operands = shapes.map((shape) => laid(random, shape, -1, 1));
  if (random.chance(0.5)) operands.push({ input: bools(random, [B, T], 0.7), view: (x) => x });
  return { ...split(operands), attributes: { reverse: random.chance(0.5) }, tolerance: normwise(256), gradient: { ulps: 1024 } };
};

function adamW(random: Sampler): Case {
  const shape = anyShape(random, [0, 1, 2]);
  const tensors = [laid(random, shape), laid(random, shape), laid(random, shape, -1, 1), laid(random, shape, 0, 1)];
  const scalar = (value: number): { input: Given; view: View } => ({ input: given([], Float32Array.of(value)), view: (x) => x });
  const scalars = [random.pick([1e-3, 0.5]), random.uniform(0.1, 1), random.uniform(0.05, 1), random.pick([1, 0.3])].map(scalar);
  const attributes = {
    beta1: random.pick([0, 0.9]),
    beta2: random.pick([0.98, 0.999]),
    epsilon: random.pick([1e-8, 1e-3]),
    weightDecay: random.pick([0, 0.1]),
    decoupled: random.chance(0.5),
  };
  return { ...split([...tensors, ...scalars]), attributes, tolerance: normwise(6) };
}

function dropout(random: Sampler): Case {
  const { input, view } = laid(random, anyShape(random));
  const state = given([4], Int32Array.from({ length: 4 }, () => random.word() | 0));
  const attributes = { rate: random.pick([0.1, 0.5, 0.9, 0.25]), site: random.word() };
  return { inputs: [input, state], views: [view, (x) => x], attributes, tolerance: { ulps: 1.5 }, gradient: { ulps: 96 } };
}

function writeAt(random: Sampler): Case {
  const shape = rowsShape(random);
  const axis = random.integer(0, shape.length - 1);
  const x = laid(random, shape);
  const slice = laid(random, shape.map((size, d) => (d === axis ? 1 : size)));
  const position = given([], Int32Array.of(random.integer(-1, shape[axis])));
  return { ...split([x, slice]), inputs: [x.input, slice.input, position], views: [x.view, slice.view, (p) => p], attributes: { axis }, tolerance: { ulps: 0 }, gradient: { ulps: 96 } };
}

const ACTIVATIONS = ['sigmoid', 'gelu', 'geluTanh', 'silu', 'softplus'];

const CASES: Readonly<Record<string, (random: Sampler) => Case>> = {
  ...Object.fromEntries(ACTIVATIONS.flatMap((name) => [[name, activation], [`${name}Backward`, activationBackward]])),
  softmax,
  softmaxBackward: rowsBackward,
  logSoftmax,
  logSoftmaxBackward: rowsBackward,
  layerNorm: norm(2),
  layerNormBackward: normBackward(2),
  rmsNorm: norm(1),
  rmsNormBackward: normBackward(1),
  attention,
  attentionBackward,
  crossEntropy,
  crossEntropyBackward,
  lstm: recurrence(4),
  lstmBackward: recurrence(4, 4),
  gru: recurrence(3),
  gruBackward: recurrence(3, 2),
  adamW,
  dropout,
  writeAt,
};

export const COMPOSITE_CASES = Object.keys(CASES);

/** A random trial of a composite: its values, and its gradients, which reach the composites that differentiate it. */
export function compositeTrial(name: string, random: Sampler): Trial {
  const { inputs, attributes, views, tolerance, gradient } = CASES[name](random);
  const compute = (xs: readonly Tensor[]): readonly Tensor[] => internals.applyTensors(name, views === undefined ? xs : xs.map((x, i) => views[i](x)), attributes);
  const shapes = inputs.map((input) => `[${input.shape.join()}]`).join(' ');
  return { title: `${name} ${shapes} ${JSON.stringify(attributes ?? {})}`, inputs, compute, tolerance, gradient };
}
