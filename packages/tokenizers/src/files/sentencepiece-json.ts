import type { SentencePieceModel } from './sentencepiece';
import { fileError } from './file-error';
import {
  addedToken,
  vocabJSON,
  type AddedTokenJSON,
  type DecoderJSON,
  type MetaspaceJSON,
  type ModelJSON,
  type NormalizerJSON,
  type PrependSchemeJSON,
  type PreTokenizerJSON,
  type TokenizerJSON,
} from './tokenizer-json';

const SPACE = '▁';

/**
 * The `tokenizer.json` that encodes as a SentencePiece model does, of the parts that Hugging Face's converters use.
 *
 * Ids are the model's. What differs from SentencePiece, there as here:
 * - Control pieces such as `<s>` are found in text, where SentencePiece takes them for ordinary characters.
 * - A user-defined piece at the very beginning of a text gets no `▁` in front.
 * - Text that spells a byte piece, `<0x41>`, becomes that piece in Unigram models.
 * - Under `nmt_` rules, white space that these leave, the control character U+0085, is removed from the ends of a text.
 * - Unigram scores are added in 64 bits, not in 32: of two ways that are equal but for rounding it may take the other.
 *
 * @throws TokenizerError for models of type word, which have no such form.
 */
export function sentencePieceToTokenizerJson(model: SentencePieceModel): TokenizerJSON {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(model),
    ...textParts(model),
    post_processor: null,
    decoder: decoder(model),
    model: modelJSON(model),
  };
}

/** The parts that make of a text what the model reads. */
export function textParts(model: SentencePieceModel): Pick<TokenizerJSON, 'normalizer' | 'pre_tokenizer'> {
  return { normalizer: normalizer(model), pre_tokenizer: preTokenizer(model) };
}

/** The merges of BPE for pieces of which a higher score is merged first: every way to make one of two others. */
export function mergesByScore(pieces: SentencePieceModel['pieces']): [left: string, right: string][] {
  const mergeable = pieces.filter(({ type }) => type === 'normal' || type === 'unused');
  const texts = new Set(mergeable.map(({ piece }) => piece));
  const merges: [string, string][] = [];
  for (const { piece } of [...mergeable].sort((a, b) => b.score - a.score)) {
    // SentencePiece takes the leftmost pair of equals; of runs of one character that is the one with the longer left.
    for (let cut = piece.length - 1; cut > 0; cut--) {
      const left = piece.slice(0, cut);
      if (!texts.has(left)) continue;
      const right = piece.slice(cut);
      if (texts.has(right)) merges.push([left, right]);
    }
  }
  return merges;
}

/** Text where spaces are not escaped keeps them. */
const replacementOf = ({ normalizer: { escapeWhitespaces } }: SentencePieceModel): string =>
  escapeWhitespaces ? SPACE : ' ';

const hasUserDefined = ({ pieces }: SentencePieceModel): boolean => pieces.some(({ type }) => type === 'userDefined');

function addedTokens({ pieces, trainer }: SentencePieceModel): AddedTokenJSON[] {
  const added: AddedTokenJSON[] = [];
  for (const [id, { piece, type }] of pieces.entries()) {
    if (type === 'unknown' || type === 'control') added.push(addedToken(id, piece));
    // Found in normalized text, so that the spaces around them are those of the whole text. Only where a space is put
    // behind each text, that would be behind the token as well.
    if (type === 'userDefined') {
      added.push(addedToken(id, piece, { normalized: !trainer.treatWhitespaceAsSuffix, special: false }));
    }
  }
  return added;
}

