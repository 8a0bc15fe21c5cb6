import type { Outcome } from '../runner';

/** An outcome of which a test says only what it is about. */
export function outcomeOf(label: string, more: Partial<Outcome> = {}): Outcome {
  return { label, runtime: 'v20', own: false, baseline: false, facts: {}, rounds: [], ...more };
}

/** Rounds in which one thing took so many milliseconds each. */
export const roundsOf = (name: string, times: readonly number[]): Outcome['rounds'] =>
  times.map((ms) => ({ [`${name} ms`]: [ms], [`${name} cpu`]: [ms] }));
