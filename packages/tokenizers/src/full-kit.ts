import { readDecoder } from './decoders';
import type { Kit } from './kit';
import { UnicodeScripts } from './pre-tokenizers/unicode-scripts';
import { compilePattern } from './regex';

/** Everything that a `tokenizer.json` can hold. */
export const fullKit: Kit = {
  compile: compilePattern,
  unicodeScripts: () => new UnicodeScripts(),
  decoder: readDecoder,
};