function normalizer(model: SentencePieceModel): NormalizerJSON | null {
  const { addDummyPrefix, removeExtraWhitespaces, precompiledCharsmap, name } = model.normalizer;
  const replacement = replacementOf(model);
  const steps: NormalizerJSON[] = [];
  const replace = (regex: string, content: string): void => {
    steps.push({ type: 'Replace', pattern: { Regex: regex }, content });
  };
  const replaceSpaces = (): void => {
    if (replacement !== ' ') steps.push({ type: 'Replace', pattern: { String: ' ' }, content: replacement });
  };
  if (precompiledCharsmap.length > 0) {
    steps.push({ type: 'Precompiled', precompiled_charsmap: toBase64(precompiledCharsmap) });
  }
  if (model.trainer.treatWhitespaceAsSuffix) {
    if (removeExtraWhitespaces) {
      replace('\\A +', '');
      replace(' {2,}', ' ');
      // The space at the end takes the place of those that were there.
      if (addDummyPrefix) replace(`[ ${replacement}]+\\z|(?<=[^ ${replacement}])\\z`, replacement);
      else replace(`[ ${replacement}]+\\z`, '');
    } else if (addDummyPrefix) {
      replace('(?<=[\\s\\S])\\z', replacement);
    }
    replaceSpaces();
  } else if (removeExtraWhitespaces) {
    // These rules make all white space a space, and ▁ as well; after others, SentencePiece removes only those two.
    if (name.startsWith('nmt_')) steps.push({ type: 'Strip', strip_left: !addDummyPrefix, strip_right: true });
    else replace(`${addDummyPrefix ? '' : '\\A +|'}[ ${replacement}]+\\z`, '');
    // What a text begins with itself is no reason for Metaspace to put nothing in front.
    if (addDummyPrefix && !name.startsWith('nmt_')) replace(`\\A(?=${SPACE})`, replacement);
    replace(' {2,}', replacement);
  } else {
    if (addDummyPrefix) {
      // Metaspace puts nothing in front of a text that begins with a space. Prepend does, but in front of each
      // user-defined token as well.
      if (hasUserDefined(model)) replace(`\\A(?=[ ${SPACE}])`, replacement);
      else steps.push({ type: 'Prepend', prepend: replacement });
    }
    replaceSpaces();
  }
  return steps.length === 0 ? null : { type: 'Sequence', normalizers: steps };
}

function preTokenizer(model: SentencePieceModel): PreTokenizerJSON | null {
  const { removeExtraWhitespaces } = model.normalizer;
  const split = splitsAtSpaces(model);
  if (model.trainer.treatWhitespaceAsSuffix) {
    if (!split) return null;
    const pattern = { String: replacementOf(model) };
    return { type: 'Split', pattern, behavior: 'MergedWithPrevious', invert: false };
  }
  if (removeExtraWhitespaces || (hasUserDefined(model) && prependScheme(model) !== 'never')) {
    return metaspace(model, prependScheme(model), split);
  }
  return split ? metaspace(model, 'never', true) : null;
}

/** Whether no piece goes beyond a word, so that words can be cut apart first, which is much faster. */
function splitsAtSpaces(model: SentencePieceModel): boolean {
  const replacement = replacementOf(model);
  const suffix = model.trainer.treatWhitespaceAsSuffix;
  return model.pieces.every(({ piece, type }) => {
    if (type !== 'normal' && type !== 'unused') return true;
    return suffix ? !piece.slice(0, -1).includes(replacement) : !piece.includes(replacement, 1);
  });
}

function prependScheme(model: SentencePieceModel): PrependSchemeJSON {
  if (!model.normalizer.addDummyPrefix) return 'never';
  return hasUserDefined(model) ? 'first' : 'always';
}

const metaspace = (model: SentencePieceModel, prepend_scheme: PrependSchemeJSON, split: boolean): MetaspaceJSON => ({
  type: 'Metaspace',
  replacement: replacementOf(model),
  prepend_scheme,
  split,
});

function decoder(model: SentencePieceModel): DecoderJSON {
  const { byteFallback, treatWhitespaceAsSuffix } = model.trainer;
  const { addDummyPrefix } = model.normalizer;
  // Metaspace removes each ▁ of the first token, right only where a token has no other than its first character.
  if (!byteFallback && !treatWhitespaceAsSuffix && splitsAtSpaces(model)) {
    return metaspace(model, addDummyPrefix ? 'always' : 'never', true);
  }
  const decoders: DecoderJSON[] = [{ type: 'Replace', pattern: { String: replacementOf(model) }, content: ' ' }];
  if (byteFallback) decoders.push({ type: 'ByteFallback' });
  decoders.push({ type: 'Fuse' });
  // SentencePiece leaves the space at the end where it is.
  if (addDummyPrefix && !treatWhitespaceAsSuffix) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 });
  return { type: 'Sequence', decoders };
}

function modelJSON({ pieces, trainer }: SentencePieceModel): ModelJSON {
  const unknown = pieces.findIndex(({ type }) => type === 'unknown');
  switch (trainer.modelType) {
    case 'unigram':
      return {
        type: 'Unigram',
        unk_id: unknown,
        vocab: pieces.map(({ piece, score }) => [piece, score]),
        byte_fallback: trainer.byteFallback,
      };
    case 'bpe':
    case 'char':
      return {
        type: 'BPE',
        dropout: null,
        unk_token: pieces[unknown].piece,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: trainer.byteFallback,
        ignore_merges: false,
        vocab: vocabJSON(new Map(pieces.map(({ piece }, id) => [piece, id]))),
        merges: trainer.modelType === 'bpe' ? mergesByScore(pieces) : [],
      };
    case 'word':
      throw fileError(
        'SentencePiece model',
        'trainer.modelType',
        'models of type word have no tokenizer.json that encodes alike; train one of type unigram or bpe',
      );
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
