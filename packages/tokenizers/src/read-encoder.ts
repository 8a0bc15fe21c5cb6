import { encodeKit } from './encode-kit';
import { readTokenizerWith } from './read-tokenizer-with';
import type { Tokenizer } from './tokenizer';

/**
 * The tokenizer of a `tokenizer.json`, to encode with: its text, or what JSON.parse made of it. It does not decode, and
 * of regular expressions it knows those of the models in use; `readTokenizer` of `@qkv/tokenizers` has no such limits.
 *
 * @throws TokenizerError that names the place of what is missing, malformed or not known.
 */
export const readTokenizer = (json: unknown): Tokenizer => readTokenizerWith(encodeKit, json);
