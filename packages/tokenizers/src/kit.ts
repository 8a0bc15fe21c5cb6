import type { JsonValue } from './json';
import type { Decoder, Model, Normalizer, PostProcessor, PreTokenizer } from './parts';

/** Type of a part → what makes the part of its JSON. */
export type Readers<T> = Readonly<Record<string, (json: JsonValue) => T>>;

/**
 * The parts that a reader of `tokenizer.json` knows. A page that only encodes with one kind of model brings a small kit,
 * and does not load what it has no use for.
 */
export interface Kit {
  readonly models: Readers<Model>;
  readonly normalizers: Readers<Normalizer>;
  readonly preTokenizers: Readers<PreTokenizer>;
  readonly postProcessors: Readers<PostProcessor>;
  readonly decoder: (json: JsonValue) => Decoder;
  /** A pattern `{"String": …}` or `{"Regex": …}` as a regular expression with the flag g, and u or v. */
  readonly compile: (pattern: JsonValue) => RegExp;
  /** What to do if a part or a pattern is not known: the end of an error's message. */
  readonly advice: string;
}

/** The part that `json` describes. */
export function readPart<T>(json: JsonValue, readers: Readers<T>): T {
  const type = json.get('type');
  const name = type.string();
  if (!Object.hasOwn(readers, name)) {
    const known = Object.keys(readers).sort().join(', ');
    throw type.error(`${JSON.stringify(name.slice(0, 40))} is not known; known are ${known}${json.kit.advice}`);
  }
  return readers[name](json);
}
