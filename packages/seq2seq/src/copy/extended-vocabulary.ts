export interface ExtendedVocabularyOptions {
  /** V: ids 0 … V−1 are the vocabulary's. */
  readonly vocabulary: number;
  /** X: ids V … V+X−1 are there for tokens that only a source has. */
  readonly extra: number;
  /** Id of what has none. */
  readonly unknownId: number;
  /** The vocabulary's id of a token; undefined or `unknownId` if there is none. */
  readonly idOf: (token: string) => number | undefined;
}

/**
 * The vocabulary as one source extends it (See et al. 2017, section 2.2): tokens that it lacks are numbered V, V+1, … in
 * the order in which the source has them. Past X of them the rest is unknown.
 */
export class ExtendedVocabulary {
  /** The source's ids; `CopyTransformer` and `CopyMechanism` take them. */
  readonly source: Int32Array;
  /** The source's own tokens: the k-th has the id V + k. */
  readonly tokens: readonly string[];
  readonly #ids = new Map<string, number>();

  constructor(
    source: readonly string[],
    readonly options: ExtendedVocabularyOptions,
  ) {
    const { vocabulary, extra, unknownId } = options;
    if (!Number.isInteger(extra) || extra < 0) {
      throw new RangeError(`ExtendedVocabulary: extra must be an integer from 0, got ${extra}`);
    }
    if (!(unknownId >= 0 && unknownId < vocabulary)) {
      throw new RangeError(`ExtendedVocabulary: unknownId ${unknownId} is outside a vocabulary of ${vocabulary}`);
    }
    for (const token of source) {
      if (this.#ids.size === extra) break;
      if (this.idOf(token) === unknownId) this.#ids.set(token, vocabulary + this.#ids.size);
    }
    this.tokens = [...this.#ids.keys()];
    this.source = Int32Array.from(source, (token) => this.idOf(token));
  }

  /** Id of a target's token: the vocabulary's, or the source's own, or `unknownId`. */
  idOf(token: string): number {
    const { unknownId, idOf } = this.options;
    const known = idOf(token);
    if (known !== undefined && known !== unknownId) return known;
    return this.#ids.get(token) ?? unknownId;
  }

  /** The source's own token with this id; undefined for ids of the vocabulary, and for those that this source has not. */
  tokenOf(id: number): string | undefined {
    return this.tokens[id - this.options.vocabulary];
  }
}
