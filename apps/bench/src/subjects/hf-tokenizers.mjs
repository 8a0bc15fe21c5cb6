/** @huggingface/tokenizers, plain JavaScript, with what transformers.js tokenizes. It has no training. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { tokenizingSubject } from '../tokenizing.mjs';

/** @param {import('../subject').Settings} settings */
export async function create({ home, folder, version }) {
  const { resolve } = createRequire(String(home));
  const module = await import(pathToFileURL(resolve('@huggingface/tokenizers')).href);
  const { Tokenizer } = module.Tokenizer === undefined ? module.default : module;
  return tokenizingSubject(
    String(folder),
    (json) => {
      const tokenizer = new Tokenizer(JSON.parse(json), {});
      return {
        encode: (lines) => lines.reduce((tokens, line) => tokens + tokenizer.encode(line).ids.length, 0),
      };
    },
    // A tenth of the lines, which are in a mixed order: it would take minutes over all of them.
    { about: `@huggingface/tokenizers ${version}: encode of each line; a tenth of the lines`, part: 0.1 },
  );
}
