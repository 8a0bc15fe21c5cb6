import { type Backend, Engine, type EngineOptions, type StepDescription, validatePlan } from '@qkv/tensor';

/** What a backend was asked to do. */
export interface Observed {
  /** Kernels of the steps of all plans, and operations of their element-wise programs. */
  readonly kernels: Set<string>;
  /** Composites that it said it has. */
  readonly supported: Set<string>;
}

/** An engine on the backend that validates each plan and keeps account of kernels; `fused: false` expands all composites. */
export function observedEngine(
  backend: Backend,
  observed: Observed,
  { fused = true, ...options }: EngineOptions & { fused?: boolean } = {},
): Engine {
  const { capabilities } = backend;
  const { alignment, elementSize, elementwise } = capabilities;
  const supports = (step: StepDescription): boolean => {
    if (!fused || !capabilities.supports(step)) return false;
    observed.supported.add(step.kernel);
    return true;
  };
  const watched: Backend = {
    name: backend.name,
    numerics: backend.numerics,
    lost: backend.lost,
    capabilities: {
      alignment,
      elementSize,
      elementwise,
      epilogues: capabilities.epilogues,
      supports,
      readsStrides: (kernel, index) => capabilities.readsStrides(kernel, index),
      workspace: (step) => capabilities.workspace(step),
    },
    allocate: (bytes) => backend.allocate(bytes),
    free: (handle) => backend.free(handle),
    write: (handle, byteOffset, bytes) => backend.write(handle, byteOffset, bytes),
    prepare: (plan) => {
      validatePlan(plan, elementSize);
      for (const { kernel, attributes, inputs } of plan.steps) {
        observed.kernels.add(kernel);
        const { program } = attributes;
        if (typeof program !== 'object' || !('instructions' in program)) continue;
        for (const { op } of program.instructions) observed.kernels.add(op);
        if (program.instructions.length > elementwise.maxInstructions || inputs.length > elementwise.maxInputs) {
          throw new Error(
            `a program of ${program.instructions.length} instructions and ${inputs.length} inputs is above the limits`,
          );
        }
      }
      return backend.prepare(plan);
    },
    run: (prepared, memory, from, to) => backend.run(prepared, memory, from, to),
    profile: (prepared, memory) => backend.profile(prepared, memory),
    read: (regions) => backend.read(regions),
    close: () => backend.close(),
  };
  return new Engine(watched, options);
}
