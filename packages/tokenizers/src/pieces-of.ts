import { materializeBytes } from './pre-tokenizers/byte-level';
import type { Tokenizer } from './tokenizer';

/**
 * The pieces that a tokenizer gives its model for a text, written in the model's alphabet: what trainers count.
 * Added tokens are left out.
 */
export function* piecesOf(tokenizer: Tokenizer, text: string): Generator<string> {
  for (const part of tokenizer.partsOf(text.toWellFormed(), 0)) {
    if (typeof part === 'number') continue;
    const { text: cut, bounds } = materializeBytes(tokenizer.cut(part));
    for (let i = 0; i < bounds.length; i += 2) yield cut.text.slice(bounds[i], bounds[i + 1]);
  }
}
