import { type Backend, type Handle, KernelError, type Operand, type OutOfMemory, type Plan, type Prepared, type StepTimes } from './backend';
import type { HostData } from './dtype';
import { formatBytes, largestTensor, stepFlops, stepName } from './explain';
import { fromDevice, nextTask, toDevice } from './host';
import { buildInitializers } from './initialize';
import type { PlanOptions } from './plan/build';
import { PlanCache, type PlanEntry } from './plan/cache';
import { collect, type Program } from './plan/collect';
import { describeProgram } from './plan/key';
import { createReferenceBackend } from './reference/backend';
import { contiguousStrides, elementCount, forEachOffset, formatShape, stridedExtent } from './shape';
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
  /** Run again and again, at most so many times, until the first result is true; takes how often it was. */
  readonly repeat?: { readonly times: number; readonly randomInput: number; readonly onDone: (times: number) => void };
  /** Takes how long each step took; without, nothing is measured. */
  readonly onProfile?: (times: StepTimes) => void;
  /** One line per node of the traced graph; asked for when something fails. */
  readonly describe: () => readonly string[];
}

/** Runs of a repeated plan after which others have their turn. */
const TURN = 8;

/** Owns a backend: its memory, its plans, and the queue in which runs follow each other. */
export class Engine {
  private readonly plans: PlanCache;
  private arena: { handle: Handle; bytes: number } | null = null;
  private tail: Promise<unknown> = Promise.resolve();
  /** Variables whose value is uncertain because a run that writes them failed. */
  private readonly tainted = new WeakMap<Variable, Error>();
  /** Bytes of Variables that live here. */
  private variableBytes = 0;
  /** The net under owners that are dropped without `release`: their memory comes back with the garbage collector. */
  private readonly dropped = new FinalizationRegistry<{ handle: Handle; bytes: number }>((held) => this.reclaim(held));
  private advice: { text: string; flops: number } | null;

  constructor(
    readonly backend: Backend,
    options: EngineOptions = {},
  ) {
    const { plan = {}, maximumPlans = 128, advice } = options;
    const release = (entry: PlanEntry): void => void this.queue(async () => dropPrepared(entry));
    this.plans = new PlanCache(backend, plan, maximumPlans, release);
    this.advice = advice === undefined ? null : { text: advice, flops: 1e9 };
  }

  /** Bytes on the device: the arena, and all Variables. Constant in a training loop. */
  memory(): { arena: number; variables: number; plans: number } {
    return { arena: this.arena?.bytes ?? 0, variables: this.variableBytes, plans: this.plans.size };
  }

  /** The plan of a program: cached by structure. */
  planFor(program: Program, keep = true, repeatable = false): PlanEntry {
    return this.plans.find(program, keep, repeatable);
  }

  /** Replays a plan that the caller holds: it counts as used. */
  resubmit(submission: Submission): Promise<HostData[]> {
    this.plans.keep(submission.entry);
    return this.submit(submission);
  }

  /** Checks that what the graph read is still there, and queues the run. */
  submitProgram(
    program: Program,
    bind: (leaf: Program['hostLeaves'][number]) => HostData | Promise<HostData>,
    more: Pick<Submission, 'onProfile' | 'repeat'> = {},
  ): { readonly entry: PlanEntry; readonly results: Promise<HostData[]> } {
    for (const { leaf } of program.nodes) {
      if (leaf?.kind === 'variable' && leaf.version !== leaf.variable.version) {
        throw new Error(
          `a tensor was built on '${leaf.variable.name}', which has been overwritten since; read it before the change, or build it again`,
        );
      }
    }
    const host = program.hostLeaves.map(bind);
    const assigned = program.assigned.map(([variable]) => variable);
    const entry = this.planFor(program, true, more.repeat !== undefined);
    return { entry, results: this.submit({ entry, variables: program.variables, assigned, host, ...more, describe: () => describeProgram(program) }) };
  }

  /** Binds and initialises Variables, and queues a run. Versions advance now, so what is traced next sees them. */
  submit(submission: Submission): Promise<HostData[]> {
    this.adopt(submission.variables);
    // Taken now: a Variable may be released while the run waits.
    const handles = submission.variables.map((variable) => variable.handle!);
    state.runs++;
    for (const variable of submission.assigned) variable.version++;
    // A failing argument must not be reported as unhandled while the run waits in the queue.
    for (const data of submission.host) if (data instanceof Promise) data.catch(() => {});
    return this.queue(async () => {
      await nextTask();
      return this.execute(submission, handles, await Promise.all(submission.host));
    });
  }

