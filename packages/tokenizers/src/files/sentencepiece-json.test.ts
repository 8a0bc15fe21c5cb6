import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { fileFailure, golden, modelBytes, testModel, throughText, type FilesGolden } from '../../test/files';
import { readSentencePiece, writeSentencePiece } from './sentencepiece';
import { tokenizerJsonToSentencePiece } from './sentencepiece-from-json';
import { sentencePieceToTokenizerJson } from './sentencepiece-json';
import type { NormalizerJSON, TokenizerJSON } from './tokenizer-json';

type Name = keyof FilesGolden['sentencePiece'];
const names = Object.keys(golden.sentencePiece) as Name[];
const jsonOf = (name: Name): TokenizerJSON => sentencePieceToTokenizerJson(readSentencePiece(modelBytes(name)));
const stepsOf = ({ normalizer }: TokenizerJSON): readonly NormalizerJSON[] =>
  normalizer?.type === 'Sequence' ? normalizer.normalizers : [];

describe('the tokenizer.json of a SentencePiece model', () => {
  // Those parts were proven to encode as sentencepiece does when the goldens were made.
  it.each(names)('is of the parts that encode alike: %s', (name) => {
    expect(throughText(jsonOf(name))).toEqual(golden.sentencePiece[name].json);
  });

  it('takes the rules of the model', () => {
    const json = sentencePieceToTokenizerJson(readSentencePiece(testModel));
    const normalizers = stepsOf(json);
    const { precompiled_charsmap, ...precompiled } = normalizers[0] as Record<string, string>;
    expect(createHash('sha256').update(precompiled_charsmap).digest('hex')).toBe(golden.testModel.charsmapSha256);
    expect(
      throughText({
        ...json,
        normalizer: { type: 'Sequence', normalizers: normalizers.with(0, precompiled as never) },
      }),
    ).toEqual(golden.testModel.json);
  });

  it('is of the form that transformers writes where rules make all white space a space', () => {
    const model = readSentencePiece(testModel);
    const json = sentencePieceToTokenizerJson({ ...model, normalizer: { ...model.normalizer, name: 'nmt_nfkc' } });
    expect(stepsOf(json).slice(1)).toEqual([
      { type: 'Strip', strip_left: false, strip_right: true },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' },
    ]);
    expect(json.pre_tokenizer).toEqual({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true });
  });

  it('is refused for whole words', () => {
    const model = readSentencePiece(modelBytes('char'));
    const word = { ...model, trainer: { ...model.trainer, modelType: 'word' as const } };
    expect(fileFailure(() => sentencePieceToTokenizerJson(word))).toMatch(
      /models of type word have no tokenizer.json/u,
    );
  });
});

describe('the SentencePiece model of a tokenizer.json', () => {
  it.each(names)('gives the same tokenizer.json: %s', (name) => {
    const json = throughText(jsonOf(name)) as TokenizerJSON;
    const model = tokenizerJsonToSentencePiece(json);
    const again = readSentencePiece(writeSentencePiece(model));
    expect(throughText(sentencePieceToTokenizerJson(again))).toEqual(json);
    const original = readSentencePiece(modelBytes(name));
    expect(again.pieces.map(({ piece, type }) => [piece, type])).toEqual(
      original.pieces.map(({ piece, type }) => [piece, type]),
    );
    const { treatWhitespaceAsSuffix, byteFallback, unkId, bosId, eosId, padId } = original.trainer;
    expect(again.trainer).toMatchObject({ treatWhitespaceAsSuffix, byteFallback, unkId, bosId, eosId, padId });
  });

  it('knows the form in which white space is cut away before', () => {
    const model = readSentencePiece(testModel);
    const json = sentencePieceToTokenizerJson(model);
    const [rules] = stepsOf(json);
    const old = {
      ...json,
      normalizer: rules,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', add_prefix_space: true }],
      },
    };
    const { precompiledCharsmap, ...options } = tokenizerJsonToSentencePiece(old).normalizer;
    expect(options).toMatchObject({ addDummyPrefix: true, removeExtraWhitespaces: true });
    expect(Buffer.compare(precompiledCharsmap, model.normalizer.precompiledCharsmap)).toBe(0);
  });

  const llama = throughText(jsonOf('llama')) as any;
  const unigram = throughText(jsonOf('unigram')) as any;
  // aaa can be made in two ways, between which ab is made.
  const vocab = { '<unk>': 0, a: 1, b: 2, aa: 3, aaa: 4, ab: 5 };
  const merges = ['a a', 'aa a', 'a b', 'a aa'];
  const mixed = { ...llama, added_tokens: [], model: { ...llama.model, byte_fallback: false, vocab, merges } };
  it.each<[string, unknown, RegExp]>([
    ['nothing', null, /^tokenizer\.json: expected an object, got nothing$/u],
    ['WordPiece', golden.wordPiece.cased, /model\.type: SentencePiece has no model of type WordPiece/u],
    ['GPT-2', golden.bpeFiles.gpt2, /model\.unk_token: SentencePiece needs a token for what is unknown/u],
    [
      'another normalizer',
      { ...unigram, normalizer: { type: 'NFC' } },
      /normalizer and pre_tokenizer together do what/u,
    ],
    [
      'a suffix',
      { ...llama, model: { ...llama.model, end_of_word_suffix: '</w>' } },
      /end_of_word_suffix: SentencePiece has no/u,
    ],
    [
      'a missing merge',
      { ...llama, model: { ...llama.model, merges: llama.model.merges.slice(1) } },
      /merges: SentencePiece would merge/u,
    ],
    ['mixed merges', mixed, /merges\[3\]: the merges that make one token do not follow each other/u],
    [
      'a missing byte',
      { ...unigram, model: { ...unigram.model, byte_fallback: true } },
      /needs a token for each of 256 bytes, 0/u,
    ],
    [
      'a gap',
      { ...unigram, added_tokens: [{ id: 1000, content: 'x' }] },
      /added_tokens\[0\]\.id: ids must follow each other/u,
    ],
    [
      'another text',
      { ...unigram, added_tokens: [{ id: 1, content: 'x' }] },
      /id 1 is that of "<s>" in the vocabulary/u,
    ],
  ])('is refused: %s', (_, json, message) => {
    expect(fileFailure(() => tokenizerJsonToSentencePiece(json))).toMatch(message);
  });
});
