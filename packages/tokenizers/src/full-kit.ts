import { readDecoder } from './decoders/read';
import { bpe, roberta, sentencePieceBpe, unigram, wordLevel, wordPiece } from './encode-kits';
import type { Kit } from './kit';
import { byteLevel, nmt } from './normalizers';
import { CharDelimiterSplit, FixedLength } from './pre-tokenizers/words';
import { UnicodeScripts } from './pre-tokenizers/unicode-scripts';
import { compilePattern } from './regex';

const kinds = [bpe(), roberta(), sentencePieceBpe(), unigram(), wordLevel(), wordPiece()];

/** Everything that a `tokenizer.json` can hold. */
export const fullKit: Kit = {
  models: Object.assign({}, ...kinds.map(({ models }) => models)) as Kit['models'],
  normalizers: Object.assign(
    { ByteLevel: byteLevel, Nmt: nmt },
    ...kinds.map(({ normalizers }) => normalizers),
  ) as Kit['normalizers'],
  preTokenizers: Object.assign(
    {
      CharDelimiterSplit: CharDelimiterSplit.read,
      FixedLength: FixedLength.read,
      UnicodeScripts: () => new UnicodeScripts(),
    },
    ...kinds.map(({ preTokenizers }) => preTokenizers),
  ) as Kit['preTokenizers'],
  postProcessors: Object.assign({}, ...kinds.map(({ postProcessors }) => postProcessors)) as Kit['postProcessors'],
  decoder: readDecoder,
  compile: compilePattern,
  advice: '',
};
