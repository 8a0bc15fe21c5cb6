/** The Rust library through its binding for Node, on one thread. It trains with its default options only. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { tokenizingSubject } from '../tokenizing.mjs';
import { TRAINING } from '../workload.mjs';

/** @param {import('../subject').Settings} settings */
export async function create({ home, folder, version }) {
  const { Tokenizer } = createRequire(String(home))('tokenizers');
  const json = JSON.parse(readFileSync(join(String(folder), '0.json'), 'utf8'));
  const tasks = Object.entries(TRAINING)
    .filter(([, { vocabSize }]) => vocabSize === 30_000)
    .map(([name, { file }]) => ({
      name,
      run() {
        const model = { type: 'BPE', vocab: {}, merges: [] };
        const tokenizer = Tokenizer.fromString(JSON.stringify({ ...json, added_tokens: [], model }));
        tokenizer.train([join(String(folder), file)]);
      },
    }));
  return tokenizingSubject(
    String(folder),
    (text) => {
      const tokenizer = Tokenizer.fromString(text);
      return {
        async encode(lines) {
          let tokens = 0;
          for (const encoding of await tokenizer.encodeBatch(lines)) tokens += encoding.getIds().length;
          return tokens;
        },
      };
    },
    { about: `tokenizers ${version} (Rust): encodeBatch of 1,000 lines, then getIds; one thread`, tasks },
  );
}
