import { type Backend, type Handle, KernelError, OutOfMemory, type Plan } from './backend';
import type { HostData } from './dtype';
import { formatBytes, largestTensor, stepFlops, stepName } from './explain';
import { fromDevice, nextTask, toDevice } from './host';
import { buildInitializers } from './initialize';
import type { PlanOptions } from './plan/build';
import { PlanCache, type PlanEntry } from './plan/cache';
import { collect, type Program } from './plan/collect';
import { createReferenceBackend } from './reference/backend';
import { state } from './state';
import type { Variable } from './variable';

export interface EngineOptions {
  /** Passes of the plan, for tests. */
  readonly plan?: PlanOptions;
  /** Plans kept, least recently used first out. */
  readonly maximumPlans?: number;
  /** Printed once, when this engine has computed more than 1 GFLOP. */
  readonly advice?: string;
}

/** One execution: a plan and what to put into it. */
export interface Submission {
  readonly entry: PlanEntry;
  readonly variables: readonly Variable[];
  readonly assigned: readonly Variable[];
  /** In the order of the program's host leaves. */
  readonly host: readonly (HostData | Promise<HostData>)[];
}

/** Owns a backend: its memory, its plans, and the queue in which runs follow each other. */
export class Engine {
  private readonly plans: PlanCache;
  private arena: { handle: Handle; bytes: number } | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  /** Variables whose value is uncertain because a run that writes them failed. */
  private readonly tainted = new Map<Variable, Error>();
  /** Bytes of Variables that live here. */
  private variableBytes = 0;
  private advice: { text: string; flops: number } | null;

  constructor(
    readonly backend: Backend,
    options: EngineOptions = {},
  ) {
    const { plan = {}, maximumPlans = 128, advice } = options;
    const release = (entry: PlanEntry): void => void this.queue(async () => entry.prepared.release());
    this.plans = new PlanCache(backend, plan, maximumPlans, release);
    this.advice = advice === undefined ? null : { text: advice, flops: 1e9 };
  }

  /** Bytes on the device: the arena, and all Variables. Constant in a training loop. */
  memory(): { arena: number; variables: number; plans: number } {
    return { arena: this.arena?.bytes ?? 0, variables: this.variableBytes, plans: this.plans.size };
  }

  /** The plan of a program: cached by structure. */
  planFor(program: Program, keep = true): PlanEntry {
    return this.plans.find(program, keep);
  }

  /** Binds and initialises Variables, checks that what the graph read is still there, and queues the run. */
  submitProgram(program: Program, bind: (leaf: Program['hostLeaves'][number]) => HostData | Promise<HostData>): Promise<HostData[]> {
    this.adopt(program.variables);
    for (const { leaf } of program.nodes) {
      if (leaf?.kind === 'variable' && leaf.version !== leaf.variable.version) {
        throw new Error(
          `a tensor was built on '${leaf.variable.name}', which has been overwritten since; read it before the change, or build it again`,
        );
      }
    }
    const host = program.hostLeaves.map(bind);
    const assigned = program.assigned.map(([variable]) => variable);
    return this.submit({ entry: this.planFor(program), variables: program.variables, assigned, host });
  }

  /** Queues a run. Versions advance now, so what is traced next sees them. */
  submit(submission: Submission): Promise<HostData[]> {
    state.runs++;
    for (const variable of submission.assigned) variable.version++;
    // A failing argument must not be reported as unhandled while the run waits in the queue.
    for (const data of submission.host) if (data instanceof Promise) data.catch(() => {});
    return this.queue(async () => {
      await nextTask();
      return this.execute(submission, await Promise.all(submission.host));
    });
  }

  private async execute({ entry, variables, assigned }: Submission, host: readonly HostData[]): Promise<HostData[]> {
    const { plan, prepared } = entry;
    const { elementSize } = this.backend.capabilities;
    this.giveAdvice(plan);
    for (const variable of variables) {
      const cause = this.tainted.get(variable);
      if (cause !== undefined) {
        this.taint(assigned, cause);
        throw new Error(`'${variable.name}' is uncertain since a run failed (${cause.message}); load it from a checkpoint`, { cause });
      }
    }
    let memory: Handle[];
    try {
      memory = [this.ensureArena(entry), ...variables.map((variable) => variable.handle!)];
      plan.inputs.forEach((region, i) => {
        if (region !== null) this.backend.write(memory[region.slot]!, region.byteOffset, toDevice(host[i]!, region.spec, elementSize));
      });
      if (state.debug) await this.runChecked(entry, memory);
      else await this.backend.run(prepared, memory);
    } catch (error) {
      const failure = error as Error;
      const intact = failure instanceof OutOfMemory || (failure instanceof KernelError && failure.step < entry.firstWrite);
      if (failure instanceof KernelError) failure.message += ` (step ${failure.step}: ${stepName(entry, failure.step)})`;
      if (!intact) this.taint(assigned, failure);
      throw failure;
    }
    const regions = plan.outputs.map(({ slot, byteOffset, spec }) => ({
      handle: memory[slot]!,
      byteOffset,
      bytes: spec.shape.reduce((n, size) => n * size, 1) * elementSize,
    }));
    if (regions.length === 0) return [];
    const bytes = await this.backend.read(regions);
    return bytes.map((chunk, i) => fromDevice(chunk, plan.outputs[i]!.spec, elementSize));
  }

