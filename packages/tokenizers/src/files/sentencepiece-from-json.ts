import { asBoolean, JsonValue } from '../json';
import {
  checkPieces,
  defaultNormalizer,
  defaultTrainer,
  type SentencePiece,
  type SentencePieceModel,
} from './sentencepiece';
import { mergesByScore, textParts } from './sentencepiece-json';

type PieceType = SentencePiece['type'];

/**
 * The SentencePiece model that encodes as a `tokenizer.json` does, for those that `sentencePieceToTokenizerJson` or
 * Hugging Face's converters made. Special tokens become control pieces; the post-processor is left out, as SentencePiece
 * has none.
 *
 * @throws TokenizerError that names the part which SentencePiece has not.
 */
export function tokenizerJsonToSentencePiece(json: unknown): SentencePieceModel {
  const file = new JsonValue(json, 'tokenizer.json');
  const model = file.get('model');
  const type = model.get('type').oneOf(['Unigram', 'BPE', 'WordPiece', 'WordLevel']);
  if (type !== 'Unigram' && type !== 'BPE') {
    throw model.get('type').error(`SentencePiece has no model of type ${type}, only Unigram and BPE`);
  }
  const byteFallback = model.get('byte_fallback').or(asBoolean, false);
  const scored = type === 'Unigram' ? unigramPieces(model) : bpePieces(model);
  const pieces = withTypes(file, scored, unknownId(model, scored), byteFallback);
  checkPieces(pieces);
  const idOf = (text: string): number => pieces.findIndex((piece) => piece.piece === text && piece.type === 'control');
  const unknown = pieces.findIndex((piece) => piece.type === 'unknown');
  const trainer = {
    ...defaultTrainer,
    modelType: type === 'Unigram' ? ('unigram' as const) : ('bpe' as const),
    vocabSize: pieces.length,
    byteFallback,
    unkId: unknown,
    unkPiece: pieces[unknown].piece,
    bosId: idOf('<s>'),
    eosId: idOf('</s>'),
    padId: idOf('<pad>'),
  };
  if (type === 'BPE') checkMerges(model.get('merges'), pieces);
  return withTextParts(file, { pieces, trainer, normalizer: defaultNormalizer, rest: new Uint8Array(0) });
}

const piece = (text: string, score: number, type: PieceType = 'normal'): SentencePiece => ({
  piece: text,
  score: Math.fround(score),
  type,
});

function unigramPieces(model: JsonValue): SentencePiece[] {
  return model
    .get('vocab')
    .items()
    .map((entry) => {
      const pair = entry.items();
      if (pair.length !== 2) throw entry.error('expected a token and its score');
      return piece(pair[0].string(), pair[1].number());
    });
}

function bpePieces(model: JsonValue): SentencePiece[] {
  for (const option of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    const value = model.get(option);
    if (value.or((text) => text.string(), '') !== '')
      throw value.error('SentencePiece has no such option; leave it empty');
  }
  for (const option of ['ignore_merges', 'dropout']) {
    const value = model.get(option);
    if (value.value) throw value.error('SentencePiece has no such option; leave it out');
  }
  const scores = new Map<string, number>();
  for (const merge of model.get('merges').items()) {
    const made = mergeOf(merge).join('');
    if (!scores.has(made)) scores.set(made, -scores.size);
  }
  const vocab = model.get('vocab');
  const tokens = Object.keys(vocab.object());
  const texts: string[] = [];
  for (const text of tokens) {
    const id = vocab.get(text);
    const place = id.integer(0, tokens.length - 1);
    if (texts[place] !== undefined) throw id.error(`id ${place} is that of ${JSON.stringify(texts[place])} as well`);
    texts[place] = text;
  }
  return texts.map((text) => piece(text, scores.get(text) ?? -scores.size));
}

/** A merge as an array of two tokens, or as older files have it, as a text with a space between. */
function mergeOf(merge: JsonValue): [left: string, right: string] {
  const parts = typeof merge.value === 'string' ? merge.value.split(' ') : merge.items().map((part) => part.string());
  if (parts.length !== 2) throw merge.error('expected two tokens');
  return [parts[0], parts[1]];
}

function unknownId(model: JsonValue, pieces: readonly SentencePiece[]): number {
  const option = model.get('type').value === 'Unigram' ? 'unk_id' : 'unk_token';
  const value = model.get(option);
  if (value.isNull) throw value.error('SentencePiece needs a token for what is unknown; name it here');
  if (option === 'unk_id') return value.integer(0, pieces.length - 1);
  const id = pieces.findIndex(({ piece: text }) => text === value.string());
  if (id < 0) throw value.error('the vocabulary does not hold this token; add it');
  return id;
}

function withTypes(
  file: JsonValue,
  scored: readonly SentencePiece[],
  unknown: number,
  byteFallback: boolean,
): SentencePiece[] {
  const pieces = scored.map((entry, id): SentencePiece => {
    if (id === unknown) return { ...entry, score: 0, type: 'unknown' };
    if (byteFallback && /^<0x[0-9A-F]{2}>$/u.test(entry.piece)) return { ...entry, score: 0, type: 'byte' };
    return entry;
  });
  const bytes = pieces.filter(({ type }) => type === 'byte').length;
  if (byteFallback && bytes !== 256) {
    throw file.get('model').get('byte_fallback').error(`needs a token for each of 256 bytes, ${bytes} are there`);
  }
  const tokens = file.get('added_tokens').or((value) => value.items(), []);
  for (const token of tokens) {
    const id = token.get('id').integer();
    const text = token.get('content').string();
    for (const option of ['single_word', 'lstrip', 'rstrip']) {
      const value = token.get(option);
      if (value.or((flag) => flag.boolean(), false))
        throw value.error('SentencePiece has no such option; make it false');
    }
    const type: PieceType = token.get('special').or((flag) => flag.boolean(), false) ? 'control' : 'userDefined';
    if (id > pieces.length)
      throw token.get('id').error(`ids must follow each other, expected at most ${pieces.length}`);
    if (id < pieces.length && pieces[id].piece !== text) {
      throw token.error(`id ${id} is that of ${JSON.stringify(pieces[id].piece)} in the vocabulary`);
    }
    if (id !== unknown) pieces[id] = piece(text, 0, type);
  }
  return pieces;
}

