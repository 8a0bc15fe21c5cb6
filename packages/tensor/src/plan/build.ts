import type { Capabilities, Plan } from '../backend';
import type { HostData } from '../dtype';
import { elementCount } from '../shape';
import type { Program } from './collect';
import { expandComposites } from './expand';
import { absorb } from './absorb';
import { fuse } from './fuse';
import { shareEqual } from './share';
import { Lowering } from './lower';
import { assignMemory, type MemoryOptions } from './memory';

/** Which passes run; tests switch each one off. */
export interface PlanOptions extends Partial<MemoryOptions> {
  /** Compute equal things once, and join element-wise operations into programs, also behind products. */
  readonly fuse?: boolean;
}

/** Graph → list of steps over one arena: expand, share, fuse, absorb, lower, place. */
export function buildPlan(
  program: Program,
  capabilities: Capabilities,
  options: PlanOptions = {},
): { readonly plan: Plan; readonly constants: readonly HostData[] } {
  const { fuse: fusing = true, reuse = true, inPlace = true, poison = false, repeatable = false } = options;
  const roots = [...program.outputs, ...program.assigned.map(([, value]) => value)];
  const all = expandComposites(program.nodes, roots, (step) => capabilities.supports(step));
  const expanded = fusing ? shareEqual(all) : all;
  const kept = new Set(roots.map(expanded.resolve));
  const apart = fuse(expanded, kept, capabilities.elementwise, fusing);
  const units = fusing ? absorb(apart, expanded, kept, capabilities) : apart;
  const lowered = new Lowering(expanded, capabilities, program).lower(units, program);
  const bytes = program.variables.map((variable) => elementCount(variable.shape) * capabilities.elementSize);
  const plan = assignMemory(lowered, bytes, capabilities, { reuse, inPlace, poison, repeatable });
  return { plan, constants: expanded.constants.map((node) => (node.leaf as { data: HostData }).data) };
}
