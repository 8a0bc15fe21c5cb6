import { internals, type Step } from '@qkv/tensor';

import { settle } from '../clock';
import { createMeteredEngine } from '../engine';
import { createTrainingSteps } from '../model';
import { createPeakMeter } from '../peak';
import type { Series, Settings, Subject } from '../subject';
import { modelOf } from '../workload.mjs';

type Operand = Step['inputs'][number];

/** One step of the plan; those of equal kernel and shapes are shown together. */
export interface StepFacts {
  readonly kernel: string;
  readonly shapes: string;
  readonly flops: number;
  /** Read and written, each operand once; what is broadcast counts as its own size. */
  readonly bytes: number;
}

/** Steps of the training loop in a round. */
const RUNS = 2;

const elements = ({ shape, strides }: Operand): number =>
  shape.reduce((n, size, d) => (strides[d] === 0 ? n : n * size), 1);
const list = ({ shape }: Operand): string => `[${shape.join(',')}]`;
/** Contiguous or not; a product's layout as BLAS names it. */
const transposed = ({ shape, strides }: Operand): boolean => shape.at(-1)! > 1 && strides.at(-1) !== 1;

function describe({ kernel, inputs, outputs, attributes }: Step): { kernel: string; shapes: string } {
  const program = attributes['program'];
  if (kernel === 'matmul') {
    const [a, b] = inputs;
    const batch = a.shape
      .slice(0, -2)
      .map((size) => `${size}×`)
      .join('');
    const layout = `${transposed(a) ? 'T' : 'N'}${transposed(b) ? 'T' : 'N'}`;
    const more = inputs.length > 2 ? ` +${inputs.length - 2}` : '';
    return { kernel, shapes: `${layout} ${batch}${a.shape.at(-2)}×${b.shape.at(-1)}×${a.shape.at(-1)}${more}` };
  }
  if (typeof program === 'object' && 'instructions' in program) {
    const operations = program.instructions.filter(({ op }) => op !== 'literal').map(({ op }) => op);
    return { kernel, shapes: `(${operations.join(' ')}) ${list(outputs[0])}` };
  }
  const strided = inputs.some(transposed) ? ' strided' : '';
  return { kernel, shapes: `${list(inputs[0] ?? outputs[0])} → ${list(outputs[0])}${strided}` };
}

/** The training step one kernel at a time: milliseconds by kind and shape. */
export async function create(settings: Settings): Promise<Subject> {
  const { backend, engine } = await createMeteredEngine(settings);
  const { retraced, batch } = createTrainingSteps(engine, modelOf('step'));
  const peak = await createPeakMeter(backend.numerics);
  await settle(() => retraced(...batch), 3);
  await settle(peak, 0.2);
  backend.mode = 'profile';
  await retraced(...batch);
  const { plan } = [...backend.profiles.values()][0];

  const steps = plan.steps.map((step): StepFacts => ({
    ...describe(step),
    flops: internals.stepFlops(step),
    bytes: 4 * [...step.inputs, ...step.outputs].reduce((n, operand) => n + elements(operand), 0),
  }));
  return {
    facts: { numerics: backend.numerics, steps: JSON.stringify(steps) },
    async round(): Promise<Series> {
      backend.profiles.clear();
      const series: Series = { peak: [peak()] };
      for (let i = 0; i < RUNS; i++) await retraced(...batch);
      const { milliseconds } = [...backend.profiles.values()][0];
      milliseconds.forEach((times, i) => (series[`step ${i}`] = times));
      return series;
    },
  };
}
