import { Sampler } from '../sample';

/** The choices of each option. */
export type Options = Readonly<Record<string, readonly unknown[]>>;
export type Row<O extends Options> = { readonly [K in keyof O]: O[K][number] };
/** What cannot go together. */
export type Illegal<O extends Options> = (row: Partial<Row<O>>) => boolean;

/** Two choices of different options, as text. */
const pairKey = (a: string, x: unknown, b: string, y: unknown): string => `${a}=${String(x)} ${b}=${String(y)}`;

/** Every pair of choices that may go together. */
export function legalPairs<O extends Options>(options: O, illegal: Illegal<O>): Map<string, Partial<Row<O>>> {
  const names = Object.keys(options);
  const pairs = new Map<string, Partial<Row<O>>>();
  names.forEach((a, n) => {
    for (const b of names.slice(n + 1)) {
      for (const x of options[a]) {
        for (const y of options[b]) {
          const pair = { [a]: x, [b]: y } as Partial<Row<O>>;
          if (!illegal(pair)) pairs.set(pairKey(a, x, b, y), pair);
        }
      }
    }
  });
  return pairs;
}

/** The pairs that a row has. */
export function pairsOf<O extends Options>(options: O, row: Partial<Row<O>>): string[] {
  const names = Object.keys(options).filter((name) => name in row);
  return names.flatMap((a, n) => names.slice(n + 1).map((b) => pairKey(a, row[a], b, row[b])));
}

/**
 * Rows that together have every legal pair: each begins with a pair that is missing, is filled option by option with what
 * adds most new pairs, and is the best of some attempts (Cohen et al. 1997, "The AETG system").
 */
export function coveringRows<O extends Options>(
  options: O,
  illegal: Illegal<O>,
  seed: number,
  attempts = 20,
): Row<O>[] {
  const sampler = new Sampler(seed);
  const missing = legalPairs(options, illegal);
  const rows: Row<O>[] = [];
  const news = (row: Partial<Row<O>>): number => pairsOf(options, row).filter((pair) => missing.has(pair)).length;
  while (missing.size > 0) {
    let best: Partial<Row<O>> | null = null;
    for (let n = 0; n < attempts; n++) {
      let row = sampler.pick([...missing.values()]);
      for (const name of sampler.shuffled(Object.keys(options).filter((option) => !(option in row)))) {
        const fillings = sampler
          .shuffled(options[name])
          .map((choice) => ({ ...row, [name]: choice }) as Partial<Row<O>>);
        const legal = fillings.filter((filling) => !illegal(filling));
        row = legal.reduce((most, filling) => (news(filling) > news(most) ? filling : most));
      }
      if (best === null || news(row) > news(best)) best = row;
    }
    for (const pair of pairsOf(options, best!)) missing.delete(pair);
    rows.push(best as Row<O>);
  }
  return rows;
}
