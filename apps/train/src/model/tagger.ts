import { initialize } from '@qkv/nn';
import { TokenClassifier } from '@qkv/seq2seq';
import { tensor, type Tensor } from '@qkv/tensor';

import type { TagRecipe } from '../recipe';
import { TokenizerCodec } from './codec';
import { encoderOptions } from './encoder-options';
import type { Labelled, Labeller } from './labeller';
import type { Symbols } from './symbols';
import { hideSome } from './word-dropout';

/** A sentence and the tags of its words. */
export interface TaggedWords extends Labelled {
  readonly words: readonly string[];
}

/** Words and their characters, or sub-words; and what the tags are. */
export type TagCodecs = {
  readonly source: Symbols | TokenizerCodec;
  readonly character?: Symbols;
  readonly label: Symbols;
};

/** Ids 0 and 1 of words and characters: padding, and what is not known. Those of symbols come behind them. */
const UNKNOWN = 1;
const OWN_IDS = 2;

/** Characters of a word that are read: of longer ones, as many from the beginning as from the end. */
const WORD_LENGTH = 20;

/** Words as the table has them: their case is left to the characters. */
export const normalizeWord = (word: string): string => word.toLowerCase();

/** Gives each word of a sentence a tag. @throws Failure if the recipe cannot be. */
export function createTagger(codecs: TagCodecs, recipe: TagRecipe): Labeller<TaggedWords> {
  const { source } = codecs;
  return source instanceof TokenizerCodec
    ? subwordTagger(source, codecs.label, recipe)
    : wordTagger(source, codecs.character!, codecs.label, recipe);
}

function wordTagger(words: Symbols, characters: Symbols, label: Symbols, recipe: TagRecipe): Labeller<TaggedWords> {
  const { characterDimension, characterFilters: filters } = recipe;
  const module = new TokenClassifier({
    ...encoderOptions(recipe),
    vocabulary: OWN_IDS + words.size,
    classes: label.size,
    characters:
      characterDimension === 0
        ? undefined
        : { vocabulary: OWN_IDS + characters.size, dimension: characterDimension, widths: [2, 3, 4], filters },
  });
  initialize(module, recipe);
  const idOf = (symbols: Symbols, symbol: string): number => OWN_IDS + (symbols.idOf(symbol) ?? UNKNOWN - OWN_IDS);
  return {
    module,
    labels: label,
    lengthOf: (example) => example.words.length,
    places: (length) => length,
    placeOf: (_, item) => item,
    inputs(examples, rows, length) {
      const ids = new Int32Array(rows * length); // (B, T)
      const spelled = new Int32Array(rows * length * WORD_LENGTH); // (B, T, W)
      examples.forEach((example, row) => {
        example.words.forEach((word, i) => {
          const at = row * length + i;
          ids[at] = idOf(words, normalizeWord(word));
          const letters = spellingOf(word).map((letter) => idOf(characters, letter));
          spelled.set(letters, at * WORD_LENGTH);
        });
      });
      const inputs: Tensor[] = [tensor(ids, [rows, length])];
      if (characterDimension > 0) inputs.push(tensor(spelled, [rows, length, WORD_LENGTH]));
      return inputs;
    },
    logits: (ids: Tensor, spelled?: Tensor) =>
      module.forward(hideSome(ids, recipe.wordDropout, UNKNOWN), { present: ids.notEqual(0), characters: spelled }),
  };
}

function spellingOf(word: string): string[] {
  const letters = [...word];
  if (letters.length <= WORD_LENGTH) return letters;
  return [...letters.slice(0, WORD_LENGTH / 2), ...letters.slice(-WORD_LENGTH / 2)];
}

function subwordTagger(codec: TokenizerCodec, label: Symbols, recipe: TagRecipe): Labeller<TaggedWords> {
  const { maxLength } = recipe;
  const module = new TokenClassifier({
    ...encoderOptions(recipe),
    vocabulary: codec.size,
    classes: label.size,
  });
  initialize(module, recipe);
  const encodings = new WeakMap<TaggedWords, ReturnType<TokenizerCodec['encodeWords']>>();
  const encode = (example: TaggedWords) => {
    let encoding = encodings.get(example);
    if (encoding === undefined) {
      const { ids, first } = codec.encodeWords(example.words);
      // A word without a sub-word is where the one before it is, what is cut off at the last place.
      let at = 0;
      const places = first.map((place) => (at = Math.min(maxLength - 1, Math.max(at, place))));
      encoding = { ids: ids.slice(0, maxLength), first: places };
      encodings.set(example, encoding);
    }
    return encoding;
  };
  return {
    module,
    labels: label,
    lengthOf: (example) => Math.max(1, encode(example).ids.length),
    places: (length) => length,
    placeOf: (example, item) => encode(example).first[item],
    inputs(examples, rows, length) {
      const ids = new Int32Array(rows * length); // (B, T)
      examples.forEach((example, row) => ids.set(encode(example).ids, row * length));
      return [tensor(ids, [rows, length])];
    },
    logits: (ids: Tensor) =>
      module.forward(hideSome(ids, recipe.wordDropout, codec.unknown ?? codec.end), { present: ids.notEqual(0) }),
  };
}

/** A sentence in pieces that a model sees whole: of at most so many words, or of words with so many sub-words. */
export function cutSentence(sentence: TaggedWords, { source }: TagCodecs, longest: number): TaggedWords[] {
  const sizeOf = (word: string): number =>
    source instanceof TokenizerCodec ? Math.max(1, source.encodeWords(['', word]).ids.length) : 1;
  const { words, labels } = sentence;
  const pieces: TaggedWords[] = [];
  let [start, size] = [0, 0];
  words.forEach((word, i) => {
    const more = sizeOf(word);
    if (size + more > longest && i > start) {
      pieces.push({ words: words.slice(start, i), labels: labels.slice(start, i) });
      [start, size] = [i, 0];
    }
    size += more;
  });
  return start === 0 ? [sentence] : [...pieces, { words: words.slice(start), labels: labels.slice(start) }];
}
