import { type Backend, type Capabilities, KernelError, type Memory, type Plan, type Prepared } from '../backend';
import { now } from '../clock';
import { REFERENCE_KERNELS } from './kernels';
import { type Precision, ReferenceMemory } from './memory';

export interface ReferenceOptions {
  /** `float64` computes everything in doubles, which proves gradients; `float32` (default) rounds every value. */
  readonly precision?: Precision;
  /** Refuses to hold more; for tests of running out of memory. */
  readonly maximumBytes?: number;
}

/** The executable meaning of every kernel: plain loops, no fused composites, one step after the other. */
export function createReferenceBackend(options: ReferenceOptions = {}): Backend {
  const { precision = 'float32', maximumBytes = Infinity } = options;
  const device = new ReferenceMemory(precision, maximumBytes);
  const elementSize = precision === 'float64' ? 8 : 4;
  const capabilities: Capabilities = {
    elementSize,
    alignment: 8,
    elementwise: { maxInputs: 16, maxInstructions: 128 },
    epilogues: false,
    supports: () => false,
    readsStrides: () => true,
    workspace: () => 0,
  };
  return {
    name: 'reference',
    numerics: `reference-${precision}`,
    capabilities,
    lost: new Promise(() => {}),
    allocate: (bytes) => device.allocate(bytes),
    free: (handle) => device.free(handle),
    write: (handle, byteOffset, bytes) => new Uint8Array(device.block(handle)).set(bytes, byteOffset),
    prepare: (plan: Plan): Prepared => ({ plan, release: () => {} }),
    run: ({ plan }, memory, from = 0, to = plan.steps.length) => {
      for (let i = from; i < to; i++) runStep(plan, i, memory, device);
    },
    profile: async ({ plan }, memory) => {
      const milliseconds = Float64Array.from(plan.steps, (_, i) => {
        const started = now();
        runStep(plan, i, memory, device);
        return now() - started;
      });
      return { milliseconds, peak: NaN };
    },
    read: (regions) =>
      Promise.resolve(regions.map(({ handle, byteOffset, bytes }) => new Uint8Array(device.block(handle).slice(byteOffset, byteOffset + bytes)))),
    close: () => {},
  };
}

function runStep(plan: Plan, index: number, memory: Memory, device: ReferenceMemory): void {
  const step = plan.steps[index]!;
  const kernel = REFERENCE_KERNELS[step.kernel as keyof typeof REFERENCE_KERNELS];
  if (kernel === undefined) throw new KernelError(index, `the reference backend has no kernel '${step.kernel}'`);
  const load = (input: number) => device.dense(step.inputs[input]!, memory).data;
  try {
    const results = kernel(step, load, device, memory);
    results.forEach((values, i) => device.store(values, step.outputs[i]!, memory));
  } catch (error) {
    if (error instanceof RangeError) throw new KernelError(index, error.message);
    throw error;
  }
}
