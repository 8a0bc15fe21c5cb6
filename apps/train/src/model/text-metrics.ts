import { Bleu, type BleuTokenizer, ChrF, Ter } from '@qkv/seq2seq';

import type { Judgement } from './evaluation';

/** BLEU, chrF and TER of texts that are compared as they are written, 0 to 100. */
export interface TextScores {
  readonly bleu: number;
  readonly chrF: number;
  readonly ter: number;
}

/** The scores of a corpus, and how they were computed, as sacrebleu writes it. */
export function scoreTexts(
  judgements: readonly Judgement[],
  tokenizer: BleuTokenizer,
): { readonly scores: TextScores; readonly signatures: Readonly<Record<keyof TextScores, string>> } {
  const segments = judgements.map(({ text, texts }) => ({ hypothesis: text, references: texts! }));
  // Where words are not set apart, signs are taken for them.
  const isUnspaced = tokenizer === 'zh' || tokenizer === 'char';
  const metrics = {
    bleu: new Bleu({ tokenizer }),
    chrF: new ChrF(),
    ter: new Ter(isUnspaced ? { normalized: true, asianSupport: true } : {}),
  };
  const { bleu, chrF, ter } = metrics;
  return {
    scores: {
      bleu: bleu.corpus(segments).score,
      chrF: chrF.corpus(segments).score,
      ter: ter.corpus(segments).score,
    },
    signatures: { bleu: bleu.signature(segments), chrF: chrF.signature(segments), ter: ter.signature(segments) },
  };
}
