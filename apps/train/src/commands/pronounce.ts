import { LETTERS } from '../data/cmudict';
import { normalize } from '../data/task';
import { installEngine } from '../engine';
import { Failure } from '../failure';
import { encodeSource } from '../model/evaluation';
import type { TextModel } from '../model/model';
import { Translator } from '../model/translator';
import { loadRun } from '../run/weights';

export interface PronounceOptions {
  /** Run folder. */
  readonly run: string;
}

/** Prints the phonemes of each word, one word a line, as CMUdict has them: `HELLO  HH AH L OW`. */
export async function pronounce(words: readonly string[], { run }: PronounceOptions): Promise<void> {
  await installEngine();
  const { kind, model: found } = await loadRun(run);
  const model = found as TextModel;
  if (kind.name !== 'g2p') throw new Failure(`the run in ${run} does not pronounce; use predict with it`);
  const spelled = words.map((word) => checkWord(word, model)); // all, before the first is printed
  const translator = new Translator(model, Math.min(words.length, 64));
  const results = await translator.translate(spelled.map((word) => encodeSource(model, word)));
  spelled.forEach((word, i) => console.log(`${word}  ${model.codecs.target.tokensOf(results[i]).join(' ')}`));
}

/** The word as the model spells it. @throws Failure naming the first character that it does not know. */
export function checkWord(word: string, { codecs, maxSource }: TextModel): string {
  const letters = codecs.source;
  if (word.length === 0) throw new Failure('a word to pronounce is empty');
  for (const character of word) {
    const known = !letters.hasUnknown(spell(character));
    if (!known) {
      const visible = /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `'${character}' ` : '';
      const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      throw new Failure(
        `${JSON.stringify(word)} has the character ${visible}(${code}), which the model does not know; it knows ${[...LETTERS].join('')}`,
      );
    }
  }
  const spelled = spell(word);
  if (spelled.length > maxSource) {
    throw new Failure(`${JSON.stringify(word)} has ${spelled.length} letters, the model takes ${maxSource}`);
  }
  return spelled;
}

const spell = (text: string): string => normalize('g2p', text);