  private async execute({ entry, variables, assigned, onProfile, repeat, describe }: Submission, handles: readonly Handle[], host: readonly HostData[]): Promise<HostData[]> {
    const { plan } = entry;
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
      memory = [this.ensureArena(entry, describe), ...handles];
      entry.prepared ??= this.prepare(entry, describe);
      plan.inputs.forEach((region, i) => {
        if (region !== null) this.backend.write(memory[region.slot]!, region.byteOffset, toDevice(host[i] ?? entry.constants[i - host.length]!, region.spec, elementSize));
      });
      if (repeat !== undefined) repeat.onDone(await this.repeat(entry, memory, repeat));
      else if (onProfile !== undefined) onProfile(await this.backend.profile(entry.prepared, memory));
      else if (state.debug) await this.runChecked(entry, entry.prepared, memory);
      else await this.backend.run(entry.prepared, memory);
    } catch (error) {
      const failure = error as Error;
      const intact = isOutOfMemory(failure) || (isKernelError(failure) && failure.step < entry.firstWrite && repeat === undefined);
      if (isKernelError(failure) && failure.step >= 0) failure.message += ` (step ${failure.step}: ${stepName(plan, describe(), failure.step)})`;
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

  /** Without coming back to the host between, where the backend can; else with a turn for others now and then. */
  private async repeat(entry: PlanEntry, memory: Handle[], { times, randomInput }: NonNullable<Submission['repeat']>): Promise<number> {
    const { plan } = entry;
    const prepared = entry.prepared!;
    const until = plan.outputs[0]!;
    const random = randomInput < 0 ? null : plan.inputs[randomInput]!;
    // Words 0 and 1 are the seed, word 2 is the step.
    const counter = random === null ? null : { slot: random.slot, byteOffset: random.byteOffset + 2 * this.backend.capabilities.elementSize };
    const done = state.debug ? null : (this.backend.repeat?.(prepared, memory, { times, until, counter }) ?? null);
    if (done !== null) return done;
    const { elementSize } = this.backend.capabilities;
    const word = async (at: { slot: number; byteOffset: number }): Promise<number> => {
      const [bytes] = await this.backend.read([{ handle: memory[at.slot]!, byteOffset: at.byteOffset, bytes: elementSize }]);
      return fromDevice(bytes!, { shape: [], dtype: 'int32' }, elementSize)[0]!;
    };
    for (let done = 1; ; done++) {
      if (state.debug) await this.runChecked(entry, prepared, memory);
      else await this.backend.run(prepared, memory);
      if (done === times || (await word(until)) !== 0) return done;
      if (counter !== null) {
        const next = Int32Array.of((await word(counter)) + 1);
        this.backend.write(memory[counter.slot]!, counter.byteOffset, toDevice(next, { shape: [], dtype: 'int32' }, elementSize));
      }
      if (done % TURN === 0) await nextTask();
    }
  }

  /** Debug mode: one step at a time, stopping at the first NaN. */
  private async runChecked({ plan }: PlanEntry, prepared: Prepared, memory: Handle[]): Promise<void> {
    const { elementSize } = this.backend.capabilities;
    const check = async ({ slot, byteOffset, shape, strides, dtype }: Operand, step: number, what: string): Promise<void> => {
      if (dtype !== 'float32' || elementCount(shape) === 0) return;
      const extent = stridedExtent(shape, strides);
      const [chunk] = await this.backend.read([{ handle: memory[slot]!, byteOffset, bytes: extent * elementSize }]);
      const values = fromDevice(chunk!, { shape: [extent], dtype }, elementSize);
      forEachOffset(shape, strides, (offset, i) => {
        if (Number.isNaN(values[offset])) throw new KernelError(step, `NaN first appears in ${what}, at element ${i} of ${formatShape(shape)}`);
      });
    };
    for (const [i, region] of plan.inputs.entries()) {
      if (region === null) continue;
      const { shape, dtype } = region.spec;
      await check({ ...region, shape, dtype, strides: contiguousStrides(shape) }, -1, `argument or constant ${i}`);
    }
    for (let i = 0; i < plan.steps.length; i++) {
      await this.backend.run(prepared, memory, i, i + 1);
      for (const output of plan.steps[i]!.outputs) await check(output, i, `a result of ${plan.steps[i]!.kernel}`);
    }
  }

  private prepare({ plan }: PlanEntry, describe: Submission['describe']): Prepared {
    try {
      return this.backend.prepare(plan);
    } catch (error) {
      if (isOutOfMemory(error)) error.message = `out of memory: a plan of ${plan.steps.length} steps does not fit; its largest tensor is ${largestTensor(plan, describe())}`;
      throw error;
    }
  }

  private ensureArena(entry: PlanEntry, describe: Submission['describe']): Handle {
    const bytes = Math.max(entry.plan.slots[0]!.bytes, 64);
    if (this.arena === null || this.arena.bytes < bytes) {
      if (this.arena !== null) this.backend.free(this.arena.handle);
      this.arena = null;
      try {
        this.arena = { handle: this.backend.allocate(bytes), bytes };
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        error.message = `out of memory: the arena of this plan needs ${formatBytes(bytes)}; its largest tensor is ${largestTensor(entry.plan, describe())}. A smaller batch or checkpoint(…) needs less`;
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
    const { assigned, seeds } = buildInitializers(fresh);
    const program = collect([], assigned);
    const entry = this.planFor(program, false);
    const made = assigned.map(([variable]) => variable);
    this.bind(made);
    this.submit({
      entry,
      variables: program.variables,
      assigned: [],
      host: program.hostLeaves.map((leaf) => seeds.get(leaf.outputs[0]!) ?? (leaf.leaf as { data: HostData }).data),
      describe: () => describeProgram(program),
    })
      .catch((error: Error) => this.taint(made, error))
      .finally(() => dropPrepared(entry));
  }

  /** Gives Variables memory: all of them or, where it does not suffice, none. */
  private bind(variables: readonly Variable[]): void {
    for (const [i, variable] of variables.entries()) {
      const bytes = this.bytesOf(variable);
      try {
        variable.handle = this.backend.allocate(bytes);
      } catch (error) {
        if (isOutOfMemory(error)) {
          error.message = `out of memory: '${variable.name}' [${variable.shape.join(', ')}] needs ${formatBytes(bytes)}, ${formatBytes(this.variableBytes)} of Variables are there already`;
        }
        for (const bound of variables.slice(0, i)) this.unbind(bound);
        throw error;
      }
      variable.engine = this;
      this.variableBytes += bytes;
      this.dropped.register(variable, { handle: variable.handle, bytes }, variable);
    }
  }

  private unbind(variable: Variable): void {
    const handle = variable.handle!;
    variable.engine = null;
    variable.handle = null;
    this.queue(async () => void this.tainted.delete(variable)).catch(() => {});
    this.dropped.unregister(variable);
    this.reclaim({ handle, bytes: this.bytesOf(variable) });
  }

  /** Behind whatever is queued: it may still use the memory. */
  private reclaim({ handle, bytes }: { handle: Handle; bytes: number }): void {
    this.variableBytes -= bytes;
    this.queue(async () => this.backend.free(handle)).catch(() => {});
  }

  private bytesOf(variable: Variable): number {
    return Math.max(variable.size, 1) * this.backend.capabilities.elementSize;
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
    for (const [{ engine, name }] of entries) {
      if (engine !== null && engine !== this) throw new Error(`load: '${name}' lives on another engine`);
    }
    this.bind([...new Set(entries.map(([variable]) => variable))].filter((variable) => variable.engine === null));
    const handles = entries.map(([variable]) => variable.handle!);
    for (const [variable] of entries) variable.version++;
    return this.queue(async () => {
      entries.forEach(([variable, data], i) => {
        this.backend.write(handles[i]!, 0, toDevice(data, variable, this.backend.capabilities.elementSize));
        this.tainted.delete(variable);
      });
    });
  }

  releaseVariable(variable: Variable): void {
    if (variable.engine !== this) return;
    this.unbind(variable);
    variable.version++;
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

function dropPrepared(entry: PlanEntry): void {
  entry.prepared?.release();
  entry.prepared = null;
}

// By name, for the backend may have been made with another copy of this package.
const isOutOfMemory = (error: unknown): error is OutOfMemory => error instanceof Error && error.name === 'OutOfMemory';
const isKernelError = (error: unknown): error is KernelError => error instanceof Error && error.name === 'KernelError';

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
