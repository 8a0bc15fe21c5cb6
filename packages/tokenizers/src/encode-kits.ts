import { TokenizerError } from './error';
import type { JsonValue } from './json';
import type { Kit } from './kit';
import { readBPE } from './models/bpe';
import { readUnigram } from './models/unigram';
import { readWordLevel } from './models/word-level';
import { readWordPiece } from './models/word-piece';
import { lowercase } from './normalizers/lowercase';
import {
  readBertNormalizer,
  readNormalizerSequence,
  readPrecompiled,
  readPrepend,
  readStrip,
} from './normalizers/read';
import { readReplace } from './normalizers/replacing';
import { stripAccents } from './normalizers/strip';
import { nfc, nfd, nfkc, nfkd } from './normalizers/unicode-forms';
import type { Decoder, PartJSON } from './parts';
import { readBertProcessing } from './post-processors/bert-processing';
import { readByteLevelProcessing } from './post-processors/byte-level-processing';
import { readPostProcessorSequence } from './post-processors/read-sequence';
import { readRobertaProcessing } from './post-processors/roberta-processing';
import { readTemplateProcessing } from './post-processors/template-processing';
import { ByteLevel } from './pre-tokenizers/byte-level';
import { Metaspace } from './pre-tokenizers/metaspace';
import { readPreTokenizerSequence } from './pre-tokenizers/read';
import { Split } from './pre-tokenizers/split';
import { BertPreTokenizer, Digits, Punctuation, Whitespace, WhitespaceSplit } from './pre-tokenizers/words';
import { compileKnownPattern } from './regex/known-patterns';

// Functions, so that a bundler can see what is not used.
const ELSEWHERE = ', or import readTokenizer from @qkv/tokenizers';

/** Keeps what a file says, and does nothing with it. */
const noDecoder = (json: JsonValue): Decoder => {
  const kept = json.object() as PartJSON;
  return {
    decode() {
      throw new TokenizerError('unsupported', `this entry does not decode${ELSEWHERE}`);
    },
    toJSON: () => kept,
  };
};
const base = () => ({
  decoder: noDecoder,
  compile: compileKnownPattern,
  advice: ELSEWHERE,
});
const normalizers = () => ({
  Lowercase: lowercase,
  NFC: nfc,
  NFD: nfd,
  NFKC: nfkc,
  NFKD: nfkd,
  Prepend: readPrepend,
  Replace: readReplace,
  Sequence: readNormalizerSequence,
});
const stripping = () => ({ Strip: readStrip, StripAccents: stripAccents });
const words = () => ({
  Digits: Digits.read,
  Sequence: readPreTokenizerSequence,
  Split: Split.read,
});
const moreWords = () => ({
  Metaspace: Metaspace.read,
  Punctuation: Punctuation.read,
  Whitespace: () => new Whitespace(),
  WhitespaceSplit: () => new WhitespaceSplit(),
});
const postProcessors = () => ({ Sequence: readPostProcessorSequence, TemplateProcessing: readTemplateProcessing });

/** BPE of bytes: GPT, Llama 3, Qwen and their like. */
export const bpe = (): Kit => ({
  ...base(),
  models: { BPE: readBPE },
  normalizers: normalizers(),
  preTokenizers: { ...words(), ByteLevel: ByteLevel.read },
  postProcessors: { ...postProcessors(), ByteLevel: readByteLevelProcessing },
});

/** BPE with the conventions of SentencePiece: Llama 2, Mistral and their like. */
export const sentencePieceBpe = (): Kit => ({
  ...base(),
  models: { BPE: readBPE },
  normalizers: normalizers(),
  preTokenizers: { ...words(), Metaspace: Metaspace.read },
  postProcessors: postProcessors(),
});

/** BPE of bytes as RoBERTa and BART have it. */
export const roberta = (): Kit => ({
  ...base(),
  models: { BPE: readBPE },
  normalizers: normalizers(),
  preTokenizers: { ByteLevel: ByteLevel.read },
  postProcessors: { ...postProcessors(), ByteLevel: readByteLevelProcessing, RobertaProcessing: readRobertaProcessing },
});

/** WordPiece: BERT and its like. */
export const wordPiece = (): Kit => ({
  ...base(),
  models: { WordPiece: readWordPiece },
  normalizers: { ...normalizers(), ...stripping(), BertNormalizer: readBertNormalizer },
  preTokenizers: { ...words(), ...moreWords(), BertPreTokenizer: () => new BertPreTokenizer() },
  postProcessors: { ...postProcessors(), BertProcessing: readBertProcessing },
});

/** Unigram: T5, XLM-R and their like. */
export const unigram = (): Kit => ({
  ...base(),
  models: { Unigram: readUnigram },
  normalizers: { ...normalizers(), ...stripping(), Precompiled: readPrecompiled },
  preTokenizers: { ...words(), ...moreWords() },
  postProcessors: postProcessors(),
});

/** Whole words, or characters. */
export const wordLevel = (): Kit => ({
  ...base(),
  models: { WordLevel: readWordLevel },
  normalizers: normalizers(),
  preTokenizers: { ...words(), ...moreWords() },
  postProcessors: postProcessors(),
});
