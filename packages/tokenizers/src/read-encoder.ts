import type { Kit } from './kit';
import { readTokenizerWith } from './read-tokenizer-with';
import type { Tokenizer } from './tokenizer';

/**
 * The tokenizer of a `tokenizer.json`, to encode with: its text, or what JSON.parse made of it. `kit` says which kind of
 * model it may hold: `bpe`, `wordPiece`, `unigram` or `wordLevel`.
 *
 * It does not decode, and knows the parts and patterns that such models use; `readTokenizer` of `@qkv/tokenizers` has no
 * such limits.
 *
 * @throws TokenizerError that names the place of what is missing, malformed or not known.
 */
export const readTokenizer = (json: unknown, kit: () => Kit): Tokenizer => readTokenizerWith(kit(), json);
