import type { JsonValue } from './json';
import type { Decoder, PreTokenizer } from './parts';

/**
 * What the reader of a `tokenizer.json` makes of the parts that need much code. The entries of this package differ in
 * it, so that a page which only encodes does not load what it has no use for.
 */
export interface Kit {
  /** A pattern `{"String": …}` or `{"Regex": …}` as a regular expression with the flags g and v, or g and u. */
  compile(pattern: JsonValue): RegExp;
  unicodeScripts(json: JsonValue): PreTokenizer;
  decoder(json: JsonValue): Decoder;
}
