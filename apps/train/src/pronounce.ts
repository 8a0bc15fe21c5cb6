import { useWasm } from '@qkv/backend-wasm';

import { checkWord, Pronouncer } from './g2p/pronouncer';
import { loadRun } from './g2p/run-folder';

export interface PronounceOptions {
  /** Run folder. */
  readonly model: string;
}

/** Prints the phonemes of each word, one word a line, as CMUdict has them: `HELLO  HH AH L OW`. */
export async function pronounce(words: readonly string[], { model: folder }: PronounceOptions): Promise<void> {
  await useWasm();
  const model = await loadRun(folder);
  const spelled = words.map((word) => checkWord(word, model)); // all, before the first is printed
  const pronouncer = new Pronouncer(model, Math.min(words.length, 64));
  const pronunciations = await pronouncer.pronounce(words);
  spelled.forEach((word, i) => console.log(`${word}  ${pronunciations[i].join(' ')}`));
}
