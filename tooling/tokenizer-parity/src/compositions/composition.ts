import type { TokenizerJson } from '../tokenizer-json';

/** A tokenizer that both libraries read, and what to try it with. */
export interface Composition {
  readonly name: string;
  readonly json: () => TokenizerJson;
  /** Strings that random texts are made of: tokens of the vocabulary, added tokens, what is looked for. */
  readonly tokens: () => readonly string[];
  /** How many real and random texts, as a multiple of the usual. */
  readonly weight?: number;
  /** Texts are also given as pairs. */
  readonly pairs?: boolean;
}
