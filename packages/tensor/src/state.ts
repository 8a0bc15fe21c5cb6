/**
 * Process-wide state. Versions of the packages are independent, so two copies of this one can meet in a process: both
 * find the same slot, and tensors are recognised by a brand instead of a class.
 */
import type { Engine } from './engine';
import type { PendingReads } from './execute';
import type { Operation } from './operation';
import type { Trace } from './trace';

/** Raised when the in-memory form of graphs changes; copies with another number cannot be mixed. */
export const GRAPH_FORMAT = 1;
export const PACKAGE_VERSION = '0.1.0';

export const TENSOR_BRAND: unique symbol = Symbol.for('@qkv/tensor') as never;
export const VARIABLE_BRAND: unique symbol = Symbol.for('@qkv/variable') as never;

/** What a brand holds: enough for one error that names both versions. */
export interface Brand {
  readonly format: number;
  readonly version: string;
}
export const BRAND: Brand = { format: GRAPH_FORMAT, version: PACKAGE_VERSION };

export interface ProcessState {
  nextNodeId: number;
  trace: Trace | null;
  engine: Engine | null;
  /** Names of the modules whose `forward` is running, outermost first, joined by dots. */
  path: string;
  debug: boolean;
  /** Runs submitted so far. */
  runs: number;
  /** Variables made so far. */
  variables: number;
  /** Primitives and composites, by name. */
  readonly operations: Map<string, Operation>;
  /** Reads that wait for the end of the microtask. */
  readonly pending: Map<Engine, PendingReads>;
  readonly signatures: Map<string, number>;
}

const SLOT = Symbol.for(`@qkv/tensor.state.${GRAPH_FORMAT}`);

export const state: ProcessState = ((globalThis as Record<symbol, unknown>)[SLOT] ??= {
  nextNodeId: 1,
  trace: null,
  engine: null,
  path: '',
  debug: false,
  runs: 0,
  variables: 0,
  operations: new Map(),
  pending: new Map(),
  signatures: new Map<string, number>(),
} satisfies ProcessState) as ProcessState;

/** Throws if a branded object comes from a copy of the package that keeps graphs in another form. */
export function checkBrand(brand: Brand, what: string): void {
  if (brand.format !== GRAPH_FORMAT) {
    throw new TypeError(
      `${what} comes from @qkv/tensor ${brand.version}, which cannot be mixed with @qkv/tensor ${PACKAGE_VERSION}: ` +
        'install one version of it (npm ls @qkv/tensor shows who brings which)',
    );
  }
}
