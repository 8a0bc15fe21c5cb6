import type { Backend, Handle, Memory, Plan, Prepared } from '@qkv/tensor';

/** Milliseconds of each step of a plan, one entry per run. */
export interface StepTimes {
  readonly plan: Plan;
  readonly milliseconds: number[][];
}

/**
 * A backend with a clock: how long its kernels run, as a whole or step by step. Only the contract is used, so that it
 * fits any backend.
 */
export class MeteredBackend implements Backend {
  /** What runs do: execute; execute one step at a time and note each; or nothing, to warm up what stands around them. */
  mode: 'run' | 'profile' | 'skip' = 'run';
  /** Spent in runs since last set to 0. */
  milliseconds = 0;
  /** By plan, since the mode became `profile`. */
  readonly profiles = new Map<Plan, StepTimes>();
  /** In the order in which they were made. */
  readonly plans: Plan[] = [];

  constructor(private readonly inner: Backend) {}

  get name(): string {
    return this.inner.name;
  }
  get numerics(): string {
    return this.inner.numerics;
  }
  get capabilities(): Backend['capabilities'] {
    return this.inner.capabilities;
  }
  get lost(): Promise<Error> {
    return this.inner.lost;
  }

  allocate(bytes: number): Handle {
    return this.inner.allocate(bytes);
  }

  free(handle: Handle): void {
    this.inner.free(handle);
  }

  write(handle: Handle, byteOffset: number, bytes: Uint8Array): void {
    this.inner.write(handle, byteOffset, bytes);
  }

  prepare(plan: Plan): Prepared {
    this.plans.push(plan);
    return this.inner.prepare(plan);
  }

  async run(prepared: Prepared, memory: Memory, from = 0, to = prepared.plan.steps.length): Promise<void> {
    if (this.mode === 'skip') return;
    const started = performance.now();
    if (this.mode === 'run') await this.inner.run(prepared, memory, from, to);
    else await this.#profile(prepared, memory, from, to);
    this.milliseconds += performance.now() - started;
  }

  repeat(...args: Parameters<NonNullable<Backend['repeat']>>): Promise<number> | null {
    const started = performance.now();
    const done = this.mode === 'run' ? this.inner.repeat?.(...args) : null;
    return done?.finally(() => (this.milliseconds += performance.now() - started)) ?? null;
  }

  async #profile(prepared: Prepared, memory: Memory, from: number, to: number): Promise<void> {
    const { plan } = prepared;
    let times = this.profiles.get(plan);
    if (times === undefined) this.profiles.set(plan, (times = { plan, milliseconds: plan.steps.map(() => []) }));
    for (let i = from; i < to; i++) {
      const started = performance.now();
      const finished = this.inner.run(prepared, memory, i, i + 1);
      if (finished !== undefined) await finished; // an await alone would add a turn of the microtask queue to each step
      times.milliseconds[i].push(performance.now() - started);
    }
  }

  profile(prepared: Prepared, memory: Memory): ReturnType<Backend['profile']> {
    return this.inner.profile(prepared, memory);
  }

  read(regions: Parameters<Backend['read']>[0]): Promise<Uint8Array[]> {
    return this.inner.read(regions);
  }

  close(): void {
    this.inner.close();
  }
}
