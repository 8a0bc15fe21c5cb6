import type { Case, Measurement } from './case';
import { own, peer, torch } from './entries';
import { comparison } from './report/comparison';
import { decodeReport } from './report/decode';
import { forwardReport } from './report/forward';
import { machineReport } from './report/machine';
import { memoryReport } from './report/memory';
import { profileReport } from './report/profile';
import { EMPTY, startReport } from './report/start';
import { stepReport, traceReport } from './report/step';
import { tokenizersReport } from './report/tokenizers';
import type { Surroundings } from './surroundings';
import { tokenizerEntries } from './tokenizers';
import { ATTENTION, ATTENTION_SIZES, ELEMENTWISE, FORWARD, GEMM, type Item, MODELS, modelOf } from './workload.mjs';

const names = (items: readonly Item[]): string[] => items.map(({ name }) => name);

const machine: Measurement = {
  entries: (around) => around.nodes.map((node) => own(node, 'machine.ts', { cores: around.cores })),
  quick: { rounds: 10, seconds: 3 },
  full: { rounds: 30, seconds: 20 },
  warmUp: 2,
};

/** Products are the same work in every layout; tfjs takes minutes over those of transposed operands, jax-js over two. */
const notBoth = GEMM.filter(({ layout }) => layout !== 'TT');
const plain = GEMM.filter(({ layout }) => layout === 'NN' || layout === 'NT');
const gemm: Measurement = {
  entries: (around) => [
    ...around.nodes.map((node) => own(node, 'operations.ts', { work: 'gemm', threads: 1 })),
    ...peer(around, 'jax-js', { work: 'gemm', items: names(around.full ? GEMM : notBoth) }),
    ...peer(around, 'tfjs', { work: 'gemm', items: names(around.full ? GEMM : plain) }, around.full ? 5 : 3),
    ...peer(around, 'onnxruntime-node', { work: 'gemm' }),
    ...peer(around, 'onnxruntime-web', { work: 'gemm' }),
    ...torch(around, { work: 'gemm', items: GEMM }),
  ],
  quick: { rounds: 15, seconds: 12 },
  full: { rounds: 30, seconds: 180 },
  warmUp: 35,
};

const elementwise: Measurement = {
  entries: (around) => [
    ...around.nodes.map((node) => own(node, 'operations.ts', { work: 'elementwise', threads: 1 })),
    ...peer(around, 'jax-js', { work: 'elementwise' }),
    ...peer(around, 'tfjs', { work: 'elementwise' }),
    ...peer(around, 'onnxruntime-node', { work: 'elementwise' }),
    ...peer(around, 'onnxruntime-web', { work: 'elementwise' }),
    ...torch(around, { work: 'elementwise', items: ELEMENTWISE }),
  ],
  quick: { rounds: 20, seconds: 5 },
  full: { rounds: 60, seconds: 60 },
  warmUp: 12,
};

/** In few sizes: each length four times the last. jax-js and tfjs keep whole matrices of scores, and take seconds over long ones. */
const attentionItems = ({ full }: Surroundings): typeof ATTENTION =>
  full ? ATTENTION : ATTENTION.filter(({ T }) => [64, 256, 1024, 4096].includes(T));
const attention: Measurement = {
  entries: (around) => {
    const items = attentionItems(around);
    const short = around.full ? items : items.filter(({ T }) => T <= 1024);
    return [
      ...around.nodes.map((node) => own(node, 'operations.ts', { work: 'attention', threads: 1, items: names(items) })),
      ...peer(around, 'jax-js', { work: 'attention', items: names(short) }, 5),
      ...peer(around, 'tfjs', { work: 'attention', items: names(short) }, 3),
      ...peer(around, 'onnxruntime-node', { work: 'attention', items: names(items) }),
      ...peer(around, 'onnxruntime-web', { work: 'attention', items: names(items) }),
      ...torch(around, { work: 'attention', items, sizes: ATTENTION_SIZES }),
    ];
  },
  quick: { rounds: 10, seconds: 12 },
  full: { rounds: 20, seconds: 240 },
  warmUp: 20,
};

const step: Measurement = {
  entries: (around) => [
    ...around.nodes.flatMap((node) =>
      threadsOf(around).map((threads) => own(node, 'step.ts', { model: 'step', threads })),
    ),
    ...peer(around, 'jax-js', { work: 'step', model: 'step' }, around.full ? 10 : 4),
    ...peer(around, 'tfjs', { work: 'step', model: 'step' }, around.full ? 5 : 2),
    ...torch(around, { work: 'step', sizes: MODELS.step }),
  ],
  quick: { rounds: 15, seconds: 20 },
  full: { rounds: 30, seconds: 120 },
  warmUp: 40,
};

