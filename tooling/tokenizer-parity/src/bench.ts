/** What apps/bench measures tokenizers with: vocabularies and texts. */
import { bertJson, gpt2Json, llamaJson, t5Json } from './compositions/models';
import { botchan, code, tatoeba } from './data';
import type { TokenizerJson } from './tokenizer-json';

export const BENCH_TOKENIZERS: Readonly<Record<string, () => TokenizerJson>> = {
  'GPT-2 (BPE of bytes)': gpt2Json,
  'Llama 2 (BPE)': () => llamaJson(),
  'BERT (WordPiece)': () => bertJson(),
  'T5 (Unigram)': t5Json,
};

/**
 * Lines of about so many bytes in all: sentences in English and Chinese, a novel, source code, in a mixed order. The corpus
 * is smaller, so it comes again and again, with the words of a line turned around by one place more each time and a number
 * in front: no line comes twice, while words do as often as in any text.
 */
export function benchLines(bytes: number): string[] {
  const lines = [...tatoeba().flat(), ...botchan(), ...code()];
  const mixed: string[] = [];
  let written = 0;
  for (let turn = 0; written < bytes; turn++) {
    for (let i = 0; i < lines.length && written < bytes; i++) {
      const words = lines[(i * 7919) % lines.length].split(' ');
      const at = turn % words.length;
      const line = `${turn * lines.length + i} ${[...words.slice(at), ...words.slice(0, at)].join(' ')}`;
      mixed.push(line);
      written += Buffer.byteLength(line) + 1;
    }
  }
  return mixed;
}

export const trainingLines = (): { readonly tatoeba: string[]; readonly botchan: string[] } => ({
  tatoeba: tatoeba().flat(),
  botchan: [...botchan()],
});
