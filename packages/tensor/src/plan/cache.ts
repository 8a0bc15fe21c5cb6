import type { Backend, Plan, Prepared } from '../backend';
import type { HostData } from '../dtype';
import { state } from '../state';
import { buildPlan, type PlanOptions } from './build';
import type { Program } from './collect';
import { type PlanKey, planKey, sameKey } from './key';

/** A plan, ready to run, with what errors and `explain` need. */
export interface PlanEntry {
  readonly key: PlanKey;
  /** Under which the cache finds it. */
  readonly name: string;
  readonly plan: Plan;
  /** null before the first run, and once it has been given back. */
  prepared: Prepared | null;
  /** Values of the constants that decompositions brought, behind those of the program. */
  readonly constants: readonly HostData[];
  /** First step that writes a Variable: an error before it has changed nothing. */
  readonly firstWrite: number;
}

/** Plans by structure; the least recently used one goes first. */
export class PlanCache {
  private readonly entries = new Map<string, PlanEntry>();

  constructor(
    private readonly backend: Backend,
    private readonly options: PlanOptions,
    private readonly maximum: number,
    /** Gives a plan's device memory back once nothing queued needs it. */
    private readonly release: (entry: PlanEntry) => void,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** The plan of a program, made if it is not known; `keep: false` for what will not come again. */
  find(program: Program, keep: boolean, repeatable = false): PlanEntry {
    const key = planKey(program);
    let name = `${key.hash}:${key.words.length}${state.debug ? ':debug' : ''}${repeatable ? ':repeat' : ''}`;
    if (!keep) return this.make(program, key, name, repeatable);
    // Equal hashes of unequal programs get names of their own.
    for (let known = this.entries.get(name); known !== undefined; known = this.entries.get(name)) {
      if (sameKey(known.key, key)) {
        this.entries.delete(name);
        this.entries.set(name, known);
        return known;
      }
      name += '+';
    }
    const entry = this.make(program, key, name, repeatable);
    this.keep(entry);
    return entry;
  }

  /** Makes a plan the one used last; one that went out, and is still held by a frozen function, comes back. */
  keep(entry: PlanEntry): void {
    const other = this.entries.get(entry.name);
    if (other !== undefined && other !== entry) this.release(other);
    this.entries.delete(entry.name);
    this.entries.set(entry.name, entry);
    if (this.entries.size > this.maximum) {
      const [oldest, evicted] = this.entries.entries().next().value!;
      this.entries.delete(oldest);
      this.release(evicted);
    }
  }

  clear(): void {
    for (const entry of this.entries.values()) entry.prepared?.release();
    this.entries.clear();
  }

  private make(program: Program, key: PlanKey, name: string, repeatable: boolean): PlanEntry {
    // In debug mode each step is one operation, so that it can be named.
    const options = { ...this.options, repeatable, ...(state.debug ? { fuse: false } : {}) };
    const { plan, constants } = buildPlan(program, this.backend.capabilities, options);
    const firstWrite = plan.steps.findIndex((step) => step.outputs.some((output) => output.slot > 0));
    return {
      key,
      name,
      plan,
      prepared: null,
      constants,
      firstWrite: firstWrite < 0 ? plan.steps.length : firstWrite,
    };
  }
}