const vit: Measurement = {
  entries: (around) => [
    ...around.nodes.flatMap((node) =>
      threadsOf(around).map((threads) => own(node, 'step.ts', { model: 'vit', threads })),
    ),
    ...(around.full ? peer(around, 'jax-js', { work: 'step', model: 'vit' }, 5) : []),
    ...(around.full ? peer(around, 'tfjs', { work: 'step', model: 'vit' }, 3) : []),
    ...torch(around, { work: 'step', sizes: MODELS.vit }),
  ],
  quick: { rounds: 8, seconds: 10 },
  full: { rounds: 15, seconds: 120 },
  warmUp: 20,
};

const forward: Measurement = {
  entries: (around) => [
    ...around.nodes.map((node) => own(node, 'forward.ts', { threads: 1 })),
    ...peer(around, 'jax-js', { work: 'forward' }, around.full ? 20 : 6),
    ...peer(around, 'tfjs', { work: 'forward' }, around.full ? 20 : 6),
    ...peer(around, 'onnxruntime-node', { work: 'forward' }),
    ...peer(around, 'onnxruntime-web', { work: 'forward' }),
    ...torch(around, { work: 'forward', items: FORWARD.map((item) => ({ ...item, model: modelOf('step', item.B) })) }),
  ],
  quick: { rounds: 15, seconds: 8 },
  full: { rounds: 60, seconds: 90 },
  warmUp: 20,
};

const decode: Measurement = {
  entries: (around) => around.nodes.map((node) => own(node, 'decode.ts', { threads: 1, full: around.full })),
  quick: { rounds: 5, seconds: 12 },
  full: { rounds: 15, seconds: 120 },
  warmUp: 8,
};

const start: Measurement = {
  entries: (around) => [
    ...around.nodes.map((node) => own(node, 'start.ts', { program: 'qkv' })),
    { label: EMPTY, module: 'start.ts', settings: { program: 'node' }, runtime: around.nodes[0] },
    ...(['jax-js', 'tfjs', 'onnxruntime-web', 'onnxruntime-node'] as const).flatMap((name) =>
      peer(around, name, { program: name }, undefined, 'start.ts'),
    ),
  ],
  quick: { rounds: 7, seconds: 10 },
  full: { rounds: 20, seconds: 60 },
  warmUp: 10,
};

const tokenizers: Measurement = {
  entries: tokenizerEntries,
  quick: { rounds: 5, seconds: 90 },
  full: { rounds: 9, seconds: 300 },
  warmUp: 40,
};

const threadsOf = ({ cores }: Surroundings): number[] => (cores > 1 ? [1, 2] : [1]);

/** Everything that there is to measure, in the order in which it is shown. */
export const CASES: readonly Case[] = [
  { name: 'machine', title: 'What the machine can do at most', measurement: machine, report: machineReport },
  {
    name: 'gemm',
    title: 'Matrix products M×N×K, operands as they are (N) or stored transposed (T)',
    measurement: gemm,
    report: (outcomes) => comparison(outcomes, { items: GEMM, count: 'flops', kernels: true }),
  },
  {
    name: 'elementwise',
    title: 'Element-wise work, softmax, layer norm',
    measurement: elementwise,
    report: (outcomes) => comparison(outcomes, { items: ELEMENTWISE, count: 'bytes' }),
  },
  {
    name: 'attention',
    title: 'Attention, B=1, H=4, Dh=32: forward, and with gradients',
    measurement: attention,
    report: (outcomes) => comparison(outcomes, { items: ATTENTION, count: 'flops' }),
  },
  {
    name: 'step',
    title: 'Training step (B=32, T=64, D=128, H=4, F=512, 4 layers, Adam)',
    measurement: step,
    report: (outcomes) => stepReport(outcomes, MODELS.step),
  },
  { name: 'trace', title: 'What JavaScript costs in that step', measurement: step, report: traceReport },
  { name: 'memory', title: 'Memory of that step', measurement: step, report: memoryReport },
  {
    name: 'vit',
    title: 'Training step of a ViT-Ti (B=16, T=65, D=192, H=3, F=768, 12 layers, Adam)',
    measurement: vit,
    report: (outcomes) => stepReport(outcomes, MODELS.vit),
  },
  {
    name: 'forward',
    title: "The encoder's forward pass: 32 inputs, and the latency of one",
    measurement: forward,
    report: forwardReport,
  },
  {
    name: 'decode',
    title: 'Greedy decoding with a cache and without',
    measurement: decode,
    report: decodeReport,
  },
  { name: 'start', title: 'Start-up, and bytes of a bundle', measurement: start, report: startReport },
  {
    name: 'tokenizers',
    title: 'Tokenizers: texts to ids, and training',
    measurement: tokenizers,
    report: tokenizersReport,
    optional: true,
  },
];

/** The training step one kernel at a time. */
export const PROFILE: Case = {
  name: 'profile',
  title: 'Training step, kernel by kernel',
  measurement: {
    entries: ({ nodes }) => nodes.map((node) => own(node, 'profile.ts', { threads: 1 })),
    quick: { rounds: 15, seconds: 30 },
    full: { rounds: 30, seconds: 60 },
    warmUp: 8,
  },
  report: profileReport,
};
