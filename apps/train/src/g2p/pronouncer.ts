import { padSequences } from '@qkv/data';
import { GreedyDecoder } from '@qkv/seq2seq';
import { tensor } from '@qkv/tensor';
import { specialIds } from '@qkv/tokenizers';

import type { Pronunciation } from '../cmudict';
import { Failure } from '../failure';
import { MAX_LETTERS, type PronunciationModel } from './model';

/** Source lengths come in multiples of this: few shapes, little padding. */
const LENGTH_STEP = 8;

/** Spelling → phonemes, by greedy decoding. */
export class Pronouncer {
  /** Source length → decoder. */
  readonly #decoders = new Map<number, GreedyDecoder>();

  constructor(
    readonly model: PronunciationModel,
    /** Words decoded at a time. */
    readonly rows: number,
  ) {}

  /** One pronunciation for each word, in their order. */
  async pronounce(words: readonly string[]): Promise<Pronunciation[]> {
    const { letters, phonemes } = this.model;
    const sources = words.map((word) => letters.encode(checkWord(word, this.model)).ids);
    const order = sources.map((_, i) => i).sort((a, b) => sources[a].length - sources[b].length || a - b);
    const results: Pronunciation[] = [];
    for (let at = 0; at < order.length; at += this.rows) {
      const batch = order.slice(at, at + this.rows);
      const longest = sources[batch.at(-1)!].length;
      const sourceLength = Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP;
      const rows = Array.from({ length: this.rows }, (_, row) => sources[batch[row]] ?? []);
      const source = tensor(padSequences(rows, sourceLength), [this.rows, sourceLength]);
      const decoded = await this.#decoder(sourceLength).decode(source);
      batch.forEach((word, row) => {
        results[word] = Array.from(decoded[row], (id) => phonemes.tokens[id]);
      });
    }
    return results;
  }

  /** Gives the memory of the caches back. */
  release(): void {
    for (const decoder of this.#decoders.values()) decoder.release();
    this.#decoders.clear();
  }

  #decoder(sourceLength: number): GreedyDecoder {
    let decoder = this.#decoders.get(sourceLength);
    if (decoder === undefined) {
      decoder = new GreedyDecoder(this.model.transformer, {
        rows: this.rows,
        sourceLength,
        // English has rarely more phonemes than letters; `WWW` has eleven.
        maxLength: Math.min(sourceLength + 16, this.model.transformer.maxLength),
        startId: specialIds.start,
        endId: specialIds.end,
      });
      this.#decoders.set(sourceLength, decoder);
    }
    return decoder;
  }
}

/** The word as the model spells it. @throws Failure naming the first character that it does not know. */
export function checkWord(word: string, { letters }: PronunciationModel): string {
  if (word.length === 0) throw new Failure('a word to pronounce is empty');
  for (const character of word) {
    const known = [...spell(character)].every((letter) => letters.idOf(letter) !== undefined);
    if (!known) {
      const visible = /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `'${character}' ` : '';
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      const alphabet = letters.tokens.slice(specialIds.unknown + 1).join('');
      throw new Failure(
        `${JSON.stringify(word)} has the character ${visible}(${code}), which the model does not know; it knows ${alphabet}`,
      );
    }
  }
  const spelled = spell(word);
  if (spelled.length > MAX_LETTERS) {
    throw new Failure(`${JSON.stringify(word)} has ${spelled.length} letters, the model takes ${MAX_LETTERS}`);
  }
  return spelled;
}

/** Upper case, as in CMUdict, with a straight apostrophe. */
const spell = (text: string): string => text.toUpperCase().replaceAll('’', "'");