/** SentencePiece merges whatever makes a piece, the pieces in the order of their scores. */
function checkMerges(merges: JsonValue, pieces: readonly SentencePiece[]): void {
  const expected = new Set(mergesByScore(pieces).map(([left, right]) => `${left} ${right}`));
  let last = 0;
  const scores = new Map(pieces.map((entry) => [entry.piece, entry.score]));
  for (const merge of merges.items()) {
    const [left, right] = mergeOf(merge);
    const score = scores.get(left + right);
    if (!expected.delete(`${left} ${right}`) || score === undefined) {
      throw merge.error(
        'SentencePiece would not make this merge: not all of its tokens are ordinary ones, or it stands twice',
      );
    }
    if (score > last) throw merge.error('the merges that make one token do not follow each other, as in SentencePiece');
    last = score;
  }
  for (const pair of expected) {
    throw merges.error(`SentencePiece would merge ${JSON.stringify(pair)} as well, which these merges do not`);
  }
}

/** The normalizer's options for which the parts are those of the file. */
function withTextParts(file: JsonValue, model: SentencePieceModel): SentencePieceModel {
  const steps = flat(file.get('normalizer'), 'normalizers');
  const precompiled = steps.find((step) => step.value !== null && step.get('type').value === 'Precompiled');
  const precompiledCharsmap =
    precompiled === undefined ? new Uint8Array(0) : fromBase64(precompiled.get('precompiled_charsmap'));
  const pre = flat(file.get('pre_tokenizer'), 'pretokenizers');
  const found = partsKey(steps, pre);
  const ordinary = { ...model, pieces: model.pieces.filter(({ type }) => type !== 'userDefined') };
  const otherName = precompiled === undefined ? 'identity' : 'user_defined';
  for (let options = 0; options < 32; options++) {
    const bit = (i: number): boolean => ((options >> i) & 1) === 1;
    const normalizer = {
      ...defaultNormalizer,
      name: bit(4) ? 'nmt_nfkc' : otherName,
      // The rules themselves do not matter to the form, and are long.
      precompiledCharsmap: precompiledCharsmap.subarray(0, 1),
      addDummyPrefix: !bit(0),
      removeExtraWhitespaces: !bit(1),
      escapeWhitespaces: !bit(2),
    };
    const trainer = { ...model.trainer, treatWhitespaceAsSuffix: bit(3) };
    for (const candidate of [model, ordinary]) {
      const parts = textParts({ ...candidate, trainer, normalizer });
      const key = partsKey(
        flat(new JsonValue(parts.normalizer, ''), 'normalizers'),
        flat(new JsonValue(parts.pre_tokenizer, ''), 'pretokenizers'),
      );
      if (key === found) return { ...model, trainer, normalizer: { ...normalizer, precompiledCharsmap } };
    }
  }
  throw file.error(
    'its normalizer and pre_tokenizer together do what SentencePiece cannot; it needs those of a converter',
  );
}

/** What two sequences of parts have in common when they do the same. */
function partsKey(normalizers: readonly JsonValue[], preTokenizers: readonly JsonValue[]): string {
  const types = preTokenizers.map((part) => part.get('type').value);
  // What converters wrote before: words are cut at white space instead of removing it.
  const words = types[0] === 'WhitespaceSplit' && types[1] === 'Metaspace';
  const steps: unknown[] = normalizers.map((step) => {
    const type = step.get('type').value;
    return type === 'Precompiled' ? type : sorted(step.object());
  });
  if (words) {
    steps.push(sorted({ type: 'Strip', strip_left: false, strip_right: true }));
    steps.push(sorted({ type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' }));
  }
  const pre = preTokenizers.slice(words ? 1 : 0).flatMap((part) => {
    const { type, replacement, prepend_scheme, add_prefix_space } = part.object();
    if (type !== 'Metaspace') return type === 'Split' ? [] : [sorted(part.object())];
    const never = prepend_scheme === 'never' || (prepend_scheme === undefined && add_prefix_space === false);
    return never ? [] : [`Metaspace ${String(replacement)}`];
  });
  return JSON.stringify([steps, pre]);
}

const sorted = (object: Record<string, unknown>): unknown =>
  Object.entries(object).sort((a, b) => (a[0] < b[0] ? -1 : 1));

/** The parts of a sequence, of sequences in it, or the one part that is none; without parts that are null. */
function flat(part: JsonValue, members: string): JsonValue[] {
  if (part.isNull) return [];
  if (part.get('type').value !== 'Sequence') return [part];
  return part
    .get(members)
    .items()
    .flatMap((member) => flat(member, members));
}

function fromBase64(value: JsonValue): Uint8Array {
  try {
    return Uint8Array.from(atob(value.string()), (character) => character.charCodeAt(0));
  } catch {
    throw value.error('expected base64');
  }
}
