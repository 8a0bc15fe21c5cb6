import { fullKit } from './full-kit';
import { readTokenizerWith } from './read-tokenizer-with';
import type { Tokenizer } from './tokenizer';

/**
 * The tokenizer of a `tokenizer.json`, the format of Hugging Face's library: its text, or what JSON.parse made of it.
 *
 * @throws TokenizerError that names the place of what is missing, malformed or not known.
 */
export const readTokenizer = (json: unknown): Tokenizer => readTokenizerWith(fullKit, json);