  /** Debug mode: one step at a time, stopping at the first NaN. */
  private async runChecked(entry: PlanEntry, memory: Handle[]): Promise<void> {
    const { elementSize } = this.backend.capabilities;
    const { plan } = entry;
    const check = async (operand: { slot: number; byteOffset: number; shape: readonly number[]; dtype: string }, what: () => string): Promise<void> => {
      if (operand.dtype !== 'float32') return;
      const bytes = operand.shape.reduce((n, size) => n * size, 1) * elementSize;
      const [chunk] = await this.backend.read([{ handle: memory[operand.slot]!, byteOffset: operand.byteOffset, bytes }]);
      const values = fromDevice(chunk!, { shape: operand.shape, dtype: 'float32' }, elementSize);
      const at = values.findIndex((value: number) => Number.isNaN(value));
      if (at >= 0) throw new Error(`NaN first appears in ${what()}, at element ${at} of [${operand.shape.join(', ')}]`);
    };
    for (const [i, region] of plan.inputs.entries()) {
      if (region !== null) await check({ ...region, ...region.spec }, () => `argument or constant ${i}`);
    }
    for (let i = 0; i < plan.steps.length; i++) {
      await this.backend.run(entry.prepared, memory, i, i + 1);
      for (const output of plan.steps[i]!.outputs) await check(output, () => stepName(entry, i));
    }
  }

  private ensureArena(entry: PlanEntry): Handle {
    const bytes = Math.max(entry.plan.slots[0]!.bytes, 64);
    if (this.arena === null || this.arena.bytes < bytes) {
      if (this.arena !== null) this.backend.free(this.arena.handle);
      this.arena = null;
      try {
        this.arena = { handle: this.backend.allocate(bytes), bytes };
      } catch (error) {
        if (!(error instanceof OutOfMemory)) throw error;
        error.message = `out of memory: the arena of this plan needs ${formatBytes(bytes)}; its largest tensor is ${largestTensor(entry)}. A smaller batch or checkpoint(…) needs less`;
        throw error;
      }
    }
    return this.arena.handle;
  }

  /** Allocates Variables that are used for the first time and runs their initialisers, all in one plan. */
  private adopt(variables: readonly Variable[]): void {
    const fresh: Variable[] = [];
    for (const variable of variables) {
      if (variable.engine === this) continue;
      if (variable.engine !== null) {
        throw new Error(
          `'${variable.name}' lives on the ${variable.engine.backend.name} engine and cannot be used on the ${this.backend.name} one: an engine is chosen at first use`,
        );
      }
      fresh.push(variable);
    }
    if (fresh.length === 0) return;
    const { values, seeds } = buildInitializers(fresh);
    for (const variable of fresh) this.bind(variable);
    const program = collect([], fresh.map((variable, i) => [variable, values[i]!]));
    const entry = this.planFor(program, false);
    this.submit({
      entry,
      variables: program.variables,
      assigned: [],
      host: program.hostLeaves.map((leaf) => seeds.get(leaf.outputs[0]!) ?? (leaf.leaf as { data: HostData }).data),
    })
      .catch((error: Error) => this.taint(fresh, error))
      .finally(() => entry.prepared.release());
  }

  private bind(variable: Variable): void {
    const bytes = Math.max(variable.size, 1) * this.backend.capabilities.elementSize;
    try {
      variable.handle = this.backend.allocate(bytes);
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      error.message = `out of memory: '${variable.name}' [${variable.shape.join(', ')}] needs ${formatBytes(bytes)}, ${formatBytes(this.variableBytes)} of Variables are there already`;
      throw error;
    }
    variable.engine = this;
    this.variableBytes += bytes;
  }

  private giveAdvice(plan: Plan): void {
    if (this.advice === null) return;
    for (const step of plan.steps) this.advice.flops -= stepFlops(step);
    if (this.advice.flops >= 0) return;
    console.warn(this.advice.text);
    this.advice = null;
  }

  private taint(variables: readonly Variable[], cause: Error): void {
    for (const variable of variables) this.tainted.set(variable, cause);
  }

  /** Overwrites Variables with host values, behind everything queued so far. */
  load(entries: readonly (readonly [Variable, HostData])[]): Promise<void> {
    for (const [variable] of entries) {
      if (variable.engine === null) this.bind(variable);
      else if (variable.engine !== this) throw new Error(`load: '${variable.name}' lives on another engine`);
      variable.version++;
    }
    return this.queue(async () => {
      for (const [variable, data] of entries) {
        this.backend.write(variable.handle!, 0, toDevice(data, variable, this.backend.capabilities.elementSize));
        this.tainted.delete(variable);
      }
    });
  }

  releaseVariable(variable: Variable): void {
    const { handle } = variable;
    if (handle === null) return;
    variable.engine = null;
    variable.handle = null;
    variable.version++;
    this.variableBytes -= Math.max(variable.size, 1) * this.backend.capabilities.elementSize;
    this.queue(async () => this.backend.free(handle)).catch(() => {});
  }

  /** Gives everything back once the queue is empty. The engine cannot be used afterwards; no program needs to call it. */
  async close(): Promise<void> {
    await this.queue(async () => {
      this.plans.clear();
      this.backend.close();
    });
  }

  private queue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}

const SLOW =
  'qkv: no backend is installed, so the slow reference backend computes. Add once, at the start: ' +
  "import { useWasm } from '@qkv/backend-wasm'; await useWasm();";

/** The engine that answers where none is named: the installed one, else the reference backend. */
export function defaultEngine(): Engine {
  return (state.engine ??= new Engine(createReferenceBackend(), { advice: SLOW }));
}

/** Makes a backend the default for everything that has not been executed yet; applications call this once. */
export function installBackend(backend: Backend, options?: EngineOptions): Engine {
  return (state.engine = new Engine(backend, options));
}

/**
 * Debug mode: nodes remember the line that made them, programs run unfused and one step at a time, and the first
 * operation that makes a NaN is named. Slow.
 */
export function debug(on = true): void {
  state.debug = on;
}
