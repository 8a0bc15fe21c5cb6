import { show, TokenizerError } from '../error';
import type { JsonValue } from '../json';

/** Token → id, as models are given it. */
export type Vocab = Readonly<Record<string, number>> | ReadonlyMap<string, number>;

export const MAX_ID = 2 ** 31 - 2; // ids are int32, and idBound is one more

/** Both directions of a vocabulary. Ids need not be dense: files with holes exist. */
export class TokenTable {
  readonly ids: ReadonlyMap<string, number>;
  /** Entry i is the token of id i, undefined at a hole. */
  readonly tokens: readonly (string | undefined)[];

  /** @throws TokenizerError if an id is not a whole number, is far beyond the number of tokens, or stands twice. */
  constructor(vocab: Vocab) {
    const entries = vocab instanceof Map ? vocab : new Map(Object.entries(vocab as Readonly<Record<string, number>>));
    // A hostile id must not make a table of its size. Real files leave few holes.
    const limit = Math.min(MAX_ID, 16 * entries.size + 1_000_000);
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of entries) {
      if (!Number.isInteger(id) || id < 0 || id > limit) {
        throw new TokenizerError(
          'invalid-vocabulary',
          `vocabulary: the id of "${show(token)}" is ${id}, expected a whole number from 0 to ${limit}`,
        );
      }
      while (tokens.length < id) tokens.push(undefined);
      if (tokens[id] !== undefined) {
        throw new TokenizerError(
          'invalid-vocabulary',
          `vocabulary: "${show(tokens[id])}" and "${show(token)}" both have the id ${id}`,
        );
      }
      tokens[id] = token;
    }
    this.ids = entries;
    this.tokens = tokens;
  }

  get size(): number {
    return this.ids.size;
  }

  /** Token → id in the order of ids, for JSON. */
  toJSON(): Record<string, number> {
    const object: Record<string, number> = {};
    this.tokens.forEach((token, id) => {
      // `__proto__` is a token like any other.
      if (token !== undefined) Object.defineProperty(object, token, { value: id, enumerable: true });
    });
    return object;
  }

  /** The id of a token that must be there. */
  require(token: string, what: string): number {
    const id = this.ids.get(token);
    if (id === undefined) {
      throw new TokenizerError('invalid-vocabulary', `${what} "${show(token)}" is not in the vocabulary; add it`);
    }
    return id;
  }
}

/** The vocabulary of a file; the ids are checked by the model. */
export function readVocab(json: JsonValue): ReadonlyMap<string, number> {
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(json.object())) {
    if (typeof id !== 'number') throw json.error(`the id of ${JSON.stringify(token)} is not a number`);
    vocab.set(token, id);
  }
  return vocab;
}
