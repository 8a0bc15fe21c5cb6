import { z } from 'zod';

import { Failure } from '../failure';
import type { Codec } from './codec';

/** How a config names a list of symbols. */
export const SYMBOLS_FORMAT = 'qkv.symbols';

const schema = z.strictObject({ format: z.literal(SYMBOLS_FORMAT), symbols: z.array(z.string()) });

/** Id ↔ symbol, for what is not cut into parts: labels, words that come one by one, characters of words. */
export class Symbols implements Codec {
  readonly #ids: ReadonlyMap<string, number>;

  /** The first symbol has id 0. */
  constructor(readonly names: readonly string[]) {
    this.#ids = new Map(names.map((name, id) => [name, id]));
    if (this.#ids.size !== names.length) throw new Failure('a symbol stands twice in a list; remove one');
  }

  /** Those that occur so often at least, the most frequent first, equally frequent ones by code unit. */
  static count(symbols: Iterable<string>, least = 1): Symbols {
    const counts = new Map<string, number>();
    for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    const kept = [...counts].filter(([, count]) => count >= least);
    return new Symbols(kept.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([symbol]) => symbol));
  }

  /** Each of them once, sorted. */
  static sorted(symbols: Iterable<string>): Symbols {
    return new Symbols([...new Set(symbols)].sort());
  }

  static fromJSON(json: unknown): Symbols {
    const { data, error } = schema.safeParse(json);
    if (data === undefined) throw new Failure(`symbols: ${error.issues[0].message}`);
    return new Symbols(data.symbols);
  }

  get size(): number {
    return this.names.length;
  }

  idOf(symbol: string): number | undefined {
    return this.#ids.get(symbol);
  }

  toJSON(): unknown {
    return { format: SYMBOLS_FORMAT, symbols: this.names };
  }
}
