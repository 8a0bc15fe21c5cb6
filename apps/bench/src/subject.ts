/** Samples by the name of what was measured. */
export type Series = Record<string, number[]>;

/** What is constant, for the table: version, numerics id, counts of the plan. */
export type Facts = Record<string, string | number>;

/** What a subject is told: which work, how many threads, where its library is. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * One library doing one job, in a process of its own (`child.mjs`). The main process lets all subjects of a case take
 * turns, a round each, so that what slows the machine down slows all of them.
 */
export interface Subject {
  readonly facts: Facts;
  /** Measures once. A round is short: well below a second, where the work allows it. */
  round(): Promise<Series>;
}

/** What a subject's module exports. */
export interface SubjectModule {
  /** Loads, compiles and warms up. */
  create(settings: Settings): Promise<Subject>;
}

export type Message =
  | { readonly kind: 'ready'; readonly facts: Facts }
  | { readonly kind: 'samples'; readonly series: Series }
  | { readonly kind: 'failed'; readonly message: string };
