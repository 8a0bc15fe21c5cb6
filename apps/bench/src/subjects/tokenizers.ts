/** Ours: encoding, training, and a single word that gets longer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { readTokenizer, trainTokenizer } from '@qkv/tokenizers';

import type { Settings, Subject } from '../subject';
import { tokenizingSubject } from '../tokenizing.mjs';
import { TOKENIZING, TRAINING } from '../workload.mjs';

/** One piece for GPT-2's pattern: letters that repeat no earlier part. */
function longWord(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String.fromCharCode(97 + Math.floor((26 * state) / 2 ** 32));
  }).join('');
}

export async function create(settings: Settings): Promise<Subject> {
  const folder = String(settings['folder']);
  const gpt2 = readTokenizer(readFileSync(join(folder, '0.json'), 'utf8'));
  const training = Object.entries(TRAINING).map(([name, { file, vocabSize }]) => {
    const lines = readFileSync(join(folder, file), 'utf8').split(/(?<=\n)/);
    return { name, run: () => trainTokenizer(lines, { preset: 'bpe', vocabSize }) };
  });
  const words = TOKENIZING.words.map((length) => {
    const word = longWord(length);
    return { name: `word of ${length}`, run: () => gpt2.encode(word) };
  });
  return tokenizingSubject(
    folder,
    (json) => {
      const tokenizer = readTokenizer(json);
      return {
        encode: (lines) => tokenizer.encodeBatch(lines).reduce((tokens, { ids }) => tokens + ids.length, 0),
      };
    },
    { about: 'encodeBatch of 1,000 lines', tasks: [...training, ...words] },
  );
}
