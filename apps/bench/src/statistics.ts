/** The q-th quantile, linear between neighbours (Hyndman & Fan's type 7, as numpy and R have it). NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const above = Math.ceil(at);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** What a table shows of a series: the middle half of the samples, and its middle. */
export interface Summary {
  readonly median: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  readonly samples: number;
}

export function summarize(values: readonly number[]): Summary {
  return { median: median(values), q1: quantile(values, 0.25), q3: quantile(values, 0.75), samples: values.length };
}

/** Quotients of two series that were measured side by side, round by round: what both rounds suffered cancels. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`ratios: ${numerators.length} numerators for ${denominators.length} denominators`);
  }
  return numerators.map((value, i) => value / denominators[i]);
}
